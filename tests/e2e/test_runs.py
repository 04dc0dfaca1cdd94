"""Runs by polling: what they show, what they override, how they are cancelled, and how they end."""

import json
import re

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
    user,
)
from envelope import assert_error
from upstream import Gate, call, calls, text
from waiting import eventually

SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "answer",
        "schema": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
        "strict": True,
    },
}


@on_both
def test_a_run_is_polled_to_its_answer(client, upstream, assistant, thread):
    upstream.answer(text("Hel", "lo", usage=(20, 5)))
    run = run_of(client, thread, assistant, metadata={"a": "b"})
    assert run.status == "completed"
    assert (run.usage.prompt_tokens, run.usage.completion_tokens, run.usage.total_tokens) == (20, 5, 25)
    assert (run.metadata, run.expires_at, run.last_error) == ({"a": "b"}, None, None)
    assert texts(client, thread) == ["Hello", "Hello"]
    (step,) = steps_of(client, run)
    assert (step.type, step.status, step.completed_at) == ("message_creation", "completed", run.completed_at)
    assert client.beta.threads.runs.steps.retrieve(step.id, run_id=run.id, thread_id=thread.id) == step
    assert client.beta.threads.runs.list(thread.id).data == [run]


@on_both
def test_a_new_run_is_returned_as_queued(client, upstream, assistant, thread):
    gate = Gate()
    upstream.answer(text(gate, "Hello"))
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    assert (run.status, run.started_at, run.expires_at) == ("queued", None, run.created_at + 600)
    assert reached(client, run, "in_progress").started_at >= run.created_at
    gate.open()
    assert reached(client, run).status == "completed"


async def test_a_run_is_polled_asynchronously(async_client, upstream, assistant, thread):
    runs = async_client.beta.threads.runs
    run = await runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=POLL)
    assert run.status == "completed"


@on_both
def test_thread_and_run_are_made_at_once(client, upstream):
    assistant = client.beta.assistants.create(model="gpt-4o", instructions="Be brief.")
    run = client.beta.threads.create_and_run_poll(
        assistant_id=assistant.id,
        thread={"messages": [user("Hi")], "metadata": {"a": "b"}},
        instructions="Be long.",
        metadata={"c": "d"},
        poll_interval_ms=POLL,
    )
    assert (run.status, run.metadata) == ("completed", {"c": "d"})
    assert client.beta.threads.retrieve(run.thread_id).metadata == {"a": "b"}
    assert upstream.requests[0].body["messages"] == [{"role": "system", "content": "Be long."}, user("Hi")]
    with client.beta.threads.create_and_run_stream(assistant_id=assistant.id) as events:
        assert events.get_final_run().status == "completed"
    assert upstream.requests[1].body["messages"] == [{"role": "system", "content": "Be brief."}]


@on_both
@pytest.mark.parametrize("body", [{}, {"thread": None}, {"thread": {}}, {"thread": {"messages": []}}])
def test_no_run_is_created_on_a_thread_without_a_user_message(server, client, assistant, body):
    newest = server.ask("GET", "/v1/threads?limit=1").json["first_id"]
    reply = server.ask("POST", "/v1/threads/runs", {"assistant_id": assistant.id, **body})
    message = "Run creation requires a Thread with a user message or an assistant with instructions."
    assert_error(reply, 400, message, None, "invalid_thread")
    assert server.ask("GET", "/v1/threads?limit=1").json["first_id"] == newest
    seeded = client.beta.threads.create(messages=[{"role": "assistant", "content": "Hi"}])
    reply = server.ask("POST", f"/v1/threads/{seeded.id}/runs", {"assistant_id": assistant.id})
    assert_error(reply, 400, message, None, "invalid_thread")
    assert server.ask("GET", f"/v1/threads/{seeded.id}/runs").json["data"] == []


OVERRIDES = {
    "model": ("gpt-4o-mini", {"model": "gpt-4o-mini"}),
    "instructions": ("Other.", {"messages": [{"role": "system", "content": "Other."}, user("Hello")]}),
    "tools": ([WEATHER], {"tools": [{"type": "function", "function": None}]}),
    "temperature": (0.5, {"temperature": 0.5}),
    "top_p": (0.25, {"top_p": 0.25}),
    "reasoning_effort": ("high", {"reasoning_effort": "high"}),
    "response_format": (SCHEMA, {"response_format": SCHEMA}),
    "max_completion_tokens": (500, {"max_completion_tokens": 500}),
    "max_prompt_tokens": (5000, {}),
    "truncation_strategy": ({"type": "last_messages", "last_messages": 3}, {}),
    "metadata": ({"a": "b"}, {}),
}
WIRED = {
    "type": "function",
    "function": {name: value for name, value in WEATHER["function"].items() if name != "strict"},
}


@pytest.mark.parametrize("name", OVERRIDES)
@pytest.mark.parametrize("stored", [True, False], ids=["of the assistant", "of the model"])
def test_an_override_is_echoed_and_reaches_the_model(client, upstream, thread, name, stored):
    own = {"instructions": "Mine.", "temperature": 0.9, "top_p": 0.9, "reasoning_effort": "low"} if stored else {}
    assistant = client.beta.assistants.create(model="gpt-4o", **own)
    value, sent = OVERRIDES[name]
    run = run_of(client, thread, assistant, **{name: value})
    assert run.status == "completed"
    assert json.loads(run.to_json(exclude_unset=True))[name] == value
    (request,) = upstream.requests
    assert {key: request.body[key] for key in sent} == ({"tools": [WIRED]} if name == "tools" else sent)
    assert client.beta.assistants.retrieve(assistant.id) == assistant


def test_without_an_override_the_assistants_values_hold(server, client, upstream, thread):
    own = {
        "instructions": "Mine.",
        "tools": [WEATHER],
        "temperature": 0.5,
        "top_p": 0.25,
        "reasoning_effort": "low",
        "response_format": {"type": "json_object"},
    }
    assistant = client.beta.assistants.create(model="gpt-4o-mini", metadata={"not": "the run's"}, **own)
    nulls = dict.fromkeys(
        [
            *own,
            "model",
            "metadata",
            "additional_messages",
            "additional_instructions",
            "tool_choice",
            "parallel_tool_calls",
            "truncation_strategy",
            "max_prompt_tokens",
            "max_completion_tokens",
            "stream",
        ]
    )
    made = server.ask("POST", f"/v1/threads/{thread.id}/runs", {"assistant_id": assistant.id, **nulls}).json
    shown = {
        **own,
        "model": "gpt-4o-mini",
        "metadata": {},
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "truncation_strategy": {"type": "auto", "last_messages": None},
        "max_prompt_tokens": None,
        "max_completion_tokens": None,
        "tool_resources": {},
        "response_format": {"type": "json_object"},
    }
    assert {name: made[name] for name in shown} == shown
    body = upstream.wait_for(1).body
    sent = {
        "model": "gpt-4o-mini",
        "temperature": 0.5,
        "top_p": 0.25,
        "reasoning_effort": "low",
        "response_format": {"type": "json_object"},
        "tools": [WIRED],
    }
    assert {name: body[name] for name in sent} == sent
    assert "tool_choice" not in body
    eventually(lambda: server.ask("GET", f"/v1/threads/{thread.id}/runs/{made['id']}").json["status"] == "completed")


def test_a_run_with_defaults_sends_only_the_required_parameters(client, upstream, assistant, thread):
    run_of(client, thread, assistant)
    assert upstream.requests[0].body == {
        "model": "gpt-4o",
        "messages": [user("Hello")],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert upstream.requests[0].headers["Authorization"] == "Bearer upstream-key"


@pytest.mark.parametrize("base", [None, "Be brief."])
@pytest.mark.parametrize("override", [None, "Be long."])
def test_additional_instructions_come_after_those_that_hold(client, upstream, thread, base, override):
    assistant = client.beta.assistants.create(model="gpt-4o", instructions=base)
    run = run_of(client, thread, assistant, instructions=override, additional_instructions="And rhyme.")
    joined = "\n".join(part for part in (override or base, "And rhyme.") if part)
    assert run.instructions == joined
    assert upstream.requests[0].body["messages"][0] == {"role": "system", "content": joined}


@on_both
def test_additional_messages_stand_in_the_thread_before_the_answer(client, upstream, assistant, thread):
    more = [{"role": "assistant", "content": "Yes?"}, user("Tell me.", metadata={"a": "b"})]
    run_of(client, thread, assistant, additional_messages=more)
    assert upstream.requests[0].body["messages"] == [
        user("Hello"),
        {"role": "assistant", "content": "Yes?"},
        user("Tell me."),
    ]
    assert texts(client, thread) == ["Hello", "Yes?", "Tell me.", "You said: Tell me."]


@pytest.mark.parametrize("choice", ["none", "required", {"type": "function", "function": {"name": "get_weather"}}])
def test_a_tool_choice_binds_the_first_turn(client, upstream, forecaster, thread, choice):
    upstream.answer(calls(call("get_weather", city="Paris")) if choice != "none" else text("No."))
    run = run_of(client, thread, forecaster, tool_choice=choice)
    assert json.loads(run.to_json(exclude_unset=True))["tool_choice"] == choice
    assert upstream.requests[0].body["tool_choice"] == choice
    if choice != "none":
        client.beta.threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id, thread_id=thread.id, tool_outputs=outputs_for(run), poll_interval_ms=POLL
        )
        assert "tool_choice" not in upstream.requests[1].body


def test_parallel_calls_can_be_forbidden(client, upstream, forecaster, thread):
    run = run_of(client, thread, forecaster, parallel_tool_calls=False)
    assert run.parallel_tool_calls is False
    assert upstream.requests[0].body["parallel_tool_calls"] is False


@on_both
def test_the_completion_budget_is_that_of_the_whole_run(client, upstream, forecaster, thread):
    upstream.answer(
        calls(call("get_weather", city="Paris"), usage=(9, 30)), text("Sun", finish="length", usage=(20, 70))
    )
    run = run_of(client, thread, forecaster, max_completion_tokens=100)
    run = client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=outputs_for(run), poll_interval_ms=POLL
    )
    assert [request.body["max_completion_tokens"] for request in upstream.requests] == [100, 70]
    assert (run.status, run.incomplete_details.reason) == ("incomplete", "max_completion_tokens")
    assert run.usage.completion_tokens == 100
    message = client.beta.threads.messages.list(thread.id).data[0]
    assert (message.status, message.incomplete_details.reason) == ("incomplete", "max_tokens")
    assert (message.content[0].text.value, message.completed_at) == ("Sun", None)


def test_a_model_that_ignores_the_completion_budget_is_cut_off(client, upstream, assistant, thread):
    upstream.answer(text(*["x"] * 50))
    run = run_of(client, thread, assistant, max_completion_tokens=16)
    assert (run.status, run.incomplete_details.reason) == ("incomplete", "max_completion_tokens")
    assert texts(client, thread)[-1] == "x" * 16


def test_a_run_that_exceeds_max_prompt_tokens_is_incomplete(client, upstream, forecaster, thread):
    upstream.answer(calls(call("get_weather", city="Paris"), usage=(300, 5)))
    run = run_of(client, thread, forecaster, max_prompt_tokens=256)
    run = client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=outputs_for(run), poll_interval_ms=POLL
    )
    assert (run.status, run.incomplete_details.reason) == ("incomplete", "max_prompt_tokens")
    assert len(upstream.requests) == 1


def test_usage_is_estimated_where_the_model_does_not_count(client, upstream, assistant, thread):
    upstream.answer(text("one", " two", usage=None))
    usage = run_of(client, thread, assistant).usage
    assert usage.completion_tokens == 2
    assert usage.prompt_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + 2


# -- cancelling --------------------------------------------------------------------------------------------------


@on_both
def test_a_run_is_cancelled_while_the_model_is_silent(client, upstream, assistant, thread):
    gate = Gate()
    upstream.answer(text(gate, "late"))
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    request = upstream.wait_for(1)
    cancelling = client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    assert (cancelling.status, cancelling.cancelled_at) == ("cancelling", None)
    assert cancelling.expires_at == run.expires_at
    cancelled = reached(client, run)
    assert (cancelled.status, cancelled.expires_at) == ("cancelled", None)
    assert cancelled.cancelled_at >= run.created_at
    assert request.gone.wait(10)
    gate.open()
    assert texts(client, thread) == ["Hello"]


@on_both
def test_text_before_a_cancellation_is_preserved(client, upstream, assistant, thread):
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo"))
    with client.beta.threads.runs.create(thread.id, assistant_id=assistant.id, stream=True) as events:
        run = next(event.data for event in events if event.event == "thread.run.created")
        next(event for event in events if event.event == "thread.message.delta")
        client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    gate.open()
    run = reached(client, run)
    assert (run.status, run.completed_at) == ("cancelled", None)
    message = client.beta.threads.messages.list(thread.id).data[0]
    assert (message.status, message.incomplete_details.reason) == ("incomplete", "run_cancelled")
    assert message.content[0].text.value == "Hel"
    (step,) = steps_of(client, run)
    assert (step.status, step.cancelled_at) == ("cancelled", run.cancelled_at)
    assert run_of(client, thread, assistant).status == "completed"


@on_both
def test_a_run_is_cancelled_while_it_waits_for_outputs(client, upstream, forecaster, thread):
    upstream.answer(calls(call("get_weather", city="Paris"), usage=(7, 2)))
    run = run_of(client, thread, forecaster)
    cancelling = client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    assert (cancelling.status, cancelling.required_action) == ("cancelling", None)
    cancelled = reached(client, run)
    assert (cancelled.status, cancelled.required_action) == ("cancelled", None)
    assert cancelled.usage.total_tokens == 9
    (step,) = steps_of(client, run)
    assert (step.status, step.step_details.tool_calls[0].function.arguments) == ("cancelled", '{"city": "Paris"}')
    assert run_of(client, thread, forecaster).status == "completed"


@each_database
def test_a_run_is_cancelled_while_it_waits_for_a_place(new_server, upstream, database):
    client = new_server(limits__concurrent_runs=1, **database).start().client
    assistant = client.beta.assistants.create(model="gpt-4o")
    gate = Gate()
    upstream.answer(text(gate, "one"))
    first = client.beta.threads.runs.create(new_thread(client, "a").id, assistant_id=assistant.id)
    upstream.wait_for(1)
    second = client.beta.threads.runs.create(new_thread(client, "b").id, assistant_id=assistant.id)
    assert fetch_run(client, second).status == "queued"
    assert client.beta.threads.runs.cancel(second.id, thread_id=second.thread_id).status == "cancelling"
    assert reached(client, second).status == "cancelled"
    third = client.beta.threads.runs.create(new_thread(client, "c").id, assistant_id=assistant.id)
    gate.open()
    assert reached(client, first).status == "completed"
    assert reached(client, third).status == "completed"
    assert len(upstream.requests) == 2


@on_both
def test_an_ended_run_cannot_be_cancelled(client, upstream, assistant, thread):
    upstream.answer(text("x"), text("x", finish="length"), text().but(status=500, body=b"{}"))
    for status in ("completed", "incomplete", "failed"):
        run = run_of(client, thread, assistant)
        assert run.status == status
        with pytest.raises(openai.BadRequestError) as caught:
            client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
        assert_error(caught.value, 400, f"Cannot cancel run with status '{status}'.")
        assert fetch_run(client, run) == run


def test_a_run_is_cancelled_once(client, upstream, forecaster, thread):
    upstream.answer(calls(call("get_weather", city="Paris")))
    run = run_of(client, thread, forecaster)
    client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    with pytest.raises(openai.BadRequestError) as caught:
        client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    assert_error(caught.value, 400, re.compile(r"Cannot cancel run with status '(cancelling|cancelled)'\."))
    reached(client, run)


# -- metadata, expiry, deletion ----------------------------------------------------------------------------------


@on_both
def test_metadata_that_is_set_while_a_run_is_active_survives_its_end(client, upstream, assistant, thread):
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo"))
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id, metadata={"a": "1"})
    upstream.wait_for(1)
    changed = client.beta.threads.runs.update(run.id, thread_id=thread.id, metadata={"b": "2"})
    assert (changed.metadata, changed.status) == ({"b": "2"}, "in_progress")
    gate.open()
    assert reached(client, run).metadata == {"b": "2"}
    assert client.beta.threads.runs.update(run.id, thread_id=thread.id, metadata={}).metadata == {}
    assert fetch_run(client, run).status == "completed"


@each_database
def test_a_run_expires_while_the_model_hangs_and_while_it_waits_for_outputs(new_server, upstream, database):
    client = new_server(limits__run_seconds=1, **database).start().client
    assistant = client.beta.assistants.create(model="gpt-4o", tools=[WEATHER])
    gate = Gate()
    upstream.always(
        lambda asked: text("Hel", gate, "lo") if asked.said == "hang" else calls(call("get_weather", city="Paris"))
    )
    hanging = new_thread(client, "hang")
    with client.beta.threads.runs.create(hanging.id, assistant_id=assistant.id, stream=True) as events:
        waiting = client.beta.threads.runs.create(new_thread(client, "call").id, assistant_id=assistant.id)
        seen = list(events)
    gate.open()
    assert [event.event for event in seen][-3:] == [
        "thread.message.incomplete",
        "thread.run.step.expired",
        "thread.run.expired",
    ]
    run = fetch_run(client, seen[-1].data)
    assert (run.status, run.expires_at, run.completed_at, run.failed_at) == ("expired", None, None, None)
    message = client.beta.threads.messages.list(hanging.id).data[0]
    assert (message.incomplete_details.reason, message.content[0].text.value) == ("run_expired", "Hel")
    waited = reached(client, waiting)
    assert (waited.status, waited.required_action) == ("expired", None)
    (step,) = steps_of(client, waited)
    assert step.status == "expired"
    outputs = [{"tool_call_id": "call_1", "output": "late"}]
    with pytest.raises(openai.BadRequestError) as caught:
        client.beta.threads.runs.submit_tool_outputs(waited.id, thread_id=waited.thread_id, tool_outputs=outputs)
    assert_error(caught.value, 400, 'Runs in status "expired" do not accept tool outputs.')


@on_both
def test_deleting_a_thread_ends_the_run_on_it(client, upstream, assistant, thread):
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo"))
    with client.beta.threads.runs.create(thread.id, assistant_id=assistant.id, stream=True) as events:
        next(event for event in events if event.event == "thread.message.delta")
        client.beta.threads.delete(thread.id)
        with pytest.raises(openai.APIError, match="poll the run"):
            next(events)
    assert upstream.requests[0].gone.wait(10)
    gate.open()


def test_an_unknown_run_or_step_is_not_found(client, assistant, thread):
    run = run_of(client, thread, assistant)
    other = client.beta.threads.create()
    for thread_id, run_id in ((thread.id, "run_unknown"), (other.id, run.id)):
        for attempt in (
            client.beta.threads.runs.retrieve,
            client.beta.threads.runs.update,
            client.beta.threads.runs.cancel,
        ):
            with pytest.raises(openai.NotFoundError) as caught:
                attempt(run_id, thread_id=thread_id)
            assert_error(caught.value, 404, f"No run found with id '{run_id}'.")
    with pytest.raises(openai.NotFoundError) as caught:
        client.beta.threads.runs.steps.retrieve("step_unknown", thread_id=thread.id, run_id=run.id)
    assert_error(caught.value, 404, "No run step found with id 'step_unknown'.")


def test_a_tool_that_this_server_does_not_have_is_refused(new_server):
    client = new_server(sandbox__python="/nonexistent/python").start().client
    thread = client.beta.threads.create()
    assistant = client.beta.assistants.create(model="gpt-4o", tools=[{"type": "code_interpreter"}])
    with pytest.raises(openai.BadRequestError) as caught:
        client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    assert (caught.value.param, caught.value.code) == ("tools[0]", "unsupported_tool")


def test_include_is_accepted_in_every_spelling_and_validated(server, client, assistant, thread):
    legal = "step_details.tool_calls[*].file_search.results[*].content"
    run = run_of(client, thread, assistant)
    path = f"/v1/threads/{thread.id}/runs/{run.id}/steps"
    for spelling in (f"include[]={legal}", f"include%5B%5D={legal.replace('[', '%5B')}", f"include={legal}"):
        assert server.ask("GET", f"{path}?{spelling}").status == 200
    reply = server.ask("GET", f"{path}?include[]=everything")
    message = f"Invalid value: 'everything'. Supported values are: '{legal}'."
    assert_error(reply, 400, message, "include[0]", "invalid_value")
