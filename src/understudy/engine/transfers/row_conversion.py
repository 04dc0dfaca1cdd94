"""Rows of our own export as this server stores them. Their ids are stored ones already, except that of the row."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from understudy.engine.transfers import detail_rows, job_rows
from understudy.engine.transfers.conversion import UnusableObject
from understudy.engine.transfers.job_rows import UNFINISHED, Text
from understudy.engine.views.items import render_item
from understudy.importing.objects import RawObject
from understudy.store.import_rows import NewResponseLinks, NewRow
from understudy.store.messages import Item
from understudy.wire.prompts import PromptContent, PromptObject, PromptVersionObject, VersionNumber
from understudy.wire.response_items import ImageGenerationCall, encode_items
from understudy.wire.responses import ResponseError, ResponseObject

_MALFORMED: Final = (msgspec.ValidationError, KeyError, TypeError, ValueError, RecursionError)


class _Context(Struct):
    thread_id: str
    last_item: str | None


class _Item(Struct):
    kind: Text
    role: Text | None
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


def is_row(raw: RawObject) -> bool:
    """Whether the object is a row of our own export."""
    # It may be anything, where only the id has the kind of the object.
    return str(raw.body.get("object")) in _ROWS


def to_row(raw: RawObject, stored_id: str, project_id: str, now: int) -> NewRow:
    """The row without its contents. Raises UnusableObject."""
    try:
        return _ROWS[str(raw.body["object"])](raw, stored_id, project_id, now)
    except _MALFORMED as error:
        raise UnusableObject(f"Malformed {raw.kind}: {error}") from None


def list_contents(raw: RawObject) -> list[tuple[str, str]]:
    """What a row has bytes of, with the name of its entry in the export. Raises UnusableObject."""
    try:
        if raw.kind == "video":
            return [(role, f"{raw.id}.{role}") for role in job_rows.list_files(raw)]
        if raw.kind == "container":
            uploads = enumerate(detail_rows.list_uploads(raw))
            return [(name, f"{raw.id}.{number}.upload") for number, name in uploads]
        return [(part, f"{part}.part") for part in detail_rows.list_parts(raw)]
    except _MALFORMED as error:
        raise UnusableObject(f"Malformed {raw.kind}: {error}") from None


def list_images(raw: RawObject) -> list[str]:
    """The ids of the items whose images the row has apart, as the row names them. The row was converted before."""
    if raw.body["object"] == "understudy.item":
        item = raw.body["row"]
        return [raw.id] if item["kind"] == "image_generation" and item["body"].get("stored") is True else []
    if raw.body["object"] == "understudy.response":
        response = msgspec.convert(raw.body["row"]["body"], ResponseObject)
        calls = [one for one in response.output if isinstance(one, ImageGenerationCall)]
        return [one.id for one in calls if one.status == "completed" and one.result is None]
    return []


def _item_row(raw: RawObject, stored_id: str, _: str, now: int) -> NewRow:
    item = msgspec.convert(raw.body["row"], _Item)
    body = _encode_body(item.body, stored_id)
    run_id = _read_name(raw, "run_id")
    # Raises what the list of the items would raise.
    render_item(Item(0, item.kind, item.role, run_id, body))
    text = _find_text(item.body) if item.kind == "message" else ""
    values = (stored_id, str(raw.body["thread_id"]), run_id, item.kind, item.role, body)
    return NewRow(values, text=text, created_at=raw.created_at or now, noun="item")


def _read_name(raw: RawObject, member: str) -> str | None:
    """The stored id of another object."""
    return msgspec.convert(raw.body.get(member), Text | None)


def _find_text(message: Mapping[str, Any]) -> str:
    parts = [part["text"]["value"] for part in message["content"] if part.get("type") == "text"]
    return " ".join(parts)


def _response_row(raw: RawObject, stored_id: str, project_id: str, now: int) -> NewRow:
    response = msgspec.convert(raw.body["row"], _Response)
    body = _end_response(_encode_body(response.body, stored_id))
    links = NewResponseLinks(
        response.input_item, response.last_item, [(one.thread_id, one.last_item) for one in response.context]
    )
    thread_id = str(raw.body["thread_id"])
    values = (stored_id, project_id, thread_id, _read_name(raw, "previous_id"), 0, 0, 1, raw.created_at or now, body)
    return NewRow(values, links=links)


def _end_response(body: str) -> str:
    """The encoded response with its end, if it has none: nobody continues that of another server."""
    response = msgspec.json.decode(body, type=ResponseObject)
    if response.status not in {"queued", "in_progress"}:
        return body
    response.status, response.error = "failed", ResponseError("server_error", UNFINISHED)
    for item in response.output:
        if getattr(item, "status", None) == "in_progress":
            item.status = "incomplete"  # type: ignore[union-attr]  # of those that have one
    return encode_items(response).decode()


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
    body = _encode_body(chat.body, stored_id)
    values = (stored_id, project_id, msgspec.json.encode(chat.messages).decode(), body)
    return NewRow(values, pairs=[msgspec.json.encode(tag).decode() for tag in tags])


def _encode_body(body: dict[str, Any], stored_id: str) -> str:
    if "id" in body:
        body["id"] = stored_id
    return msgspec.json.encode(body).decode()


_ROWS: Final[Mapping[str, Callable[[RawObject, str, str, int], NewRow]]] = {
    "understudy.item": _item_row,
    "understudy.prompt": _prompt_row,
    "understudy.response": _response_row,
    "understudy.chat_completion": _chat_row,
    "understudy.batch": job_rows.batch_row,
    "understudy.video": job_rows.video_row,
    "understudy.transcription": job_rows.transcription_row,
    "understudy.file_batch": detail_rows.file_batch_row,
    "understudy.upload": detail_rows.upload_row,
    "understudy.container": detail_rows.container_row,
    "understudy.webhook_endpoint": detail_rows.endpoint_row,
}
