"""The public objects as compact shapes, and the comparison of a reply with one.

A shape is a dict (these keys in this order), a list (as long, item by item), a type (a value of just this type), `Id`,
`Each`, or a value that has to be there as it is. Source: the service's recorded traffic, with the members added that
its document requires.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Id:
    """An identifier: its prefix and its tail, most often of 24 letters and digits."""

    prefix: str
    tail: str = "[A-Za-z0-9]{24}"


@dataclass(frozen=True)
class Each:
    """A list of any length of things of one shape."""

    shape: object


def assert_shape(found: Any, shape: Any) -> None:
    differences = list(_differences(found, shape, "$"))
    assert not differences, "\n".join(differences)


def _differences(found: Any, shape: Any, path: str) -> Iterator[str]:
    match shape:
        case dict():
            yield from _in_object(found, shape, path)
        case list():
            yield from _in_list(found, shape, path)
        case Each():
            yield from _in_list(found, [shape.shape] * len(found), path)
        case Id():
            if not re.fullmatch(f"{shape.prefix}_{shape.tail}", str(found)):
                yield f"{path}: expected an id of {shape.prefix}_, found {found!r}"
        case type():
            if type(found) is not shape:
                yield f"{path}: expected a value of {shape.__name__}, found {found!r}"
        case _:
            if type(found) is not type(shape) or found != shape:
                yield f"{path}: expected {shape!r}, found {found!r}"


def _in_object(found: Any, shape: Any, path: str) -> Iterator[str]:
    if not isinstance(found, dict):
        yield f"{path}: expected an object, found {found!r}"
        return
    if list(found) != list(shape):
        yield f"{path}: expected the keys {list(shape)}, found {list(found)}"
    for name, inner in shape.items():
        if name in found:
            yield from _differences(found[name], inner, f"{path}.{name}")


def _in_list(found: Any, shape: Any, path: str) -> Iterator[str]:
    if not isinstance(found, list) or len(found) != len(shape):
        yield f"{path}: expected {len(shape)} items, found {found!r}"
        return
    for index, (item, inner) in enumerate(zip(found, shape, strict=True)):
        yield from _differences(item, inner, f"{path}[{index}]")


# -- objects -----------------------------------------------------------------------------------------------------

NO_FILES: dict[str, Any] = {"code_interpreter": {"file_ids": []}}
USAGE = {
    "prompt_tokens": int,
    "completion_tokens": int,
    "total_tokens": int,
    "prompt_token_details": {"cached_tokens": int},
    "completion_tokens_details": {"reasoning_tokens": int},
}
INCLUDE = "include[]=step_details.tool_calls%5B%2A%5D.file_search.results%5B%2A%5D.content"


def changed(shape: Any, changes: Any) -> Any:
    unknown = set(changes) - set(shape)
    assert not unknown, f"no such members: {unknown}"
    return shape | changes


def assistant(**changes: Any) -> Any:
    shape = {
        "id": Id("asst"),
        "object": "assistant",
        "created_at": int,
        "name": None,
        "description": None,
        "model": "gpt-4o",
        "instructions": None,
        "tools": [],
        "top_p": 1.0,
        "temperature": 1.0,
        "reasoning_effort": None,
        "tool_resources": {},
        "metadata": {},
        "response_format": "auto",
    }
    return changed(shape, changes)


def thread(**changes: Any) -> Any:
    shape = {"id": Id("thread"), "object": "thread", "created_at": int, "metadata": {}, "tool_resources": {}}
    return changed(shape, changes)


def text(value: Any = str) -> dict[str, Any]:
    return {"type": "text", "text": {"value": value, "annotations": []}}


def message(said: Any = str, **changes: Any) -> Any:
    """A user's."""
    shape = {
        "id": Id("msg"),
        "object": "thread.message",
        "created_at": int,
        "assistant_id": None,
        "thread_id": Id("thread"),
        "run_id": None,
        "status": "completed",
        "incomplete_details": None,
        "incomplete_at": None,
        "completed_at": int,
        "role": "user",
        "content": [text(said)],
        "attachments": [],
        "metadata": {},
    }
    return changed(shape, changes)


def answer(said: Any = str, **changes: Any) -> Any:
    """A message that a run wrote."""
    return message(said, **{"assistant_id": Id("asst"), "run_id": Id("run"), "role": "assistant", **changes})


def opened_answer() -> Any:
    return answer(status="in_progress", completed_at=None, content=[])


def cut_answer(said: Any, reason: str) -> Any:
    details = {"reason": reason}
    return answer(said, status="incomplete", incomplete_details=details, incomplete_at=int, completed_at=None)


def run(**changes: Any) -> Any:
    """One that was just made."""
    shape = {
        "id": Id("run"),
        "object": "thread.run",
        "created_at": int,
        "assistant_id": Id("asst"),
        "thread_id": Id("thread"),
        "status": "queued",
        "started_at": None,
        "expires_at": int,
        "cancelled_at": None,
        "failed_at": None,
        "completed_at": None,
        "required_action": None,
        "last_error": None,
        "model": "gpt-4o",
        "instructions": None,
        "tools": [],
        "tool_resources": {},
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "reasoning_effort": None,
        "max_completion_tokens": None,
        "max_prompt_tokens": None,
        "truncation_strategy": {"type": "auto", "last_messages": None},
        "incomplete_details": None,
        "usage": None,
        "response_format": "auto",
        "tool_choice": "auto",
        "parallel_tool_calls": True,
    }
    return changed(shape, changes)


def streamed_run(**changes: Any) -> Any:
    return run(**{"tool_resources": NO_FILES, **changes})


def started(**changes: Any) -> dict[str, Any]:
    return {"status": "in_progress", "started_at": int, **changes}


def ended(status: Any, **changes: Any) -> dict[str, Any]:
    return {"status": status, "started_at": int, "expires_at": None, "usage": USAGE, **changes}


def waiting(*calls: Any, **changes: Any) -> Any:
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": list(calls)}}
    return started(status="requires_action", required_action=action, **changes)


def function_call(name: str, arguments: Any = str) -> dict[str, Any]:
    return {"id": str, "type": "function", "function": {"name": name, "arguments": arguments}}


def finished_call(name: str, arguments: Any = str, output: str | None = None) -> dict[str, Any]:
    return {"id": str, "type": "function", "function": {"name": name, "arguments": arguments, "output": output}}


def step(**changes: Any) -> Any:
    """One that is under way and writes a message."""
    shape = {
        "id": Id("step"),
        "object": "thread.run.step",
        "created_at": int,
        "run_id": Id("run"),
        "assistant_id": Id("asst"),
        "thread_id": Id("thread"),
        "type": "message_creation",
        "status": "in_progress",
        "cancelled_at": None,
        "completed_at": None,
        "expires_at": int,
        "expired_at": None,
        "failed_at": None,
        "last_error": None,
        "step_details": {"type": "message_creation", "message_creation": {"message_id": Id("msg")}},
        "usage": None,
        "metadata": {},
    }
    return changed(shape, changes)


def calls_step(*calls: Any, **changes: Any) -> Any:
    return step(type="tool_calls", step_details={"type": "tool_calls", "tool_calls": list(calls)}, **changes)


def completed(shape: Any, **changes: Any) -> Any:
    """How a step looks in the event of its end; read later, it has no `expires_at` any more."""
    return changed(shape, {"status": "completed", "completed_at": int, "usage": USAGE, **changes})


def listing(*items: Any, has_more: bool = False) -> dict[str, Any]:
    first, last = (str, str) if items else (None, None)
    return {"object": "list", "data": list(items), "first_id": first, "last_id": last, "has_more": has_more}


def deleted(prefix: str, kind: str) -> dict[str, Any]:
    return {"id": Id(prefix), "object": f"{kind}.deleted", "deleted": True}


def error(message: Any, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


# -- streams -----------------------------------------------------------------------------------------------------


def begun(**run_changes: Any) -> Any:
    made = streamed_run(**run_changes)
    return [
        ("thread.run.created", made),
        ("thread.run.queued", made),
        ("thread.run.in_progress", streamed_run(**started(**run_changes))),
    ]


def opened_step(shape: Any) -> Any:
    return [("thread.run.step.created", shape), ("thread.run.step.in_progress", shape)]


def opened_message() -> Any:
    return [
        *opened_step(step()),
        ("thread.message.created", opened_answer()),
        ("thread.message.in_progress", opened_answer()),
    ]


def text_delta(value: Any, *, first: bool = False, index: int = 0) -> Any:
    said = {"value": value, "annotations": []} if first else {"value": value}
    content = [{"index": index, "type": "text", "text": said}]
    return ("thread.message.delta", {"id": Id("msg"), "object": "thread.message.delta", "delta": {"content": content}})


def call_delta(index: int, shape: Any) -> Any:
    calls = [{"index": index, **shape}]
    delta = {"step_details": {"type": "tool_calls", "tool_calls": calls}}
    return (
        "thread.run.step.delta",
        {"id": Id("step"), "object": "thread.run.step.delta", "delta": delta},
    )


def opening_call(index: int, name: str) -> Any:
    function = {"name": name, "arguments": "", "output": None}
    return call_delta(index, {"id": str, "type": "function", "function": function})


def arguments_delta(index: int, arguments: Any) -> Any:
    return call_delta(index, {"type": "function", "function": {"arguments": arguments}})


def said(*pieces: Any) -> Any:
    """A whole message that was said in these pieces."""
    return [
        *opened_message(),
        *(text_delta(piece, first=number == 0) for number, piece in enumerate(pieces)),
        ("thread.message.completed", answer("".join(pieces))),
        ("thread.run.step.completed", completed(step())),
    ]


DONE = ("done", "[DONE]")


def assert_events(found: Any, *expected: Any) -> None:
    assert [name for name, _ in found] == [name for name, _ in expected]
    for (name, data), (_, shape) in zip(found, expected, strict=True):
        differences = list(_differences(data, shape, name))
        assert not differences, "\n".join(differences)
