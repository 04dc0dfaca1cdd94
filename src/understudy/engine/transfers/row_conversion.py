"""Rows of our own export as this server stores them. Their ids are stored ones already, except that of the row."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from understudy.engine.transfers.conversion import UnusableObject
from understudy.engine.views.items import render_item
from understudy.importing.objects import RawObject
from understudy.store.batches import ACTIVE, Dialect, Job, Status
from understudy.store.imports import NewResponseLinks, NewRow
from understudy.store.messages import Item
from understudy.store.qualified_ids import SEPARATOR, qualifier
from understudy.store.video_rows import Record, Role, VideoFile
from understudy.wire.prompts import PromptContent, PromptObject, PromptVersionObject, VersionNumber
from understudy.wire.responses import ResponseObject

_COUNTS: Final = 7
# PostgreSQL stores no null character, and neither database a larger number.
_Text = Annotated[str, Meta(pattern=r"\A[^\x00]*\Z")]
_Count = Annotated[int, Meta(ge=0, le=2**53)]
_MALFORMED: Final = (msgspec.ValidationError, KeyError, TypeError, ValueError, RecursionError)


class _Context(Struct):
    thread_id: str
    last_item: str | None


class _Item(Struct):
    kind: _Text
    role: _Text | None
    body: dict[str, Any]


class _Response(Struct):
    input_item: str | None
    last_item: str | None
    context: list[_Context]
    body: dict[str, Any]


class _Prompt(Struct):
    body: dict[str, Any]
    versions: Annotated[list[dict[str, Any]], Meta(min_length=1)]


class _Chat(Struct):
    models: list[str]
    messages: list[dict[str, Any]]
    body: dict[str, Any]


class _Batch(Struct):
    dialect: Dialect
    status: Status
    counts: list[_Count]
    has_results: bool
    body: dict[str, Any]


class _Video(Struct):
    state: Literal["completed", "failed"]
    provider: _Text
    upstream_id: _Text | None
    files: list[Role]
    body: Record


def is_row(raw: RawObject) -> bool:
    """Whether the object is a row of our own export."""
    return raw.body.get("object") in _ROWS


def to_row(raw: RawObject, stored_id: str, project_id: str, now: int) -> NewRow:
    """The row without its contents. Raises UnusableObject."""
    try:
        return _ROWS[str(raw.body["object"])](raw, stored_id, project_id, now)
    except _MALFORMED as error:
        raise UnusableObject(f"Malformed {raw.kind}: {error}") from None


def list_files(raw: RawObject) -> Sequence[Role]:
    """The files that a video has. Raises UnusableObject."""
    try:
        return msgspec.convert(raw.body["row"], _Video).files
    except _MALFORMED as error:
        raise UnusableObject(f"Malformed {raw.kind}: {error}") from None


def with_results(row: NewRow, blob: str) -> NewRow:
    """A batch whose results are the blob."""
    return msgspec.structs.replace(row, values=(*row.values[:4], blob, *row.values[5:]))


def with_files(row: NewRow, files: Sequence[VideoFile]) -> NewRow:
    """A video with its files."""
    return msgspec.structs.replace(row, files=files)


def _item_row(raw: RawObject, stored_id: str, _: str, now: int) -> NewRow:
    item = msgspec.convert(raw.body["row"], _Item)
    body = _encode(item.body, stored_id)
    run_id = _read_name(raw, "run_id")
    # Raises what the list of the items would raise.
    render_item(Item(0, item.kind, item.role, run_id, body))
    text = _find_text(item.body) if item.kind == "message" else ""
    values = (stored_id, str(raw.body["thread_id"]), run_id, item.kind, item.role, body)
    return NewRow(values, text=text, created_at=raw.created_at or now, noun="item")


def _read_name(raw: RawObject, member: str) -> str | None:
    """The stored id of another object."""
    return msgspec.convert(raw.body.get(member), _Text | None)


def _find_text(message: Mapping[str, Any]) -> str:
    parts = [part["text"]["value"] for part in message["content"] if part.get("type") == "text"]
    return " ".join(parts)


def _response_row(raw: RawObject, stored_id: str, project_id: str, now: int) -> NewRow:
    response = msgspec.convert(raw.body["row"], _Response)
    body = _encode(response.body, stored_id)
    if msgspec.json.decode(body, type=ResponseObject).status in {"queued", "in_progress"}:
        raise ValueError("it has not ended")
    links = NewResponseLinks(
        response.input_item, response.last_item, [(one.thread_id, one.last_item) for one in response.context]
    )
    thread_id = str(raw.body["thread_id"])
    values = (stored_id, project_id, thread_id, _read_name(raw, "previous_id"), 0, 0, 1, raw.created_at or now, body)
    return NewRow(values, links=links)


def _prompt_row(raw: RawObject, stored_id: str, project_id: str, _: int) -> NewRow:
    row = msgspec.convert(raw.body["row"], _Prompt)
    prompt = msgspec.convert({**row.body, "id": stored_id}, PromptObject)
    versions: dict[int, str] = {}
    for one in row.versions:
        version = msgspec.convert({**one, "prompt_id": stored_id}, PromptVersionObject)
        # Raises what a request with the prompt would raise.
        msgspec.convert(version.content, PromptContent)
        versions[_number(version.version)] = msgspec.json.encode(version).decode()
    if _number(prompt.default_version) not in versions or _number(prompt.latest_version) != max(versions):
        raise ValueError("its default version, or its latest one, is missing")
    body = msgspec.json.encode(prompt).decode()
    if r"\u0000" in body:
        raise ValueError("it has a null character")
    return NewRow((stored_id, project_id, body), versions=list(versions.items()))


def _number(version: str) -> int:
    return int(msgspec.convert(version, VersionNumber))


def _chat_row(raw: RawObject, stored_id: str, project_id: str, _: int) -> NewRow:
    chat = msgspec.convert(raw.body["row"], _Chat)
    metadata = msgspec.convert(chat.body.get("metadata") or {}, dict[str, str])
    chat.body["metadata"] = metadata
    tags = [*dict.fromkeys((model,) for model in chat.models), *metadata.items()]
    body = _encode(chat.body, stored_id)
    values = (stored_id, project_id, msgspec.json.encode(chat.messages).decode(), body)
    return NewRow(values, pairs=[msgspec.json.encode(tag).decode() for tag in tags])


def _batch_row(raw: RawObject, stored_id: str, project_id: str, _: int) -> NewRow:
    batch = msgspec.convert(raw.body["row"], _Batch)
    if batch.status in ACTIVE or len(batch.counts) != _COUNTS:
        raise ValueError("it has not ended, or lacks counts")
    batch.body["id"] = stored_id
    job = msgspec.convert(batch.body, Job)
    body = msgspec.json.encode(job).decode()
    return NewRow((stored_id, project_id, batch.dialect, batch.status, None, *batch.counts, body))


def _video_row(raw: RawObject, stored_id: str, project_id: str, now: int) -> NewRow:
    video = msgspec.convert(raw.body["row"], _Video)
    # The address of a file has no key: the token says which project's video it is.
    token = f"{secrets.token_urlsafe(24)}.{qualifier(project_id).removeprefix(SEPARATOR)}"
    body = msgspec.json.encode(video.body).decode()
    # A file can name any generation of the video service, and the account may be that of other projects as well: what
    # an import names is never continued there. Kept from the import on as long as from its end.
    values = (stored_id, project_id, video.state, 0, 0.0, video.provider, None, token, float(now), body)
    return NewRow(values)


def _encode(body: dict[str, Any], stored_id: str) -> str:
    if "id" in body:
        body["id"] = stored_id
    return msgspec.json.encode(body).decode()


_ROWS: Final[Mapping[str, Callable[[RawObject, str, str, int], NewRow]]] = {
    "understudy.item": _item_row,
    "understudy.prompt": _prompt_row,
    "understudy.response": _response_row,
    "understudy.chat_completion": _chat_row,
    "understudy.batch": _batch_row,
    "understudy.video": _video_row,
}
