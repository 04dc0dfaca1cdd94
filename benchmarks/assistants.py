"""The requests of the Assistants API that benchmarks make, and the scripts of runs."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks import http, load
from benchmarks.http import Answer, Request
from benchmarks.load import Failed, Script
from benchmarks.upstream import CALL_ID, FIRST_TEXT, MODEL

QUESTION = {"role": "user", "content": "What is the tallest mountain, and how high is it?"}
_WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city right now.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
DELTA = re.compile(rb"event: thread\.message\.delta\n")
_EVENT = re.compile(rb"event: ([a-z._]+)\n")
_THREAD = re.compile(rb'"thread_id":"(\w+)"')
_RUN = re.compile(rb'"id":"(run_\w+)"')


def create_assistant(*, calls: bool = False) -> Request:
    tools = [_WEATHER] if calls else []
    body = {"model": MODEL, "name": "Geographer", "instructions": "Answer in one sentence.", "tools": tools}
    return http.post("/v1/assistants", body)


def create_thread(messages: Sequence[dict[str, Any]] = ()) -> Request:
    return http.post("/v1/threads", {"messages": list(messages)} if messages else {})


def create_message(thread_id: str) -> Request:
    return http.post(f"/v1/threads/{thread_id}/messages", QUESTION)


async def made(port: int, *requests: Request) -> list[str]:
    """The ids of what these requests create."""
    return [answer.json()["id"] for answer in await load.ask(port, requests)]


def thread_and_run(assistant_id: str) -> Callable[[], Script]:
    """A thread with a question and its streamed run, in one request, followed to its end."""
    request = stream(assistant_id)

    def script() -> Script:
        return _ended((yield request), b"thread.run.completed").seconds

    return script


def relayed(assistant_id: str, count: Callable[[int], None]) -> Callable[[], Script]:
    """A streamed run, whose deltas of text are counted at its end."""
    request = stream(assistant_id)

    def script() -> Script:
        answer = _ended((yield request), b"thread.run.completed")
        count(len(DELTA.findall(http.unchunked(answer.body))))
        return answer.seconds

    return script


def function_round_trip(assistant_id: str) -> Callable[[], Script]:
    """A streamed run that calls a function, and the stream that follows its output."""
    request = stream(assistant_id)
    output = {"tool_outputs": [{"tool_call_id": CALL_ID, "output": "18 degrees"}], "stream": True}

    def script() -> Script:
        asked = _ended((yield request), b"thread.run.requires_action")
        thread_id, run_id = _found(_THREAD, asked), _found(_RUN, asked)
        answered = yield http.post(f"/v1/threads/{thread_id}/runs/{run_id}/submit_tool_outputs", output)
        return _ended(answered, b"thread.run.completed").ended - asked.sent

    return script


def first_delta(assistant_id: str) -> Callable[[], Script]:
    """A streamed run on a thread that was made before it, timed until the first text; read to its end."""
    thread = create_thread([QUESTION])
    body = {"assistant_id": assistant_id, "stream": True}

    def script() -> Script:
        made_thread = load.expect((yield thread))
        thread_id = made_thread.json()["id"]
        answer = _ended((yield http.post(f"/v1/threads/{thread_id}/runs", body, FIRST_TEXT)), b"thread.run.completed")
        if answer.marked is None:
            raise Failed("no text came")
        return answer.marked - answer.sent

    return script


def stream(assistant_id: str) -> Request:
    body = {"assistant_id": assistant_id, "thread": {"messages": [QUESTION]}, "stream": True}
    return http.post("/v1/threads/runs", body)


def _ended(answer: Answer, last: bytes) -> Answer:
    """The answer, if its last two events are this one and `done`; raises Failed."""
    load.expect(answer)
    events = _EVENT.findall(answer.body)
    if events[-2:] != [last, b"done"]:
        raise Failed(f"the stream ended with {events[-2:]}")
    return answer


def _found(pattern: re.Pattern[bytes], answer: Answer) -> str:
    found = pattern.search(answer.body)
    if found is None:
        raise Failed(f"{pattern.pattern!r} is not in the answer")
    return found[1].decode()
