"""Function calls: the round trip by polling, and every way in which outputs can be wrong."""

import asyncio

import openai
import pytest

from e2e.assistants_client import (
    POLL,
    WEATHER,
    each_database,
    fetch_run,
    new_thread,
    on_both,
    outputs_for,
    reached,
    run_of,
    steps_of,
    texts,
)
from envelope import assert_error
from upstream import Gate, call, calls, text

PARIS = call("get_weather", call_id="call_a", city="Paris")
ROME = call("get_weather", call_id="call_b", city="Rome")


def submit(client, run, outputs):
    return client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=run.thread_id, tool_outputs=outputs, poll_interval_ms=POLL
    )


def output(call_id, said="18"):
    return {"tool_call_id": call_id, "output": said}


@on_both
def test_a_run_calls_waits_and_answers(client, upstream, forecaster, thread):
    upstream.answer(calls(PARIS, ROME, usage=(260, 12)), text("Mild.", usage=(284, 42)))
    run = run_of(client, thread, forecaster)
    assert (run.status, run.usage) == ("requires_action", None)
    asked = run.required_action.submit_tool_outputs.tool_calls
    assert [(one.id, one.type, one.function.name, one.function.arguments) for one in asked] == [
        ("call_a", "function", "get_weather", '{"city": "Paris"}'),
        ("call_b", "function", "get_weather", '{"city": "Rome"}'),
    ]
    (step,) = steps_of(client, run)
    assert (step.type, step.status, step.usage, step.expires_at) == ("tool_calls", "in_progress", None, run.expires_at)
    assert [one.function.output for one in step.step_details.tool_calls] == [None, None]

    run = submit(client, run, [output("call_b", "24 °C"), output("call_a", "")])
    assert (run.status, run.required_action) == ("completed", None)
    assert (run.usage.prompt_tokens, run.usage.completion_tokens, run.usage.total_tokens) == (544, 54, 598)
    called, answered = steps_of(client, run)
    assert (called.id, called.status, called.usage.total_tokens) == (step.id, "completed", 272)
    assert [one.function.output for one in called.step_details.tool_calls] == ["", "24 °C"]
    assert (answered.type, answered.usage.total_tokens) == ("message_creation", 326)
    assert texts(client, thread) == ["Hello", "Mild."]


@on_both
def test_outputs_are_answered_with_the_queued_run(client, upstream, forecaster, thread):
    gate = Gate()
    upstream.answer(calls(PARIS), text(gate, "Mild."))
    waiting = run_of(client, thread, forecaster)
    run = client.beta.threads.runs.submit_tool_outputs(
        waiting.id, thread_id=thread.id, tool_outputs=outputs_for(waiting)
    )
    assert (run.status, run.required_action, run.usage) == ("queued", None, None)
    assert (run.started_at, run.expires_at) == (waiting.started_at, waiting.expires_at)
    gate.open()
    assert reached(client, run).status == "completed"


@on_both
def test_calls_in_several_rounds_and_the_costs_of_all(client, upstream, forecaster, thread):
    # Some models give every call the same id.
    upstream.answer(*[calls(PARIS, usage=(10, 1)) for _ in range(4)], text("Done.", usage=(10, 1)))
    run = run_of(client, thread, forecaster)
    for number in range(4):
        assert run.status == "requires_action"
        run = submit(client, run, [output("call_a", str(number))])
    assert (run.status, run.usage.total_tokens) == ("completed", 55)
    heard = [message["content"] for message in upstream.requests[-1].body["messages"] if message["role"] == "tool"]
    assert heard == ["0", "1", "2", "3"]


@on_both
@pytest.mark.parametrize(
    ("given", "named"),
    [
        ([], []),
        ([output("call_a")], ["call_a"]),
        ([output("call_a"), output("call_x")], ["call_a", "call_x"]),
        ([output("call_a"), output("call_a")], ["call_a", "call_a"]),
        ([output("call_a"), output("call_b"), output("call_b")], ["call_a", "call_b", "call_b"]),
        ([output("call_a"), output("call_b"), output("call_x")], ["call_a", "call_b", "call_x"]),
    ],
)
def test_outputs_that_do_not_match_the_calls_change_nothing(client, upstream, forecaster, thread, given, named):
    upstream.answer(calls(PARIS, ROME))
    run = run_of(client, thread, forecaster)
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as caught:
            client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=thread.id, tool_outputs=given, stream=stream)
        message = f"Expected tool outputs for call_ids ['call_a', 'call_b'], got {named}"
        assert_error(caught.value, 400, message)
    assert fetch_run(client, run) == run
    assert submit(client, run, outputs_for(run)).status == "completed"


@on_both
def test_outputs_for_a_run_that_does_not_wait_are_refused(client, upstream, forecaster, thread):
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo"))
    run = client.beta.threads.runs.create(thread.id, assistant_id=forecaster.id)
    reached(client, run, "in_progress")
    for status in ("in_progress", "completed"):
        assert reached(client, run, status).status == status
        with pytest.raises(openai.BadRequestError) as caught:
            client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=thread.id, tool_outputs=[output("call_a")])
        assert_error(caught.value, 400, f'Runs in status "{status}" do not accept tool outputs.')
        if status == "in_progress":
            gate.open()


@on_both
async def test_outputs_submitted_concurrently_are_accepted_once(async_client, client, upstream, forecaster, thread):
    upstream.answer(calls(PARIS), text("Once."))
    run = run_of(client, thread, forecaster)
    tries = [
        async_client.beta.threads.runs.submit_tool_outputs(
            run.id, thread_id=thread.id, tool_outputs=[output("call_a", str(number))]
        )
        for number in range(5)
    ]
    ended = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, openai.BadRequestError) for one in ended) == 4
    assert reached(client, run).status == "completed"
    assert texts(client, thread) == ["Hello", "Once."]


def test_a_call_without_arguments_has_an_empty_object(client, upstream, forecaster, thread):
    upstream.answer(calls(call("get_weather", raw_arguments="")))
    run = run_of(client, thread, forecaster)
    assert run.required_action.submit_tool_outputs.tool_calls[0].function.arguments == "{}"
    client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    reached(client, run)


def test_arguments_that_are_no_json_are_handed_on_as_they_are(client, upstream, forecaster, thread):
    upstream.answer(calls(call("get_weather", raw_arguments='{"city": "Par')))
    run = run_of(client, thread, forecaster)
    assert run.required_action.submit_tool_outputs.tool_calls[0].function.arguments == '{"city": "Par'
    client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    reached(client, run)


@pytest.mark.parametrize(("indexed", "interleaved"), [(True, True), (True, False), (False, False)])
def test_fragments_of_parallel_calls_come_together(client, upstream, forecaster, thread, indexed, interleaved):
    upstream.answer(calls(PARIS, ROME, indexed=indexed, interleaved=interleaved))
    run = run_of(client, thread, forecaster)
    asked = run.required_action.submit_tool_outputs.tool_calls
    assert [(one.id, one.function.arguments) for one in asked] == [
        ("call_a", '{"city": "Paris"}'),
        ("call_b", '{"city": "Rome"}'),
    ]
    assert submit(client, run, outputs_for(run)).status == "completed"


@each_database
def test_outputs_wait_with_their_run_for_a_place(new_server, upstream, database):
    client = new_server(limits__concurrent_runs=1, **database).start().client
    assistant = client.beta.assistants.create(model="gpt-4o", tools=[WEATHER])
    upstream.answer(calls(PARIS))
    waiting = run_of(client, new_thread(client, "call"), assistant)
    gate = Gate()
    upstream.answer(text(gate, "first"), text("second"))
    busy = client.beta.threads.runs.create(new_thread(client, "busy").id, assistant_id=assistant.id)
    upstream.wait_for(2)
    with client.beta.threads.runs.submit_tool_outputs(
        waiting.id, thread_id=waiting.thread_id, tool_outputs=outputs_for(waiting), stream=True
    ) as events:
        assert next(events).event == "thread.run.step.completed"
        assert next(events).event == "thread.run.queued"
        assert fetch_run(client, waiting).status == "queued"
        gate.open()
        rest = [event.event for event in events]
    assert (rest[0], rest[-1]) == ("thread.run.in_progress", "thread.run.completed")
    assert reached(client, busy).status == "completed"


@pytest.mark.parametrize(
    ("body", "message", "param", "code"),
    [
        ({}, "Missing required parameter: 'tool_outputs'.", "tool_outputs", "missing_required_parameter"),
        (
            {"tool_outputs": [{"output": "x"}]},
            "Missing required parameter: 'tool_outputs[0].tool_call_id'.",
            "tool_outputs[0].tool_call_id",
            "missing_required_parameter",
        ),
        (
            {"tool_outputs": [{"tool_call_id": "call_a", "output": 18}]},
            "Invalid type for 'tool_outputs[0].output': expected a string, but got an integer instead.",
            "tool_outputs[0].output",
            "invalid_type",
        ),
    ],
)
def test_outputs_of_the_wrong_shape_are_refused(server, thread, body, message, param, code):
    reply = server.ask("POST", f"/v1/threads/{thread.id}/runs/run_unknown/submit_tool_outputs", body)
    assert_error(reply, 400, message, param, code)
