"""Files that messages attach to the tools of their thread, in the same transaction as the messages.

Files for file search go to the thread's vector store, which is created for the first of them and expires after a week
without use; files for the code interpreter join the thread's list. Knows no message beyond its attachments.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from understudy import ids
from understudy.errors.objects import code_file_limit_exceeded
from understudy.store.database import Transaction
from understudy.store.references import replace_references, resource_ids
from understudy.store.vector_store_counts import find_usable_store
from understudy.store.vector_store_files import NewFile, add_files, lock_names
from understudy.store.vector_stores import insert_store
from understudy.wire.chunking import StaticChunkingStrategyResponseParam, resolve_chunking
from understudy.wire.messages import Attachment, MessageObject
from understudy.wire.threads import ThreadObject
from understudy.wire.tools import (
    AssistantToolsCode,
    AssistantToolsFileSearchTypeOnly,
    CodeInterpreterResources,
    FileSearchResources,
    ToolResources,
)
from understudy.wire.vector_stores import FileCounts, VectorStoreExpirationAfter, VectorStoreObject

THREAD_STORE_EXPIRY: Final = VectorStoreExpirationAfter("last_active_at", 7)
_MAX_CODE_FILES: Final = 20
_THREAD = "SELECT body FROM threads WHERE id = $1 AND body IS NOT NULL FOR UPDATE"
_USABLE = (
    "SELECT 1 FROM vector_stores WHERE id = $1 AND project_id = $2 AND body IS NOT NULL"
    " AND (expires_at IS NULL OR expires_at > $3)"
)
_decode = msgspec.json.Decoder(ThreadObject).decode


@dataclass(frozen=True, slots=True)
class VectorStoreUpload:
    """Files for one vector store; `made` is the store itself if it has to be created, up to `limit` of its project."""

    store_id: str
    file_ids: Sequence[str]
    made: VectorStoreObject | None = None
    chunking: StaticChunkingStrategyResponseParam = field(default_factory=lambda: resolve_chunking(None))
    limit: int | None = None


def new_vector_store_upload(
    file_ids: Sequence[str],
    now: int,
    expires_after: VectorStoreExpirationAfter | None,
    chunking: StaticChunkingStrategyResponseParam,
    metadata: dict[str, str] | None = None,
    limit: int | None = None,
) -> VectorStoreUpload:
    """A vector store to create with these files."""
    store = VectorStoreObject(
        id=ids.vector_store(),
        created_at=now,
        file_counts=FileCounts(),
        expires_after=expires_after,
        last_active_at=now,
        metadata=metadata or {},
    )
    return VectorStoreUpload(store.id, file_ids, store, chunking, limit)


def collect_attachments(
    resources: ToolResources, messages: Iterable[MessageObject], now: int
) -> tuple[ToolResources, list[VectorStoreUpload]]:
    """A thread's resources with the files that the messages attach, and the vector stores to create or extend.

    Raises InvalidRequest if the thread would have too many files for the code interpreter.
    """
    attached = [attachment for message in messages for attachment in message.attachments]
    if not attached:
        return resources, []
    search = resources.file_search
    store_uploads: list[VectorStoreUpload] = []
    if search_files := _files_for(attached, AssistantToolsFileSearchTypeOnly):
        if isinstance(search, FileSearchResources) and search.vector_store_ids:
            store_uploads = [VectorStoreUpload(search.vector_store_ids[0], search_files)]
        else:
            store_uploads = [new_vector_store_upload(search_files, now, THREAD_STORE_EXPIRY, resolve_chunking(None))]
            search = FileSearchResources(vector_store_ids=[store_uploads[0].store_id])
    code = _add_code_files(resources, _files_for(attached, AssistantToolsCode))
    return ToolResources(code_interpreter=code, file_search=search), store_uploads


def attach_to_stores(project_id: str, store_uploads: Iterable[VectorStoreUpload], now: int) -> Transaction[None]:
    """Raises NotFound for a file or a vector store that the project does not have, and VectorStoreExpired."""
    for upload in store_uploads:
        if upload.made is not None:
            yield from insert_store(project_id, upload.made, upload.file_ids, upload.chunking, upload.limit)
            continue
        names = yield from lock_names(project_id, upload.file_ids, now)
        store = yield from find_usable_store(project_id, upload.store_id, now, lock=True)
        files = [NewFile(file_id, upload.chunking) for file_id in upload.file_ids]
        yield from add_files(project_id, upload.store_id, store, files, names, now)


def attach(project_id: str, thread_id: str, messages: Sequence[MessageObject], now: int) -> Transaction[None]:
    """Adds the attachments of messages to a stored thread. Raises as collect_attachments and attach_to_stores do."""
    if not any(message.attachments for message in messages):
        return
    rows = yield _THREAD, (thread_id,)
    thread = _decode(rows[0][0])
    named = resource_ids(thread.tool_resources)
    yield from _exclude_unusable_stores(project_id, thread, now)
    thread.tool_resources, store_uploads = collect_attachments(thread.tool_resources, messages, now)
    yield from attach_to_stores(project_id, store_uploads, now)
    yield "UPDATE threads SET body = $2 WHERE id = $1", (thread_id, msgspec.json.encode(thread).decode())
    yield from replace_references("thread", thread_id, named, thread.tool_resources)


def _exclude_unusable_stores(project_id: str, thread: ThreadObject, now: int) -> Transaction[None]:
    """Drops a vector store that is deleted or has expired, so that another one takes its place."""
    search = thread.tool_resources.file_search
    if isinstance(search, FileSearchResources) and search.vector_store_ids:
        rows = yield _USABLE, (search.vector_store_ids[0], project_id, now)
        if not rows:
            thread.tool_resources.file_search = UNSET


def _files_for(attached: Sequence[Attachment], tool: type) -> list[str]:
    """The ids of the files that are attached for a tool, without duplicates."""
    attached_ids = [
        attachment.file_id
        for attachment in attached
        if attachment.file_id is not UNSET
        and attachment.tools is not UNSET
        and any(isinstance(one, tool) for one in attachment.tools)
    ]
    return list(dict.fromkeys(attached_ids))


def _add_code_files(resources: ToolResources, file_ids: Sequence[str]) -> CodeInterpreterResources | UnsetType:
    old = resources.code_interpreter
    if not file_ids:
        return old
    existing = old.file_ids if isinstance(old, CodeInterpreterResources) else []
    all_ids = list(dict.fromkeys([*existing, *file_ids]))
    if len(all_ids) > _MAX_CODE_FILES:
        raise code_file_limit_exceeded(_MAX_CODE_FILES, len(all_ids))
    return CodeInterpreterResources(file_ids=all_ids)
