"""Scheduling of indexing: workers that share a database, fairness between tenants, and files deleted meanwhile."""

import asyncio
import contextlib
from types import SimpleNamespace

import pytest

from store import samples
from store.samples import OURS, THEIRS
from understudy import ids
from understudy.blobs import DirectoryBlobs
from understudy.broker.memory import MemoryBroker
from understudy.clock import SystemClock
from understudy.engine.files import Files
from understudy.engine.job_holds import JobHolds
from understudy.engine.jobs.ingestion import Ingestion
from understudy.engine.vector_stores import VectorStores
from understudy.retrieval.children import ChildPool
from understudy.retrieval.embed import BUILTIN, BuiltinEmbedder, Embedders
from understudy.retrieval.extract import Extractor
from understudy.retrieval.search import Index
from understudy.store import open_store
from understudy.store.vector_store_files import NewFile
from understudy.wire.chunking import resolve_chunking
from waiting import WITHIN

MEMORY = 1 << 30


class Watched(Extractor):
    """Records which files it reads, and blocks until it is released."""

    def __init__(self, children, spool, read):
        super().__init__(children, spool, seconds=60, text_bytes=1 << 20)
        self._read = read
        self.free = asyncio.Event()
        self.free.set()
        self.busy = asyncio.Event()

    async def text(self, path, filename, **options):
        self._read.append(filename)
        self.busy.set()
        await self.free.wait()
        return await super().text(path, filename, **options)


class Node:
    """One process of those that work on a database."""

    def __init__(self, store, directory, read, places):
        self.store = store
        self.children = ChildPool(places, MEMORY)
        self.embedders = Embedders(BUILTIN, lambda _: BuiltinEmbedder(ChildPool(1, MEMORY)))
        self.blobs = DirectoryBlobs(directory / "blobs", directory / "blobs" / "unfinished")
        self.extractor = Watched(self.children, directory / f"spool-{id(self)}", read)
        index = Index(store.chunks, self.embedders, self.children)
        self.clock = SystemClock()
        # The built-in vectors cost nothing, so that nothing is charged or held.
        unlimited = SimpleNamespace(releasers=[], holds=SimpleNamespace(bound={}))
        holds = JobHolds(unlimited, store.billable_jobs, "file")
        self.ingestion = Ingestion(
            store, self.blobs, self.extractor, index, None, holds, self.clock, MemoryBroker(), places
        )
        self.vector_stores = VectorStores(store, index, self.ingestion, self.clock, None, None)

    async def add(self, name, project=OURS):
        """A File whose name is its text."""
        files = Files(self.store, self.blobs, self.clock)

        async def chunks():
            yield f"The text of {name}.".encode()

        return (await files.save(project, name, "assistants", chunks())).id

    async def close(self):
        self.extractor.free.set()
        await self.ingestion.stop()
        await self.embedders.close()
        await self.children.close()
        await self.blobs.close()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request):
    return request.getfixturevalue("postgres") if request.param == "postgres" else None


@pytest.fixture
async def node(tmp_path, url):
    """Makes nodes on one database, not started yet; `node.read` is what all of them have read, in order."""
    closing = contextlib.AsyncExitStack()

    async def make(places=2):
        store = await open_store(tmp_path, url)
        closing.push_async_callback(store.close)
        made = Node(store, tmp_path, make.read, places)
        closing.push_async_callback(made.close)
        return made

    make.read = []
    async with closing:
        yield make


async def settled(node, store):
    assert await node.vector_stores.wait_indexed([store.id], None, WITHIN)


async def owners(store):
    def read():
        return (yield "SELECT owner FROM store_files WHERE owner IS NOT NULL", ())

    return await store.database.read(read)


async def nobody_works(node):
    """Waits until the work on the last file has ended."""
    async with asyncio.timeout(WITHIN):
        while True:
            with node.ingestion.next_change() as changed:
                if not await owners(node.store):
                    return
                await changed


async def test_nodes_share_the_files_and_read_each_once(node):
    first, second = await node(), await node()
    given = [await first.add(f"{number}.txt") for number in range(20)]
    store = await first.vector_stores.create(OURS, file_ids=given)
    await asyncio.gather(first.ingestion.start(), second.ingestion.start())
    await settled(first, store)
    assert sorted(node.read) == sorted(f"{number}.txt" for number in range(20))
    found = await first.store.vector_stores.get(OURS, store.id, 0)
    assert found.file_counts.completed == 20


async def test_a_tenant_with_few_files_does_not_wait_for_one_with_many(node):
    only = await node(places=1)
    many = [await only.add(f"many{number}.txt") for number in range(20)]
    few = [await only.add(f"few{number}.txt", THEIRS) for number in range(2)]
    store = await only.vector_stores.create(OURS, file_ids=many)
    other = await only.vector_stores.create(OURS, file_ids=[await only.add("other.txt")])
    theirs = await only.vector_stores.create(THEIRS, file_ids=few)
    await only.ingestion.start()
    for made in (store, other, theirs):
        await settled(only, made)
    assert {"few0.txt", "few1.txt", "other.txt"} <= set(node.read[:6])


async def test_a_cancelled_batch_stops_running_files_and_leaves_no_chunks(node):
    only = await node(places=1)
    given = [await only.add(f"{number}.txt") for number in range(3)]
    store = await only.vector_stores.create(OURS)
    only.extractor.free.clear()
    await only.ingestion.start()
    files = [NewFile(file_id, resolve_chunking(None)) for file_id in given]
    batch = await only.vector_stores.attach_batch(OURS, store.id, files)
    async with asyncio.timeout(WITHIN):
        await only.extractor.busy.wait()
    cancelled = await only.vector_stores.cancel_batch(OURS, store.id, batch.id)
    assert (cancelled.status, cancelled.file_counts.cancelled) == ("cancelled", 3)
    await nobody_works(only)
    only.extractor.free.set()
    assert await only.vector_stores.texts(OURS, store.id, given[0]) == []
    await only.vector_stores.attach(OURS, store.id, given[0])
    await settled(only, store)
    assert (await only.store.vector_store_files.get(OURS, store.id, given[0])).status == "completed"
    assert node.read == ["0.txt", "0.txt"]


@pytest.mark.parametrize("gone", ["file", "place", "store"])
async def test_a_file_deleted_during_extraction_leaves_no_chunks(node, gone):
    worker, other = await node(places=1), await node()
    file_id = await worker.add("a.txt")
    store = await worker.vector_stores.create(OURS, file_ids=[file_id])
    worker.extractor.free.clear()
    await worker.ingestion.start()
    async with asyncio.timeout(WITHIN):
        await worker.extractor.busy.wait()
    match gone:
        case "file":
            await other.store.files.delete(OURS, file_id)
        case "place":
            await other.vector_stores.detach(OURS, store.id, file_id)
        case "store":
            await other.vector_stores.delete(OURS, store.id)
    worker.extractor.free.set()
    await nobody_works(worker)

    def left():
        return (yield "SELECT count(*) FROM chunk_documents WHERE state = 1", ())

    assert await worker.store.database.read(left) == [(0,)]
    if gone != "store":
        found = await worker.store.vector_stores.get(OURS, store.id, 0)
        assert (found.status, found.file_counts.total, found.usage_bytes) == ("completed", 0, 0)


async def test_a_file_that_crashes_its_worker_repeatedly_fails_with_server_error(node):
    only = await node()
    store = await only.vector_stores.create(OURS, file_ids=[await only.add("a.txt")])
    for number in range(6):
        (waiting,) = await only.store.ingestion.list_candidates(only.clock.now(), 1)
        assert await only.store.ingestion.claim(waiting.key, f"dead{number}", BUILTIN, only.clock.now())
    await only.ingestion.start()
    await settled(only, store)
    (row,) = (await only.store.vector_store_files.page(OURS, store.id, samples.PAGE)).rows
    assert '"code":"server_error"' in row[1]
    assert "The server stopped unexpectedly 6 times while it indexed this file." in row[1]
    assert node.read == []


async def test_waiting_ends_on_timeout_or_once_the_files_are_indexed(node):
    only = await node(places=1)
    first, second = await only.add("a.txt"), await only.add("b.txt")
    store = await only.vector_stores.create(OURS, file_ids=[first, second])
    assert not await only.vector_stores.wait_indexed([store.id], None, 0.05)
    await only.ingestion.start()
    assert await only.vector_stores.wait_indexed([store.id], [first], WITHIN)
    assert await only.vector_stores.wait_indexed([store.id], None, WITHIN)
    assert await only.vector_stores.wait_indexed([ids.vector_store()], None, 0)


async def test_a_stopping_worker_releases_its_files_to_another_worker(node):
    first, second = await node(places=1), await node(places=1)
    store = await first.vector_stores.create(OURS, file_ids=[await first.add("a.txt")])
    first.extractor.free.clear()
    await first.ingestion.start()
    async with asyncio.timeout(WITHIN):
        await first.extractor.busy.wait()
    await first.ingestion.stop()
    await second.ingestion.start()
    await settled(second, store)
    assert node.read == ["a.txt", "a.txt"]
    (claimed,) = (await second.store.vector_store_files.page(OURS, store.id, samples.PAGE)).rows
    assert '"status":"completed"' in claimed[1]
