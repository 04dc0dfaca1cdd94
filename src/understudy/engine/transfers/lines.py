"""Lines of an export for what is stored in rows: an import of this server reads them, and no other program."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from understudy.importing.objects import ORDER_MEMBER
from understudy.store.batches import ACTIVE
from understudy.store.export_details import (
    ContainerLine,
    EndpointLine,
    FileBatchLine,
    TranscriptionLine,
    UploadLine,
)
from understudy.store.export_rows import BatchLine, ChatLine, ItemLine, PromptLine, ResponseLine, VideoLine

SHARED_PREFIX: Final = "resp_"
"""Begins the ids of threads without a row, which only responses have."""

ITEM_START: Final = '{"object":"understudy.item",'


class _Created(msgspec.Struct):
    created_at: float = 0


class _Job(msgspec.Struct):
    created_at: float


_decode_created = msgspec.json.Decoder(_Created).decode
_decode_job = msgspec.json.Decoder(_Job).decode


class ItemLines:
    """The items of one thread, in their order.

    Each line has what an import sorts it by: a time that never decreases, and the item's number. A message of a thread
    is an object of the API; other items, and those of responses without a conversation, are rows.
    """

    def __init__(self, thread_id: str, created_at: int) -> None:
        self._thread_id = thread_id
        self._is_shared = thread_id.startswith(SHARED_PREFIX)
        self._newest = created_at

    def render(self, item: ItemLine) -> str:
        created_at = int(_decode_created(item.body).created_at) if item.kind == "message" else 0
        self._newest = max(self._newest, created_at, item.response_at)
        order = f'"{ORDER_MEMBER}":[{self._newest},{item.seq}]}}'
        if item.kind == "message" and not self._is_shared:
            return f"{item.body[:-1]},{order}"
        members = {"thread_id": self._thread_id, "run_id": item.run_id}
        row = {"kind": item.kind, "role": item.role, "body": msgspec.Raw(item.body.encode())}
        return f"{_encode_line('item', item.id, self._newest, row, members)[:-1]},{order}"


def render_response(response: ResponseLine) -> str:
    members = {"thread_id": response.thread_id, "previous_id": response.previous_id}
    row = {
        "input_item": response.input_item,
        "last_item": response.last_item,
        "context": [{"thread_id": one.thread_id, "last_item": one.last_item} for one in response.context],
        "body": msgspec.Raw(response.body.encode()),
    }
    return _encode_line("response", response.id, response.created_at, row, members)


def render_prompt(prompt: PromptLine) -> str:
    row = {
        "body": msgspec.Raw(prompt.body.encode()),
        "versions": [msgspec.Raw(version.encode()) for version in prompt.versions],
    }
    return _encode_line("prompt", prompt.id, int(_decode_created(prompt.body).created_at), row)


def render_chat(chat: ChatLine) -> str:
    tags = [msgspec.json.decode(tag) for tag in chat.tags]
    row = {
        "models": sorted(tag[0] for tag in tags if len(tag) == 1),
        "messages": msgspec.Raw(chat.messages.encode()),
        "body": msgspec.Raw(chat.body.encode()),
    }
    created = msgspec.json.decode(chat.body, type=_Chat).created
    return _encode_line("chat_completion", chat.id, int(created), row)


class _Chat(msgspec.Struct):
    created: float = 0


def render_batch(batch: BatchLine) -> str:
    job = msgspec.json.decode(batch.body)
    job.pop("key_id", None)
    row = {
        "dialect": batch.dialect,
        "status": batch.status,
        "counts": list(batch.counts),
        "has_results": batch.results is not None,
        "has_lines": batch.status in ACTIVE,
        "body": job,
    }
    return _encode_line("batch", batch.id, int(_decode_job(batch.body).created_at), row)


def render_video(video: VideoLine) -> str:
    record = msgspec.json.decode(video.body)
    record.pop("key_id", None)
    row = {
        "state": video.state,
        "provider": video.provider,
        "upstream_id": video.upstream_id,
        "files": [file.role for file in video.files],
        "body": record,
    }
    return _encode_line("video", video.id, int(_decode_job(video.body).created_at), row)


def render_file_batch(batch: FileBatchLine) -> str:
    row = {
        "cancelled": batch.cancelled,
        "file_ids": list(batch.file_ids),
        "body": msgspec.Raw(batch.body.encode()),
    }
    owner = msgspec.json.decode(batch.body, type=_FileBatch)
    return _encode_line("file_batch", batch.id, owner.created_at, row, {"vector_store_id": owner.vector_store_id})


class _FileBatch(msgspec.Struct):
    created_at: int
    vector_store_id: str


def render_upload(upload: UploadLine) -> str:
    row = {
        "status": upload.status,
        "expires_at": upload.expires_at,
        "file_seconds": upload.file_seconds,
        "part_ids": list(upload.part_ids),
        "parts": [one.id for one in upload.parts],
        "body": msgspec.Raw(upload.body.encode()),
    }
    file_id = upload_file(upload)
    members = {} if file_id is None else {"file_id": file_id}
    return _encode_line("upload", upload.id, int(_decode_job(upload.body).created_at), row, members)


def upload_file(upload: UploadLine) -> str | None:
    """The id of the file that a completed upload has made."""
    file = msgspec.json.decode(upload.body, type=_Upload).file
    return None if file is None else file.id


class _File(msgspec.Struct):
    id: str


class _Upload(msgspec.Struct):
    file: _File | None = None


def render_container(container: ContainerLine) -> str:
    row = {
        "last_active_at": container.last_active_at,
        "file_ids": list(container.file_ids),
        "uploads": [one.name for one in container.uploads],
        "body": msgspec.Raw(container.body.encode()),
    }
    created_at = int(_decode_job(container.body).created_at)
    return _encode_line("container", container.id, created_at, row, {"thread_id": container.thread_id})


def render_transcription(transcription: TranscriptionLine) -> str:
    record = msgspec.json.decode(transcription.body)
    record.pop("key_id", None)
    row = {"status": transcription.status, "body": record}
    created_at = int(_decode_job(transcription.body).created_at)
    return _encode_line("transcription", transcription.id, created_at, row)


def render_endpoint(endpoint: EndpointLine) -> str:
    body = msgspec.json.decode(endpoint.body)
    body.pop("signing_secret_hint", None)
    return _encode_line("webhook_endpoint", endpoint.id, int(_decode_job(endpoint.body).created_at), {"body": body})


def _encode_line(
    kind: str, identifier: str, created_at: int, row: Mapping[str, Any], members: Mapping[str, Any] | None = None
) -> str:
    line = {"object": f"understudy.{kind}", "id": identifier, "created_at": created_at, **(members or {}), "row": row}
    return msgspec.json.encode(line).decode()
