"""Streams of runs: which events come, in which order, with what in them."""

import itertools
import json
import time

import openai
import pytest

from e2e.assistants_client import new_thread, on_both, outputs_for, reached, run_of, steps_of, texts, user
from upstream import Gate, call, calls, deltas, error, text

RUN_KEYS = [
    "id",
    "object",
    "created_at",
    "assistant_id",
    "thread_id",
    "status",
    "started_at",
    "expires_at",
    "cancelled_at",
    "failed_at",
    "completed_at",
    "required_action",
    "last_error",
    "model",
    "instructions",
    "tools",
    "tool_resources",
    "metadata",
    "temperature",
    "top_p",
    "reasoning_effort",
    "max_completion_tokens",
    "max_prompt_tokens",
    "truncation_strategy",
    "incomplete_details",
    "usage",
    "response_format",
    "tool_choice",
    "parallel_tool_calls",
]
STEP_KEYS = [
    "id",
    "object",
    "created_at",
    "run_id",
    "assistant_id",
    "thread_id",
    "type",
    "status",
    "cancelled_at",
    "completed_at",
    "expires_at",
    "expired_at",
    "failed_at",
    "last_error",
    "step_details",
    "usage",
    "metadata",
]
BEGIN = ["thread.run.created", "thread.run.queued", "thread.run.in_progress"]
STEP = ["thread.run.step.created", "thread.run.step.in_progress"]
MESSAGE = [*STEP, "thread.message.created", "thread.message.in_progress"]
SPOKEN = ["thread.message.completed", "thread.run.step.completed"]
USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 3,
    "total_tokens": 12,
    "prompt_token_details": {"cached_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0},
}


def stream(server, thread, assistant, **members):
    return server.events(f"/v1/threads/{thread.id}/runs", {"assistant_id": assistant.id, **members})


def names(events):
    return [name for name, _ in events]


def of(events, name):
    """The objects of all events of this name."""
    return [data for found, data in events if found == name]


def changes(objects):
    """What differs from each object to the next."""
    return [
        {key: after[key] for key in after if after[key] != before[key]} for before, after in itertools.pairwise(objects)
    ]


@on_both
def test_the_events_of_a_plain_reply_arrive_in_order(server, upstream, assistant, thread):
    upstream.answer(text("Hel", "lo", " 🚀"))
    before = int(time.time())
    events = stream(server, thread, assistant)
    assert names(events) == [
        *BEGIN,
        *MESSAGE,
        "thread.message.delta",
        "thread.message.delta",
        "thread.message.delta",
        *SPOKEN,
        "thread.run.completed",
        "done",
    ]
    assert events[-1] == ("done", "[DONE]")

    runs = [data for name, data in events if name.startswith("thread.run.") and ".step." not in name]
    assert all(list(run) == RUN_KEYS for run in runs)
    assert (runs[0]["status"], runs[0]["started_at"], runs[0]["usage"]) == ("queued", None, None)
    assert runs[0]["expires_at"] == runs[0]["created_at"] + 600
    assert runs[0]["tool_resources"] == {"code_interpreter": {"file_ids": []}}
    assert before <= runs[0]["created_at"] <= time.time()
    started, completed = runs[2]["started_at"], runs[3]["completed_at"]
    assert before <= started <= completed <= time.time()
    assert changes(runs) == [
        {},
        {"status": "in_progress", "started_at": started},
        {"status": "completed", "completed_at": completed, "expires_at": None, "usage": USAGE},
    ]

    steps = [data for name, data in events if name.startswith("thread.run.step.")]
    assert all(list(step) == STEP_KEYS for step in steps)
    message_id = of(events, "thread.message.created")[0]["id"]
    assert steps[0]["step_details"] == {
        "type": "message_creation",
        "message_creation": {"message_id": message_id},
    }
    assert (steps[0]["type"], steps[0]["status"]) == ("message_creation", "in_progress")
    assert steps[0]["expires_at"] == runs[0]["expires_at"]
    assert changes(steps) == [{}, {"status": "completed", "completed_at": completed, "usage": USAGE}]

    messages = [data for name, data in events if name.startswith("thread.message.") and name[-5:] != "delta"]
    assert (messages[0]["status"], messages[0]["content"], messages[0]["role"]) == ("in_progress", [], "assistant")
    content = [{"type": "text", "text": {"value": "Hello 🚀", "annotations": []}}]
    assert changes(messages) == [{}, {"status": "completed", "completed_at": completed, "content": content}]

    parts = [{"value": "Hel", "annotations": []}, {"value": "lo"}, {"value": " 🚀"}]
    assert of(events, "thread.message.delta") == [
        {
            "id": message_id,
            "object": "thread.message.delta",
            "delta": {"content": [{"index": 0, "type": "text", "text": part}]},
        }
        for part in parts
    ]


@on_both
def test_streamed_objects_equal_the_objects_retrieved_afterwards(server, client, upstream, assistant, thread):
    events = stream(server, thread, assistant)
    run, path = of(events, "thread.run.completed")[0], f"/v1/threads/{thread.id}"
    kept = server.ask("GET", f"{path}/runs/{run['id']}").json
    assert list(kept) == RUN_KEYS
    assert kept == {**run, "tool_resources": {}}
    step = of(events, "thread.run.step.completed")[0]
    kept = server.ask("GET", f"{path}/runs/{run['id']}/steps/{step['id']}").json
    assert list(kept) == STEP_KEYS
    assert kept == {**step, "expires_at": None}
    message = of(events, "thread.message.completed")[0]
    assert server.ask("GET", f"{path}/messages/{message['id']}").json == message


@on_both
def test_function_calls_come_in_the_usual_order(server, client, upstream, forecaster, thread):
    upstream.answer(
        calls(
            call("get_weather", call_id="call_a", city="Paris"),
            call("get_weather", call_id="call_b", pieces=3, city="Rome"),
            interleaved=True,
            usage=(260, 12),
        )
    )
    events = stream(server, thread, forecaster)
    deltas_shown = ["thread.run.step.delta"] * 7
    assert names(events) == [*BEGIN, *STEP, *deltas_shown, "thread.run.requires_action", "done"]
    step = of(events, "thread.run.step.created")[0]
    assert (step["type"], step["step_details"]) == ("tool_calls", {"type": "tool_calls", "tool_calls": []})

    shown = [data["delta"]["step_details"] for data in of(events, "thread.run.step.delta")]
    assert all(list(details) == ["type", "tool_calls"] and details["type"] == "tool_calls" for details in shown)
    entries = [entry for details in shown for entry in details["tool_calls"]]
    opened = [entry for entry in entries if "id" in entry]
    assert opened == [
        {
            "index": index,
            "id": call_id,
            "type": "function",
            "function": {"name": "get_weather", "arguments": "", "output": None},
        }
        for index, call_id in enumerate(["call_a", "call_b"])
    ]
    assert [list(entry) for entry in entries if "id" not in entry] == [["index", "type", "function"]] * 5
    arguments = ["".join(e["function"]["arguments"] for e in entries if e["index"] == index) for index in (0, 1)]
    assert arguments == ['{"city": "Paris"}', '{"city": "Rome"}']

    run = of(events, "thread.run.requires_action")[0]
    assert (run["status"], run["usage"], run["expires_at"]) == ("requires_action", None, run["created_at"] + 600)
    assert run["required_action"] == {
        "type": "submit_tool_outputs",
        "submit_tool_outputs": {
            "tool_calls": [
                {"id": call_id, "type": "function", "function": {"name": "get_weather", "arguments": given}}
                for call_id, given in zip(["call_a", "call_b"], arguments, strict=True)
            ]
        },
    }
    # The step goes on in the stream that follows.
    upstream.answer(text("Sunny.", usage=(284, 42)))
    outputs = [{"tool_call_id": "call_b", "output": ""}, {"tool_call_id": "call_a", "output": "18 °C"}]
    path = f"/v1/threads/{thread.id}/runs/{run['id']}"
    second = server.events(f"{path}/submit_tool_outputs", {"tool_outputs": outputs})
    assert names(second) == [
        "thread.run.step.completed",
        "thread.run.queued",
        "thread.run.in_progress",
        *MESSAGE,
        "thread.message.delta",
        *SPOKEN,
        "thread.run.completed",
        "done",
    ]
    closed = of(second, "thread.run.step.completed")[0]
    assert closed["id"] == step["id"]
    assert [entry["function"]["output"] for entry in closed["step_details"]["tool_calls"]] == ["18 °C", ""]
    assert (closed["usage"]["prompt_tokens"], closed["usage"]["completion_tokens"]) == (260, 12)
    queued, started, completed = (
        of(second, f"thread.run.{status}")[0] for status in ("queued", "in_progress", "completed")
    )
    assert changes([run, queued]) == [{"status": "queued", "required_action": None}]
    assert started["status"] == "in_progress"
    assert started["started_at"] >= run["started_at"]
    assert [completed["usage"][key] for key in ("prompt_tokens", "completion_tokens", "total_tokens")] == [544, 54, 598]
    assert server.ask("GET", f"{path}/steps/{step['id']}").json == {**closed, "expires_at": None}


@on_both
def test_text_before_calls_is_a_message_of_its_own(server, upstream, forecaster, thread):
    upstream.answer(calls(call("get_weather", city="Paris"), say=("Let me ", "look.")))
    events = stream(server, thread, forecaster)
    assert names(events) == [
        *BEGIN,
        *MESSAGE,
        *["thread.message.delta"] * 2,
        *SPOKEN,
        *STEP,
        *["thread.run.step.delta"] * 3,
        "thread.run.requires_action",
        "done",
    ]


def test_text_after_tool_calls_is_streamed_before_requires_action(server, client, upstream, forecaster, thread):
    fragment = {"index": 0, "id": "call_1", "function": {"name": "get_weather", "arguments": "{}"}}
    upstream.answer(
        deltas({"tool_calls": [fragment]}, {"content": "One "}, {"content": "moment."}, finish="tool_calls")
    )
    events = stream(server, thread, forecaster)
    assert names(events)[-2:] == ["thread.run.requires_action", "done"]
    assert texts(client, thread) == ["Hello", "One moment."]
    assert len(of(events, "thread.run.requires_action")[0]["required_action"]["submit_tool_outputs"]["tool_calls"]) == 1


def test_a_run_with_a_thread_of_its_own_begins_with_the_thread(server, upstream, assistant):
    body = {"assistant_id": assistant.id, "thread": {"messages": [user("Hi")], "metadata": {"a": "b"}}}
    events = server.events("/v1/threads/runs", body)
    assert names(events)[:4] == ["thread.created", *BEGIN]
    thread = events[0][1]
    assert list(thread) == ["id", "object", "created_at", "metadata", "tool_resources"]
    assert (thread["metadata"], thread["tool_resources"]) == ({"a": "b"}, {"code_interpreter": {"file_ids": []}})
    assert {data["thread_id"] for _, data in events[1:-1] if "thread_id" in data} == {thread["id"]}


def test_a_refusal_is_a_part_of_its_own(server, upstream, assistant, thread):
    upstream.answer(deltas({"refusal": "I can"}, {"refusal": "not."}))
    events = stream(server, thread, assistant)
    shown = [data["delta"]["content"] for data in of(events, "thread.message.delta")]
    assert shown == [[{"index": 0, "type": "refusal", "refusal": part}] for part in ("I can", "not.")]
    assert of(events, "thread.message.completed")[0]["content"] == [{"type": "refusal", "refusal": "I cannot."}]


@pytest.mark.parametrize("answer", [text(), text(""), deltas(None, {}, {"content": None})])
def test_an_empty_reply_is_an_empty_text_that_helpers_can_read(client, upstream, assistant, thread, answer):
    upstream.answer(answer)
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as events:
        (message,) = events.get_final_messages()
    assert message.content[0].text.value == ""
    assert texts(client, thread) == ["Hello", ""]


def test_a_failure_ends_message_step_and_run(server, upstream, assistant, thread):
    upstream.answer(deltas({"content": "Hel"}, finish=None, usage=None, done=False).but(items=("Hel", error())))
    events = stream(server, thread, assistant)
    assert names(events) == [
        *BEGIN,
        *MESSAGE,
        "thread.message.delta",
        "thread.message.incomplete",
        "thread.run.step.failed",
        "thread.run.failed",
        "done",
    ]
    message, step, run = (data for _, data in events[-4:-1])
    assert (message["status"], message["incomplete_details"]) == ("incomplete", {"reason": "run_failed"})
    assert message["content"][0]["text"]["value"] == "Hel"
    assert message["incomplete_at"] == step["failed_at"] == run["failed_at"]
    expected = {"code": "server_error", "message": "The upstream failed in its stream."}
    assert step["last_error"] == run["last_error"] == expected
    assert (run["status"], run["expires_at"]) == ("failed", None)


def test_a_failure_before_any_word_ends_the_run_alone(server, upstream, assistant, thread):
    upstream.answer(text().but(items=(error(),), finish=None, usage=None, done=False))
    events = stream(server, thread, assistant)
    assert names(events) == [*BEGIN, "thread.run.failed", "done"]


@pytest.mark.parametrize(
    ("finish", "reason", "details"),
    [
        ("length", "max_tokens", {"reason": "max_completion_tokens"}),
        ("content_filter", "content_filter", None),
    ],
)
def test_an_answer_that_was_cut_off_is_incomplete(server, upstream, assistant, thread, finish, reason, details):
    upstream.answer(text("Hel", "lo", finish=finish))
    events = stream(server, thread, assistant)
    assert names(events)[-4:] == [
        "thread.message.incomplete",
        "thread.run.step.completed",
        "thread.run.incomplete",
        "done",
    ]
    assert of(events, "thread.message.incomplete")[0]["incomplete_details"] == {"reason": reason}
    run = of(events, "thread.run.incomplete")[0]
    assert (run["incomplete_details"], run["usage"], run["completed_at"]) == (details, USAGE, None)


def test_a_run_cancelled_by_another_request_streams_its_cancellation(server, client, upstream, assistant, thread):
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo"))
    seen = []
    with client.beta.threads.runs.create(thread.id, assistant_id=assistant.id, stream=True) as events:
        for event in events:
            seen.append(event)
            if event.event == "thread.message.delta":
                cancelling = client.beta.threads.runs.cancel(event_run(seen), thread_id=thread.id)
                assert (cancelling.status, cancelling.cancelled_at) == ("cancelling", None)
    gate.open()
    assert [event.event for event in seen][-4:] == [
        "thread.run.cancelling",
        "thread.message.incomplete",
        "thread.run.step.cancelled",
        "thread.run.cancelled",
    ]
    message, step, run = (event.data for event in seen[-3:])
    assert (message.incomplete_details.reason, message.content[0].text.value) == ("run_cancelled", "Hel")
    assert run.cancelled_at == step.cancelled_at
    assert run.expires_at is None


def event_run(events):
    return events[0].data.id


class Listener(openai.AssistantEventHandler):
    """Writes down each call of each of its methods."""

    def __init__(self):
        super().__init__()
        self.heard = []


def _record(name):
    def method(self, *arguments):
        self.heard.append((name, arguments[0] if arguments else None))

    return method


for _name in [
    "on_event",
    "on_end",
    "on_exception",
    "on_timeout",
    "on_run_step_created",
    "on_run_step_delta",
    "on_run_step_done",
    "on_message_created",
    "on_message_delta",
    "on_message_done",
    "on_text_created",
    "on_text_delta",
    "on_text_done",
    "on_image_file_done",
    "on_tool_call_created",
    "on_tool_call_delta",
    "on_tool_call_done",
]:
    setattr(Listener, _name, _record(_name))


def heard(listener):
    return [name for name, _ in listener.heard if name != "on_event"]


def test_an_event_handler_receives_every_event_of_a_reply(client, upstream, assistant, thread):
    upstream.answer(text("Hel", "lo"))
    listener = Listener()
    with client.beta.threads.runs.stream(
        thread_id=thread.id, assistant_id=assistant.id, event_handler=listener
    ) as events:
        events.until_done()
    assert heard(listener) == [
        "on_run_step_created",
        "on_message_created",
        *["on_text_created", "on_text_delta", "on_message_delta"],
        *["on_text_delta", "on_message_delta"],
        "on_text_done",
        "on_message_done",
        "on_run_step_done",
        "on_end",
    ]
    told = dict(listener.heard)
    assert told["on_text_done"].value == "Hello"
    assert events.get_final_run().status == "completed"
    assert events.get_final_messages()[0].content[0].text.value == "Hello"
    assert [step.id for step in events.get_final_run_steps()] == [told["on_run_step_done"].id]
    assert told["on_run_step_done"].usage.total_tokens == 12


def test_an_event_handler_receives_every_event_of_a_round_of_tool_calls(client, upstream, forecaster, thread):
    upstream.answer(
        calls(call("get_weather", call_id="call_a", city="Paris"), call("get_weather", call_id="call_b", city="Rome")),
        text("Mild", "."),
    )
    first, second = Listener(), Listener()
    runs = client.beta.threads.runs
    with runs.stream(thread_id=thread.id, assistant_id=forecaster.id, event_handler=first) as events:
        events.until_done()
    run = events.get_final_run()
    assert run.status == "requires_action"
    assert heard(first) == [
        "on_run_step_created",
        *["on_tool_call_created", "on_run_step_delta"],
        *["on_tool_call_delta", "on_run_step_delta"] * 2,
        *["on_tool_call_done", "on_tool_call_created", "on_run_step_delta"],
        *["on_tool_call_delta", "on_run_step_delta"] * 2,
        "on_tool_call_done",
        "on_end",
    ]
    done = [given for name, given in first.heard if name == "on_tool_call_done"]
    assert [(one.id, json.loads(one.function.arguments)) for one in done] == [
        ("call_a", {"city": "Paris"}),
        ("call_b", {"city": "Rome"}),
    ]
    with runs.submit_tool_outputs_stream(
        run_id=run.id, thread_id=thread.id, tool_outputs=outputs_for(run), event_handler=second
    ) as events:
        events.until_done()
    assert events.get_final_run().status == "completed"
    assert dict(second.heard)["on_text_done"].value == "Mild."
    assert [step.type for step in events.get_final_run_steps()] == ["message_creation"]


async def test_an_asynchronous_stream_reads_the_same(async_client, upstream, assistant, thread):
    upstream.answer(text("Hel", "lo"))
    async with async_client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as events:
        assert "".join([part async for part in events.text_deltas]) == "Hello"
        assert (await events.get_final_run()).status == "completed"


@on_both
def test_deltas_arrive_while_the_model_still_generates(client, upstream, assistant, thread):
    gate = Gate()
    upstream.answer(text("first", gate, "second"))
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as events:
        parts = iter(events.text_deltas)
        assert next(parts) == "first"
        gate.open()
        assert list(parts) == ["second"]


@on_both
def test_a_client_that_disconnects_does_not_stop_its_run(client, upstream, assistant, thread):
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo"))
    with client.beta.threads.runs.create(thread.id, assistant_id=assistant.id, stream=True) as events:
        run = next(iter(events)).data
    upstream.wait_for(1)
    gate.open()
    assert reached(client, run).status == "completed"
    assert texts(client, thread) == ["Hello", "Hello"]


@on_both
def test_the_next_run_can_begin_as_soon_as_the_end_was_streamed(client, upstream, assistant, thread):
    for _ in range(5):
        with client.beta.threads.runs.create(thread.id, assistant_id=assistant.id, stream=True) as events:
            for event in events:
                if event.event == "thread.run.completed":
                    client.beta.threads.messages.create(thread.id, role="user", content="next")


def test_a_long_answer_is_streamed_whole(client, upstream, assistant, thread):
    words = [f"word{number} " for number in range(3000)]
    upstream.answer(text(*words))
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as events:
        assert "".join(events.text_deltas) == "".join(words)
    assert texts(client, thread)[-1] == "".join(words)


def test_a_bad_run_is_refused_before_its_stream_begins(server, client, assistant):
    empty = client.beta.threads.create()
    with pytest.raises(openai.BadRequestError) as caught:
        client.beta.threads.runs.create(empty.id, assistant_id=assistant.id, stream=True)
    assert caught.value.code == "invalid_thread"


@on_both
def test_each_round_of_calls_has_a_step(client, upstream, forecaster, thread):
    upstream.answer(*[calls(call("get_weather", call_id=f"call_{n}", city=str(n)), usage=(5, 2)) for n in range(3)])
    upstream.answer(text("Done.", usage=(5, 2)))
    runs = client.beta.threads.runs
    with runs.stream(thread_id=thread.id, assistant_id=forecaster.id) as events:
        events.until_done()
        run = events.get_final_run()
    rounds = 0
    while run.status == "requires_action":
        rounds += 1
        with runs.submit_tool_outputs_stream(
            run_id=run.id, thread_id=thread.id, tool_outputs=outputs_for(run)
        ) as events:
            events.until_done()
            run = events.get_final_run()
    assert (rounds, run.status, run.usage.total_tokens) == (3, "completed", 28)
    assert [step.type for step in steps_of(client, run)] == ["tool_calls"] * 3 + ["message_creation"]
    assert [step.usage.total_tokens for step in steps_of(client, run)] == [7] * 4


def test_a_second_run_on_a_thread_streams_only_its_own_events(server, client, assistant):
    thread = new_thread(client, "Hello")
    first = run_of(client, thread, assistant)
    events = stream(server, thread, assistant)
    assert first.id not in json.dumps(events)
