"""Objects to store, with everything that a test does not care about filled in."""

import itertools
from collections.abc import Sequence
from typing import Any, Literal

from understudy import ids
from understudy.store import Store
from understudy.store.pages import PageRequest
from understudy.store.vector_store_files import NewFile
from understudy.wire.assistants import AssistantObject
from understudy.wire.chunking import StaticChunkingStrategy, StaticChunkingStrategyRequestParam, resolve_chunking
from understudy.wire.files import FileObject
from understudy.wire.messages import MessageContentTextObject, MessageObject, TextContent
from understudy.wire.runs import RunObject
from understudy.wire.steps import (
    MessageCreation,
    RunStepDetailsMessageCreationObject,
    RunStepDetailsToolCallsObject,
    RunStepObject,
)
from understudy.wire.threads import ThreadObject
from understudy.wire.tools import ToolResources, TruncationObject
from understudy.wire.vector_stores import FileCounts, VectorStoreFileBatchObject, VectorStoreObject

OURS = "proj_ours"
THEIRS = "proj_theirs"
NOW = 1_700_000_000
PAGE = PageRequest(order="asc")
ODD_TEXTS = [
    "plain",
    'O\'Brien "quoted" `ticks` \\back\\slashes',
    "percent % underscore _ dollar $1 question ?1",
    "Ünïcödé 漢字 🚀 \u200b",
    "line\nbreak\ttab\r\n",
    "nul \x00 inside",
    "'); DROP TABLE threads; --",
    "",
]
_moments = itertools.count(1_700_000_000)


def assistant(**members: Any) -> AssistantObject:
    defaults: dict[str, Any] = {
        "id": ids.assistant(),
        "created_at": next(_moments),
        "name": None,
        "description": None,
        "model": "gpt-4o",
        "instructions": None,
        "tools": [],
        "top_p": 1.0,
        "temperature": 1.0,
        "reasoning_effort": None,
        "tool_resources": ToolResources(),
        "metadata": {},
        "response_format": "auto",
    }
    return AssistantObject(**(defaults | members))


def thread(**members: Any) -> ThreadObject:
    made: dict[str, Any] = {
        "id": ids.thread(),
        "created_at": next(_moments),
        "metadata": {},
        "tool_resources": ToolResources(),
    }
    return ThreadObject(**(made | members))


def content(text: str) -> list[MessageContentTextObject]:
    return [MessageContentTextObject(TextContent(text))]


def message(thread_id: str, text: str | None = "Hello", **members: Any) -> MessageObject:
    defaults: dict[str, Any] = {
        "id": ids.message(),
        "created_at": next(_moments),
        "assistant_id": None,
        "thread_id": thread_id,
        "run_id": None,
        "status": "completed",
        "role": "user",
        "content": content(text) if text is not None else [],
        "attachments": [],
        "metadata": {},
    }
    return MessageObject(**(defaults | members))


def run(thread_id: str, status: str = "queued", **members: Any) -> RunObject:
    defaults: dict[str, Any] = {
        "id": ids.run(),
        "created_at": next(_moments),
        "assistant_id": "asst_1",
        "thread_id": thread_id,
        "status": status,
        "expires_at": 2_000_000_000,
        "model": "gpt-4o",
        "instructions": "Be brief.",
        "tools": [],
        "tool_resources": ToolResources(),
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "reasoning_effort": None,
        "max_completion_tokens": None,
        "max_prompt_tokens": None,
        "truncation_strategy": TruncationObject("auto"),
        "response_format": "auto",
        "tool_choice": "auto",
        "parallel_tool_calls": True,
    }
    return RunObject(**(defaults | members))


def step(run: RunObject, details: Any = None, **members: Any) -> RunStepObject:
    details = details or RunStepDetailsToolCallsObject([])
    defaults: dict[str, Any] = {
        "id": ids.step(),
        "created_at": next(_moments),
        "run_id": run.id,
        "assistant_id": run.assistant_id,
        "thread_id": run.thread_id,
        "type": "tool_calls",
        "status": "in_progress",
        "step_details": details,
    }
    return RunStepObject(**(defaults | members))


def message_step(run: RunObject, message: MessageObject) -> RunStepObject:
    details = RunStepDetailsMessageCreationObject(MessageCreation(message.id))
    return step(run, details, type="message_creation")


async def files(store: Store, count: int, project: str = OURS) -> list[str]:
    """Files of a project, whose bytes nobody has; their ids."""
    made = []
    for number in range(count):
        blob = f"blob_{ids.tool_call()}"
        await store.blobs.hold(blob, blob, NOW * 2)
        file = FileObject(id=ids.file(), purpose="assistants", filename=f"{number}.txt", bytes=1, created_at=NOW)
        await store.files.create(project, file, blob)
        made.append(file.id)
    return made


async def vector_store(
    store: Store, file_ids: Sequence[str] = (), project: str = OURS, **members: Any
) -> VectorStoreObject:
    made: dict[str, Any] = {
        "id": ids.vector_store(),
        "created_at": NOW,
        "file_counts": FileCounts(),
        "last_active_at": NOW,
    }
    return await store.vector_stores.create(
        project, VectorStoreObject(**(made | members)), file_ids, resolve_chunking(None)
    )


def new_file(file_id: str, attributes: dict[str, Any] | None = None, size: int | None = None) -> NewFile:
    """A file to attach, in chunks of `size` tokens."""
    sizes = None if size is None else StaticChunkingStrategyRequestParam(StaticChunkingStrategy(size, 0))
    return NewFile(file_id, resolve_chunking(sizes), attributes)


def batch(store_id: str, now: int = NOW) -> VectorStoreFileBatchObject:
    return VectorStoreFileBatchObject(
        id=ids.file_batch(), created_at=now, vector_store_id=store_id, file_counts=FileCounts()
    )


async def indexed(
    store: Store,
    made: VectorStoreObject,
    status: Literal["completed", "failed"] = "completed",
    owner: str = "indexer",
    **result: Any,
) -> None:
    """Ends the work on all the files of a store that wait to be indexed."""
    for waiting in await store.ingestion.list_candidates(NOW, 100):
        claimed = await store.ingestion.claim(waiting.key, owner, "builtin", NOW)
        if claimed is not None and claimed.file.vector_store_id == made.id:
            await store.ingestion.finish(owner, claimed, status, **result)
