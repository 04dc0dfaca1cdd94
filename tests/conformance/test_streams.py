"""How streams end, and what every stream keeps to because the SDKs' readers of streams rely on it."""

import contextlib
import json

import pytest

from conformance import shapes
from conformance.conftest import asker
from conformance.shapes import assert_events
from upstream import Gate, call, calls, deltas, error, text

QUESTION = {"messages": [{"role": "user", "content": "Hello"}]}
TOOL = {"type": "function", "function": {"name": "f", "description": None, "parameters": dict, "strict": False}}


@contextlib.contextmanager
def streaming(server, assistant, on_delta=None):
    """The events of a run as they come, until the body's end."""

    def blocks(response):
        lines = []
        for line in response:
            lines.append(line.decode().rstrip("\n"))
            if not lines[-1]:
                name, data = lines[0].removeprefix("event: "), lines[1].removeprefix("data: ")
                yield name, data if data == "[DONE]" else json.loads(data)
                lines = []

    body = {"assistant_id": assistant["id"], "thread": QUESTION, "stream": True}
    with server.opened("POST", "/v1/threads/runs", body) as response:
        yield blocks(response)


def until(events, name):
    """The events up to the first of this name."""
    found = []
    for event in events:
        found.append(event)
        if event[0] == name:
            return found
    raise AssertionError(f"no {name} in {[name for name, _ in found]}")


def cut(reason, step_status, run_event, **run_changes):
    """The end of a stream whose message was cut off after "Hel"."""
    ends = {"completed": "completed_at", "failed": "failed_at", "cancelled": "cancelled_at", "expired": "expired_at"}
    last_error = {"code": "server_error", "message": str} if step_status == "failed" else None
    changes = {"status": step_status, ends[step_status]: int, "usage": shapes.USAGE, "last_error": last_error}
    ended = shapes.ended(run_event, **run_changes)
    return [
        ("thread.message.incomplete", shapes.cut_answer("Hel", reason)),
        (f"thread.run.step.{step_status}", shapes.changed(shapes.step(), changes)),
        (f"thread.run.{run_event}", shapes.streamed_run(**ended)),
        shapes.DONE,
    ]


def to_first_words():
    return [
        ("thread.created", shapes.thread(tool_resources=shapes.NO_FILES)),
        *shapes.begun(),
        *shapes.opened_message(),
        shapes.text_delta("Hel", first=True),
    ]


@pytest.mark.proves("streams.failed")
def test_a_failure_ends_message_step_and_run(server, upstream, assistant):
    upstream.answer(text("Hel").but(items=("Hel", error()), finish=None, usage=None, done=False))
    with streaming(server, assistant) as events:
        failed = {"failed_at": int, "last_error": {"code": "server_error", "message": str}}
        assert_events(list(events), *to_first_words(), *cut("run_failed", "failed", "failed", **failed))


@pytest.mark.proves("streams.cancelled")
def test_a_cancellation_is_announced_before_it_is_done(server, ask, upstream, assistant):
    gate = Gate()
    upstream.answer(text("Hel", gate))
    with streaming(server, assistant) as events:
        seen = until(events, "thread.message.delta")
        run = seen[1][1]
        ask("POST", f"/threads/{run['thread_id']}/runs/{run['id']}/cancel")
        seen += events
    gate.open()
    cancelling = shapes.streamed_run(**shapes.started(status="cancelling"))
    assert_events(
        seen,
        *to_first_words(),
        ("thread.run.cancelling", cancelling),
        *cut("run_cancelled", "cancelled", "cancelled", cancelled_at=int),
    )


@pytest.mark.proves("streams.expired")
def test_an_expiry_ends_message_step_and_run(new_server, upstream):
    server = new_server(limits__run_seconds=1).start()
    assistant = asker(server)("POST", "/assistants", {"model": "gpt-4o"})
    gate = Gate()
    upstream.answer(text("Hel", gate))
    with streaming(server, assistant) as events:
        assert_events(list(events), *to_first_words(), *cut("run_expired", "expired", "expired"))
    gate.open()


@pytest.mark.proves("streams.incomplete")
def test_a_spent_budget_ends_the_run_as_incomplete(server, upstream, assistant):
    upstream.answer(text("Hel", finish="length"))
    with streaming(server, assistant) as events:
        details = {"incomplete_details": {"reason": "max_completion_tokens"}}
        assert_events(list(events), *to_first_words(), *cut("max_tokens", "completed", "incomplete", **details))


@pytest.mark.proves("streams.refused_before")
def test_a_run_that_cannot_be_made_is_an_ordinary_error(ask):
    body = {"assistant_id": "asst_unknown", "thread": QUESTION, "stream": True}
    ask("POST", "/threads/runs", body, shapes.error("No assistant found with id 'asst_unknown'."), status=404)


# -- what readers of streams rely on -----------------------------------------------------------------------------

ENDS = {f"thread.run.{status}" for status in ("completed", "incomplete", "failed", "cancelled", "expired")}


class Reader:
    """Reads a stream as strictly as the strictest of the SDKs, and fails where that one would."""

    def __init__(self):
        self.steps = {}
        self.messages = {}
        self.open_message = None
        self.ended = False

    def read(self, events):
        *events, last = events
        assert last == ("done", "[DONE]")
        for name, data in events:
            assert not self.ended, f"{name} after the end"
            self._take(name, data)
        assert self.ended, "the run neither ended nor waits"
        assert self.open_message is None
        return self

    def _take(self, name, data):
        match name.rpartition("."):
            case ("thread.run.step", _, "created"):
                assert data["id"] not in self.steps
                self.steps[data["id"]] = {}
            case ("thread.run.step", _, "delta"):
                self._call(self.steps[data["id"]], data["delta"]["step_details"])
            case ("thread.run.step", _, "completed") if data["type"] == "tool_calls" and self.steps.get(data["id"]):
                self._finished_calls(self.steps[data["id"]], data["step_details"]["tool_calls"])
            case ("thread.message", _, "created"):
                assert self.open_message is None, "two messages are open"
                assert data["id"] not in self.messages
                self.open_message, self.messages[data["id"]] = data["id"], []
            case ("thread.message", _, "delta"):
                assert data["id"] == self.open_message
                self._content(self.messages[data["id"]], data["delta"]["content"])
            case ("thread.message", _, "completed" | "incomplete" as status):
                assert data["id"] == self.open_message
                self._finished_content(self.messages[data["id"]], data["content"], status)
                self.open_message = None
            case _ if name in ENDS or name == "thread.run.requires_action":
                self.ended = True

    def _call(self, calls, details):
        assert details["type"] == "tool_calls"
        for piece in details["tool_calls"]:
            if piece["index"] not in calls:
                assert piece["index"] == len(calls), "the indexes have a gap"
                calls[piece["index"]] = {"id": piece["id"], "name": piece["function"]["name"], "arguments": ""}
            else:
                assert set(piece) == {"index", "type", "function"}, "an id that was told is told again"
                assert set(piece["function"]) == {"arguments"}
            calls[piece["index"]]["arguments"] += piece["function"]["arguments"]

    def _finished_calls(self, calls, finished):
        told = [(call["id"], call["name"], call["arguments"]) for call in calls.values()]
        assert told == [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in finished]

    def _content(self, parts, pieces):
        for piece in pieces:
            assert piece["index"] <= len(parts), "the indexes have a gap"
            said = piece["text"]["value"] if piece["type"] == "text" else piece["refusal"]
            if piece["index"] == len(parts):
                parts.append("")
                assert piece["type"] != "text" or piece["text"]["annotations"] == []
            parts[piece["index"]] += said

    def _finished_content(self, parts, content, status):
        shown = [part["text"]["value"] if part["type"] == "text" else part["refusal"] for part in content]
        assert shown == parts
        assert status == "incomplete" or parts, "a completed message without content"


TWO = (call("f", call_id="call_a", city="Paris"), call("f", call_id="call_b", city="Rome"))
ANSWERS = {
    "a text": text("Hel", "lo"),
    "nothing": text(),
    "a refusal": deltas({"refusal": "I'm"}, {"refusal": " sorry."}),
    "a text and a refusal": deltas({"content": "Well, "}, {"refusal": "no."}),
    "one call": calls(call("f", city="Paris")),
    "a call without arguments": calls(call("f", raw_arguments="")),
    "two calls": calls(*TWO),
    "two calls at once": calls(*TWO, interleaved=True),
    "two calls without an index": calls(*TWO, indexed=False),
    "words before a call": calls(TWO[0], say=("Let me ", "see.")),
    "a failure at once": text().but(items=(error(),), finish=None, usage=None, done=False),
    "a failure in the middle": text().but(items=("Hel", error()), finish=None, usage=None, done=False),
    "a failure in a call": calls(TWO[0], finish=None).but(
        items=(*calls(TWO[0]).items, error()), usage=None, done=False
    ),
    "too long an answer": text("Hel", "lo", finish="length"),
    "too long a call": calls(TWO[0], finish="length"),
    "a filtered answer": text("Hel", finish="content_filter"),
}


@pytest.mark.parametrize("what", ANSWERS)
@pytest.mark.proves("streams.rules", "streams.empty_answer")
def test_every_stream_can_be_read_by_the_strictest_reader(server, upstream, caller, what):
    upstream.answer(ANSWERS[what])
    with streaming(server, caller) as events:
        seen = list(events)
    reader = Reader().read(seen)
    name, run = seen[-2]
    if name == "thread.run.requires_action":
        upstream.answer(text("Mild", "."))
        pending = run["required_action"]["submit_tool_outputs"]["tool_calls"]
        outputs = [{"tool_call_id": call["id"], "output": "18"} for call in pending]
        path = f"/v1/threads/{run['thread_id']}/runs/{run['id']}/submit_tool_outputs"
        again = server.events(path, {"tool_outputs": outputs})
        assert [name for name, _ in again[:3]] == [
            "thread.run.step.completed",
            "thread.run.queued",
            "thread.run.in_progress",
        ]
        assert again[0][1]["id"] in reader.steps
        Reader().read(again)
