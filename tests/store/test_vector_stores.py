"""Vector stores on both databases: their files, their counts, their filters, and who works on what."""

import pytest

from store import samples
from store.samples import OURS, THEIRS
from understudy import errors, ids
from understudy.store.pages import PageRequest
from understudy.store.store_files import NewFile
from understudy.wire.files import FileObject
from understudy.wire.vector_stores import (
    FileCounts,
    VectorStoreExpirationAfter,
    VectorStoreFileBatchObject,
    VectorStoreObject,
    chosen_chunking,
)

NOW = 1_700_000_000
CHUNKING = chosen_chunking(None)


def vector_store(**members):
    made = {"id": ids.vector_store(), "created_at": NOW, "file_counts": FileCounts(), "last_active_at": NOW}
    return VectorStoreObject(**(made | members))


async def files(store, count, project=OURS):
    """New Files of a project, by their ids."""
    made = []
    for number in range(count):
        name = f"blob_{ids.tool_call()}"
        await store.blobs.hold(name, name, NOW * 2)
        file = FileObject(id=ids.file(), purpose="assistants", filename=f"{number}.txt", bytes=1, created_at=NOW)
        await store.files.create(project, file, name)
        made.append(file.id)
    return made


async def create(store, file_ids=(), project=OURS, **members):
    return await store.vector_stores.create(project, vector_store(**members), file_ids, CHUNKING)


def counts(**given):
    return FileCounts(**given, total=sum(given.values()))


async def test_a_store_is_made_with_its_files(store):
    made = await create(store, await files(store, 120), name="Docs", metadata={"a": "b"})
    assert made.file_counts == counts(in_progress=120)
    assert (made.status, made.name, made.metadata) == ("in_progress", "Docs", {"a": "b"})
    assert await store.vector_stores.get(OURS, made.id, NOW) == made
