"""Rows of our own export for batches of files, uploads, containers and webhook endpoints."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct

from understudy import ids
from understudy.engine.transfers.job_rows import Count, Text, encode_text
from understudy.importing.normalization import is_id
from understudy.importing.objects import RawObject
from understudy.net.outbound import url_problem
from understudy.store.container_uploads import ContainerUpload
from understudy.store.import_rows import NewRow
from understudy.store.qualified_ids import qualifier
from understudy.store.uploads import StoredPart
from understudy.tools.sandbox import safe_name
from understudy.wire.containers import ContainerResource
from understudy.wire.uploads import Upload
from understudy.wire.vector_stores import VectorStoreFileBatchObject
from understudy.wire.webhooks import CreateWebhookEndpointRequest, WebhookEndpoint


class _FileBatch(Struct):
    cancelled: bool
    file_ids: list[Text]
    body: dict[str, Any]


class _Upload(Struct):
    status: Literal["pending", "completed", "cancelled", "expired"]
    expires_at: Count
    file_seconds: Count | None
    part_ids: list[Text]
    parts: list[Text]
    body: dict[str, Any]


class _Container(Struct):
    last_active_at: Count
    file_ids: list[Text]
    body: dict[str, Any]
    uploads: list[Text] = []


class _Endpoint(Struct):
    body: dict[str, Any]


class _EndpointTimes(Struct):
    created_at: Count
    updated_at: Count


_Minutes = Annotated[int, Meta(ge=1, le=20)]


def file_batch_row(raw: RawObject, stored_id: str, _: str, __: int) -> NewRow:
    """Its vector store is named in place of the store's number, which only the transaction knows."""
    batch = msgspec.convert(raw.body["row"], _FileBatch)
    body = msgspec.convert({**batch.body, "id": stored_id}, VectorStoreFileBatchObject)
    body.vector_store_id = msgspec.convert(raw.body["vector_store_id"], Text)
    values = (stored_id, body.vector_store_id, int(batch.cancelled), encode_text(body))
    return NewRow(values, members=list(dict.fromkeys(batch.file_ids)))


def upload_row(raw: RawObject, stored_id: str, project_id: str, _: int) -> NewRow:
    """Without the parts, whose bytes `list_parts` names."""
    upload = msgspec.convert(raw.body["row"], _Upload)
    body = msgspec.convert({**upload.body, "id": stored_id}, Upload)
    body.status = upload.status
    msgspec.convert((body.bytes, body.expires_at), tuple[Count, Count])
    if body.file is not UNSET:
        body.file.id = msgspec.convert(raw.body["file_id"], Text)
    part_ids = msgspec.json.encode(upload.part_ids).decode()
    values = (stored_id, project_id, upload.status, upload.expires_at, upload.file_seconds, part_ids, encode_text(body))
    return NewRow(values)


def list_parts(raw: RawObject) -> Sequence[str]:
    """The ids of the parts of a pending upload."""
    upload = msgspec.convert(raw.body["row"], _Upload)
    if not all(is_id(one) for one in upload.parts):
        raise ValueError("a part has an invalid id")
    return list(dict.fromkeys(upload.parts)) if upload.status == "pending" else ()


def to_part(public_id: str, project_id: str, size: int, blob: str) -> StoredPart:
    return StoredPart(public_id + qualifier(project_id), size, blob)


def with_parts(row: NewRow, parts: Sequence[StoredPart]) -> NewRow:
    return msgspec.structs.replace(row, parts=parts)


def container_row(raw: RawObject, stored_id: str, project_id: str, _: int) -> NewRow:
    """With the Files that its next session has, without the bytes of uploads, which `list_uploads` names.

    What code has written ends with a session, here as at a restart.
    """
    container = msgspec.convert(raw.body["row"], _Container)
    body = msgspec.convert({**container.body, "id": stored_id}, ContainerResource)
    msgspec.convert(body.expires_after.minutes, _Minutes)
    name, thread_id = msgspec.convert(body.name, Text), msgspec.convert(raw.body.get("thread_id"), Text | None)
    values = (stored_id, project_id, thread_id, name, container.last_active_at, encode_text(body))
    return NewRow(values, members=list(dict.fromkeys(container.file_ids)))


def list_uploads(raw: RawObject) -> Sequence[str]:
    """The names of what clients have uploaded into a container."""
    names = msgspec.convert(raw.body["row"], _Container).uploads
    if any(safe_name(name) != name for name in names) or len(set(names)) != len(names):
        raise ValueError("an upload has an invalid name")
    return names


def with_uploads(row: NewRow, uploads: Sequence[ContainerUpload]) -> NewRow:
    return msgspec.structs.replace(row, uploads=uploads)


def endpoint_row(raw: RawObject, stored_id: str, project_id: str, _: int) -> NewRow:
    """With a new secret, which nobody knows before it is rotated."""
    body = msgspec.convert(raw.body["row"], _Endpoint).body
    times = msgspec.convert(body, _EndpointTimes)
    members = {name: body.get(name) for name in ("name", "url", "event_types")}
    request = msgspec.convert(members, CreateWebhookEndpointRequest)
    # Whether private addresses are allowed is a setting, which each delivery checks.
    if problem := url_problem(request.url, allow_private=True):
        raise ValueError(f"its url is invalid: {problem}")
    secret = ids.webhook_secret()
    endpoint = WebhookEndpoint(
        id=stored_id,
        created_at=times.created_at,
        event_types=[*request.event_types],
        name=request.name,
        signing_secret_hint=ids.webhook_secret_hint(secret),
        url=request.url,
        updated_at=times.updated_at,
    )
    return NewRow((stored_id, project_id, secret, 0, encode_text(endpoint)))
