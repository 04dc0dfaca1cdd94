"""Objects of an import as this server stores them: with all members, ended, and without what it does not know."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from understudy.engine.transfers import pruning
from understudy.importing.objects import Kind, RawObject
from understudy.store.import_rows import NewRow
from understudy.store.imports import encode_pair
from understudy.store.run_state import Progress, encode_progress
from understudy.store.states import ACTIVE
from understudy.wire.assistants import AssistantObject
from understudy.wire.chunking import resolve_chunking
from understudy.wire.files import FileObject
from understudy.wire.messages import MessageContentTextObject, MessageObject
from understudy.wire.runs import RunObject
from understudy.wire.steps import RunStepObject
from understudy.wire.threads import ThreadObject
from understudy.wire.vector_stores import VectorStoreFileObject, VectorStoreObject

T = TypeVar("T", bound=Struct)

UNKNOWN_MEMBER: Final = "understudy_unknown"
"""In our own export: the members of nested objects that an import set aside, by path."""
_NO_PROGRESS: Final = encode_progress(Progress())


class UnusableObject(Exception):
    """The object cannot be imported; the text says why."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """`defaults` stand in for members that an object lacks; `required` are those without which it is of no use."""

    struct: type[Struct]
    object: str
    prefixes: tuple[str, ...]
    defaults: Mapping[str, Any]
    required: frozenset[str]


_SHAPES: Final[Mapping[Kind, _Shape]] = {
    "file": _Shape(
        FileObject,
        "file",
        ("file-", "file_", "assistant-"),
        {"purpose": "assistants", "bytes": 0},
        frozenset({"filename"}),
    ),
    "vector_store": _Shape(VectorStoreObject, "vector_store", ("vs_",), {"file_counts": {}}, frozenset()),
    "vector_store_file": _Shape(
        VectorStoreFileObject,
        "vector_store.file",
        ("file-", "file_", "assistant-"),
        {"chunking_strategy": msgspec.to_builtins(resolve_chunking(None))},
        frozenset({"vector_store_id"}),
    ),
    "assistant": _Shape(
        AssistantObject,
        "assistant",
        ("asst",),
        {
            "name": None,
            "description": None,
            "instructions": None,
            "tools": [],
            "top_p": None,
            "temperature": None,
            "reasoning_effort": None,
            "tool_resources": {},
            "metadata": {},
            "response_format": "auto",
        },
        frozenset({"model"}),
    ),
    "thread": _Shape(ThreadObject, "thread", ("thread",), {"metadata": {}, "tool_resources": {}}, frozenset()),
    "message": _Shape(
        MessageObject,
        "thread.message",
        ("msg",),
        {
            "assistant_id": None,
            "run_id": None,
            "status": "completed",
            "content": [],
            "attachments": [],
            "metadata": {},
        },
        frozenset({"thread_id", "role", "content"}),
    ),
    "run": _Shape(
        RunObject,
        "thread.run",
        ("run",),
        {
            "assistant_id": "",
            "expires_at": None,
            "model": "",
            "instructions": None,
            "tools": [],
            "tool_resources": {},
            "metadata": {},
            "temperature": None,
            "top_p": None,
            "reasoning_effort": None,
            "max_completion_tokens": None,
            "max_prompt_tokens": None,
            "truncation_strategy": {"type": "auto"},
            "response_format": "auto",
            "tool_choice": "auto",
            "parallel_tool_calls": True,
        },
        frozenset({"thread_id", "status"}),
    ),
    "step": _Shape(
        RunStepObject,
        "thread.run.step",
        ("step",),
        {"assistant_id": ""},
        frozenset({"thread_id", "run_id", "status", "type", "step_details"}),
    ),
}


def check_id(raw: RawObject) -> None:
    """Raises UnusableObject for an id that no request could name."""
    prefixes = _SHAPES[raw.kind].prefixes
    if not raw.id.startswith(prefixes):
        raise UnusableObject(f"The id of a {raw.kind} must begin with {prefixes[0]!r}.")


def to_object(raw: RawObject, body: dict[str, Any], now: int) -> tuple[Struct, str]:
    """The object of the stored members `body`, and its unknown members as JSON. Raises UnusableObject."""
    shape = _SHAPES[raw.kind]
    members, required = _base_members(raw.kind)
    complete = {**members, **body}
    for name in required:
        if complete[name] is None:
            complete[name] = members[name]
    complete["created_at"] = body.get("created_at") or now
    complete["object"] = shape.object
    set_aside = complete.pop(UNKNOWN_MEMBER, None)
    if raw.kind == "vector_store":
        complete.setdefault("last_active_at", complete["created_at"])
    if raw.kind == "message":
        complete["content"] = _message_content(complete.get("content"))
    if raw.kind == "file":
        complete["filename"] = _file_name(complete.get("filename"), raw.id)
    try:
        converted, unknown = pruning.convert(complete, shape.struct, shape.required | {"id"}, shape.defaults)
        if isinstance(set_aside, dict):
            unknown = {**set_aside, **unknown}
        return end(converted), msgspec.json.encode(unknown).decode() if unknown else ""
    except (msgspec.ValidationError, UnicodeEncodeError, RecursionError, pruning.UnsupportedValue) as error:
        raise UnusableObject(f"Malformed {raw.kind}: {error}") from None


@cache
def _base_members(kind: Kind) -> tuple[Mapping[str, Any], Sequence[str]]:
    """The defaults of members, so that an object without them is complete, and equal to what it is converted to.

    Also the names of those that cannot be null.
    """
    shape = _SHAPES[kind]
    optional = {
        field.encode_name: field.default
        for field in msgspec.structs.fields(shape.struct)
        if field.default is None or isinstance(field.default, str | int)
    }
    return {**optional, **shape.defaults}, [name for name, one in shape.defaults.items() if one is not None]


def _message_content(content: Any) -> Any:
    """In the form of responses: many people's exports have the texts of requests, as a string or in parts."""
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    if not isinstance(content, list):
        return content
    return [
        {**part, "text": {"value": part["text"], "annotations": []}}
        if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)
        else part
        for part in content
    ]


def _file_name(name: Any, file_id: str) -> str:
    return name.replace("\x00", "") if isinstance(name, str) and name.strip("\x00") else file_id.partition("@")[0]


def end(subject: T) -> T:
    """The object with its end, if it has none: nobody continues a run of another server."""
    match subject:
        case RunObject() if subject.status in ACTIVE:
            subject.status = "expired"
            subject.required_action = None
        case RunStepObject() if subject.status == "in_progress":
            subject.status = "expired"
        case MessageObject() if subject.status == "in_progress":
            subject.status = "incomplete"
    return subject


def to_row(project_id: str, subject: Struct, unknown: str) -> NewRow:
    """The row of any object but a file, a vector store and a file of one."""
    body = msgspec.json.encode(subject).decode()
    to_row_ = next(_ROWS[kind] for kind in type(subject).__mro__ if kind in _ROWS)
    return to_row_(project_id, subject, body, unknown)


def _assistant_row(project_id: str, assistant: AssistantObject, body: str, unknown: str) -> NewRow:
    return NewRow((assistant.id, project_id, body), resources=assistant.tool_resources, unknown=unknown)


def _thread_row(project_id: str, thread: ThreadObject, body: str, unknown: str) -> NewRow:
    origin = thread.branched_from
    values = (thread.id, project_id, max(1, thread.created_at) * 1000, origin.thread_id if origin else None, body)
    pairs = [encode_pair(pair) for pair in thread.metadata.items()]
    return NewRow(values, pairs=pairs, resources=thread.tool_resources, unknown=unknown)


def _message_row(_: str, message: MessageObject, body: str, unknown: str) -> NewRow:
    texts = [part.text.value for part in message.content if isinstance(part, MessageContentTextObject)]
    values = (message.id, message.thread_id, message.run_id, "message", message.role, body)
    return NewRow(values, text=" ".join(texts), created_at=message.created_at, unknown=unknown)


def _run_row(project_id: str, run: RunObject, body: str, unknown: str) -> NewRow:
    values = (
        run.id,
        run.thread_id,
        project_id,
        run.status,
        0,
        float(run.expires_at or 0),
        _NO_PROGRESS,
        "run",
        run.assistant_id,
        run.model.replace("\x00", ""),
        max(1, run.created_at),
        body,
    )
    return NewRow(values, unknown=unknown)


def _step_row(_: str, step: RunStepObject, body: str, unknown: str) -> NewRow:
    return NewRow((step.id, step.run_id, 0, body), unknown=unknown)


def file_row(project_id: str, file: FileObject, blob: str, unknown: str) -> NewRow:
    """`blob` is the name of the contents, empty without them."""
    body = msgspec.json.encode(file).decode()
    return NewRow((file.id, project_id, file.purpose, blob, file.expires_at, body), unknown=unknown)


def store_row(project_id: str, store: VectorStoreObject, now: int, unknown: str) -> NewRow:
    """A vector store without files. One that has expired since it was exported is in use again."""
    body = msgspec.json.encode(store).decode()
    last_active_at, expires_at = store.last_active_at or store.created_at, store.expires_at
    if store.expires_after is not None and store.status != "expired" and (expires_at is None or expires_at <= now):
        last_active_at, expires_at = now, now + store.expires_after.seconds
    return NewRow((store.id, project_id, last_active_at, expires_at, 0, 0, 0, 0, 0, body), unknown=unknown)


_ROWS: Final[Mapping[type[Struct], Callable[..., NewRow]]] = {
    AssistantObject: _assistant_row,
    ThreadObject: _thread_row,
    MessageObject: _message_row,
    RunObject: _run_row,
    RunStepObject: _step_row,
}
