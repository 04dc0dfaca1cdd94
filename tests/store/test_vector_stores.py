"""Vector stores on both databases: their files, counts and batches, separate per tenant."""

import asyncio
import contextlib
from collections import Counter

import hypothesis
import pytest
from hypothesis import strategies as st

from store import samples
from store.samples import OURS, THEIRS
from understudy import errors, ids
from understudy.store import open_store
from understudy.store.pages import PageRequest
from understudy.store.vector_store_files import MAX_FILES
from understudy.wire.tools import FileSearchResources, ToolResources
from understudy.wire.vector_stores import FileCounts, LastError, VectorStoreExpirationAfter

NOW = samples.NOW
DAY = 86_400


def counts(**given):
    return FileCounts(**given, total=sum(given.values()))


async def truth(store, made):
    """A store's counts as its rows have them."""

    def rows():
        sql = (
            "SELECT status, body FROM store_files WHERE body IS NOT NULL"
            " AND store = (SELECT seq FROM vector_stores WHERE id = $1)"
        )
        return (yield sql, (made.id,))

    return counts(**Counter(row[0] for row in await store.database.read(rows)))


async def test_a_store_is_made_with_its_files_in_their_order(store):
    given = await samples.files(store, 123)
    made = await samples.vector_store(store, given, name="Docs", metadata={"a": "b"})
    assert made.file_counts == counts(in_progress=123)
    assert (made.status, made.name, made.metadata) == ("in_progress", "Docs", {"a": "b"})
    assert await store.vector_stores.get(OURS, made.id, NOW) == made
    page = await store.vector_store_files.page(OURS, made.id, PageRequest(limit=100, order="asc"))
    assert [row[0] for row in page.rows] == given[:100]
    assert page.has_more


async def test_workers_and_clients_of_one_store_never_deadlock(store):
    """A statement that waits for another transaction is repeated after its deadlock, which takes a second."""
    given = await samples.files(store, 24)
    made = await samples.vector_store(store, given)
    seqs = [candidate.key for candidate in await store.ingestion.list_candidates(NOW, 100)]
    (store_seq,) = {candidate.group for candidate in await store.ingestion.list_candidates(NOW, 100)}

    async def work(worker):
        for seq in seqs[::worker]:
            claimed = await store.ingestion.claim(seq, f"worker_{worker}", "builtin", NOW)
            if claimed is not None:
                await store.ingestion.release(f"worker_{worker}", claimed, NOW)

    async def restart():
        for _ in range(8):
            await store.ingestion.restart(store_seq, "builtin")

    async def describe():
        for file_id in given:
            await store.vector_store_files.describe(OURS, made.id, file_id, {"a": 1})

    before = await deadlocks(store)
    await asyncio.gather(work(1), work(1), work(-1), work(-1), restart(), describe(), restart())
    assert await deadlocks(store) == before


async def deadlocks(store):
    """How many PostgreSQL has ended in this database."""
    if store.database.dialect == "sqlite":
        return 0

    def count():
        yield "SELECT pg_stat_force_next_flush()", ()
        return (yield "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()", ())

    await asyncio.gather(*(store.database.read(count) for _ in range(20)))
    return (await store.database.read(count))[0][0]


async def test_a_store_with_an_unknown_file_is_not_made(store):
    given = await samples.files(store, 1)
    (foreign,) = await samples.files(store, 1, THEIRS)
    with pytest.raises(errors.NotFound, match=f"No such File object: {foreign}"):
        await samples.vector_store(store, [*given, foreign])
    assert (await store.vector_stores.page(OURS, PageRequest(), NOW)).rows == []


@pytest.mark.proves("vector_stores.tenants")
async def test_a_vector_store_of_another_project_gives_the_same_error_as_an_unknown_one(store):
    (ours,) = await samples.files(store, 1)
    (theirs,) = await samples.files(store, 1, THEIRS)
    made = await samples.vector_store(store, [ours])
    vector_stores, files, batches = store.vector_stores, store.vector_store_files, store.file_batches
    batch = await batches.create(OURS, samples.batch(made.id), [samples.new_file(ours)])
    refused = [
        vector_stores.get(THEIRS, made.id, NOW),
        vector_stores.modify(THEIRS, made.id, lambda _: None, NOW),
        vector_stores.delete(THEIRS, made.id),
        vector_stores.scopes(THEIRS, [made.id], None, NOW),
        vector_stores.check_usable(THEIRS, [made.id], NOW),
        files.attach(THEIRS, made.id, samples.new_file(theirs), NOW),
        files.get(THEIRS, made.id, ours),
        files.page(THEIRS, made.id, PageRequest()),
        files.describe(THEIRS, made.id, ours, {}),
        files.detach(THEIRS, made.id, ours),
        batches.create(THEIRS, samples.batch(made.id), [samples.new_file(theirs)]),
        batches.get(THEIRS, made.id, batch.id),
        batches.page(THEIRS, made.id, batch.id, PageRequest()),
        batches.cancel(THEIRS, made.id, batch.id),
    ]
    for verb in refused:
        with pytest.raises(errors.NotFound, match=f"No vector store found with id '{made.id}'"):
            await verb
    assert (await vector_stores.page(THEIRS, PageRequest(), NOW)).rows == []
    assert (await vector_stores.get(OURS, made.id, NOW)).file_counts == counts(in_progress=1)


@pytest.mark.proves("vector_stores.attach_again")
async def test_a_file_that_is_attached_again_stays_as_it_is(store):
    (file_id,) = await samples.files(store, 1)
    made = await samples.vector_store(store)
    first = await store.vector_store_files.attach(OURS, made.id, samples.new_file(file_id, {"a": 1}), NOW)
    again = await store.vector_store_files.attach(OURS, made.id, samples.new_file(file_id), NOW + 5)
    assert again == first
    described = await store.vector_store_files.attach(OURS, made.id, samples.new_file(file_id, {"a": 2}), NOW + 5)
    assert described.attributes == {"a": 2}
    await samples.indexed(store, made, usage_bytes=10)
    assert (await store.vector_store_files.attach(OURS, made.id, samples.new_file(file_id), NOW)).status == "completed"
    other = await store.vector_store_files.attach(OURS, made.id, samples.new_file(file_id, size=200), NOW)
    assert (other.status, other.usage_bytes) == ("in_progress", 0)
    found = await store.vector_stores.get(OURS, made.id, NOW)
    assert (found.file_counts, found.usage_bytes) == (counts(in_progress=1), 0)


async def test_a_failed_file_is_tried_again_when_it_is_attached_again(store):
    (file_id,) = await samples.files(store, 1)
    made = await samples.vector_store(store, [file_id])
    error = LastError("invalid_file", "It cannot be read.")
    await samples.indexed(store, made, "failed", error=error)
    failed = await store.vector_store_files.get(OURS, made.id, file_id)
    assert (failed.status, failed.last_error) == ("failed", error)
    again = await store.vector_store_files.attach(OURS, made.id, samples.new_file(file_id), NOW)
    assert (again.status, again.last_error) == ("in_progress", None)
    assert (await store.vector_stores.get(OURS, made.id, NOW)).file_counts == counts(in_progress=1)


async def test_a_detached_file_can_be_attached_again_and_stays_valid_as_a_cursor(store):
    given = await samples.files(store, 3)
    made = await samples.vector_store(store, given)
    await store.vector_store_files.detach(OURS, made.id, given[1])
    with pytest.raises(errors.NotFound, match=f"No file found with id '{given[1]}' in vector store '{made.id}'"):
        await store.vector_store_files.get(OURS, made.id, given[1])
    after = await store.vector_store_files.page(OURS, made.id, PageRequest(order="asc", after=given[1]))
    assert [row[0] for row in after.rows] == [given[2]]
    await store.vector_store_files.attach(OURS, made.id, samples.new_file(given[1]), NOW)
    page = await store.vector_store_files.page(OURS, made.id, PageRequest(order="asc"))
    assert [row[0] for row in page.rows] == [given[0], given[2], given[1]]
    assert (await store.vector_stores.get(OURS, made.id, NOW)).file_counts == counts(in_progress=3)


async def test_deleting_a_file_takes_it_out_of_every_store(store):
    given = await samples.files(store, 2)
    first, second = [await samples.vector_store(store, given) for _ in range(2)]
    await samples.indexed(store, first, usage_bytes=7)
    await store.files.delete(OURS, given[0])
    for made, expected in ((first, counts(completed=1)), (second, counts(in_progress=1))):
        assert (await store.vector_stores.get(OURS, made.id, NOW)).file_counts == expected == await truth(store, made)
        page = await store.vector_store_files.page(OURS, made.id, PageRequest())
        assert [row[0] for row in page.rows] == [given[1]]
    assert (await store.vector_stores.get(OURS, first.id, NOW)).usage_bytes == 7


async def test_a_deleted_vector_store_is_not_found_at_once_and_its_rows_are_erased_later(store):
    given = await samples.files(store, 5)
    made = await samples.vector_store(store, given)
    kept = await samples.vector_store(store, given)
    await store.file_batches.create(OURS, samples.batch(made.id), [samples.new_file(one) for one in given])
    await store.vector_stores.delete(OURS, made.id)
    with pytest.raises(errors.NotFound):
        await store.vector_stores.get(OURS, made.id, NOW)
    assert {waiting.group for waiting in await store.ingestion.list_candidates(NOW, 10)} == {2}
    while await store.vector_stores.erase(rows=20):
        pass

    def left():
        found = []
        for table in ("store_files", "batch_files", "file_batches", "store_erasures"):
            found += (yield f"SELECT count(*) FROM {table}", ())[0]
        return found

    assert await store.database.read(left) == [5, 0, 0, 0]
    assert (await store.vector_stores.get(OURS, kept.id, NOW)).file_counts == counts(in_progress=5)


@pytest.mark.proves("vector_stores.expiry", "vector_stores.expired")
async def test_the_time_that_a_store_has_left_is_counted_from_its_last_use(store):
    made = await samples.vector_store(store, expires_after=VectorStoreExpirationAfter("last_active_at", 2))
    assert (made.expires_at, made.last_active_at) == (NOW + 2 * DAY, NOW)
    (scope,) = await store.vector_stores.scopes(OURS, [made.id], None, NOW + DAY)
    await store.vector_stores.touch([scope.seq], NOW + DAY)
    used = await store.vector_stores.get(OURS, made.id, NOW + DAY)
    assert (used.expires_at, used.last_active_at, used.status) == (NOW + 3 * DAY, NOW + DAY, "completed")
    resources = ToolResources(file_search=FileSearchResources([made.id]))
    thread, bare = samples.thread(tool_resources=resources), samples.thread()
    for one in (thread, bare):
        await store.threads.create(OURS, one, [])
    await store.threads.check_searchable(OURS, thread.id, [made.id], NOW)
    with pytest.raises(errors.NotFound, match="No thread found"):
        await store.threads.check_searchable(THEIRS, thread.id, [], NOW)
    late = NOW + 3 * DAY
    assert (await store.vector_stores.get(OURS, made.id, late)).status == "expired"
    assert '"status":"expired"' in (await store.vector_stores.page(OURS, PageRequest(), late)).rows[0][1]
    (file_id,) = await samples.files(store, 1)
    for verb in (
        store.vector_stores.scopes(OURS, [made.id], None, late),
        store.vector_stores.check_usable(OURS, [made.id], late),
        store.threads.check_searchable(OURS, thread.id, [], late),
        store.threads.check_searchable(OURS, bare.id, [made.id], late),
        store.vector_store_files.attach(OURS, made.id, samples.new_file(file_id), late),
        store.file_batches.create(OURS, samples.batch(made.id, late), [samples.new_file(file_id)]),
    ):
        with pytest.raises(errors.VectorStoreExpired, match=f"Vector store '{made.id}' has expired"):
            await verb

    def forever(one):
        one.expires_after = None

    assert (await store.vector_stores.modify(OURS, made.id, forever, late)).status == "completed"
    assert (await store.vector_stores.get(OURS, made.id, late)).expires_at is None


async def test_a_batch_counts_its_own_files(store):
    given = await samples.files(store, 4)
    made = await samples.vector_store(store, given[:1])
    await samples.indexed(store, made)
    new = [samples.new_file(one) for one in given[:3]]
    batch = await store.file_batches.create(OURS, samples.batch(made.id), new)
    assert batch.file_counts == counts(in_progress=2, completed=1)
    await store.vector_store_files.attach(OURS, made.id, samples.new_file(given[3]), NOW)
    assert (await store.file_batches.get(OURS, made.id, batch.id)).file_counts.total == 3
    cancelled, stopped = await store.file_batches.cancel(OURS, made.id, batch.id)
    assert (cancelled.status, cancelled.file_counts) == ("cancelled", counts(completed=1, cancelled=2))
    assert len(stopped) == 2
    assert (await store.vector_stores.get(OURS, made.id, NOW)).file_counts == counts(
        completed=1, cancelled=2, in_progress=1
    )
    page = await store.file_batches.page(OURS, made.id, batch.id, PageRequest(order="asc"), "cancelled")
    assert [row[0] for row in page.rows] == given[1:3]
    with pytest.raises(errors.NotFound, match="No file batch found with id 'vsfb_none'"):
        await store.file_batches.get(OURS, made.id, "vsfb_none")


async def test_a_batch_with_an_unknown_file_attaches_none(store):
    given = await samples.files(store, 1)
    made = await samples.vector_store(store)
    unknown = samples.new_file(ids.file())
    with pytest.raises(errors.NotFound, match=f"No such File object: {unknown.id}"):
        await store.file_batches.create(OURS, samples.batch(made.id), [samples.new_file(given[0]), unknown])
    assert (await store.vector_stores.get(OURS, made.id, NOW)).file_counts == counts()


async def test_a_full_store_takes_no_more(store):
    (file_id,) = await samples.files(store, 1)
    made = await samples.vector_store(store)

    def fill():
        yield "UPDATE vector_stores SET completed = $1 WHERE id = $2", (MAX_FILES, made.id)

    await store.database.write(fill)
    with pytest.raises(errors.InvalidRequest, match="the limit is 10000 files"):
        await store.vector_store_files.attach(OURS, made.id, samples.new_file(file_id), NOW)


async def test_counts_stay_correct_under_concurrent_changes(store):
    given = await samples.files(store, 30)
    made = await samples.vector_store(store, given[:10])
    files, batches = store.vector_store_files, store.file_batches
    batch = await batches.create(OURS, samples.batch(made.id), [samples.new_file(one) for one in given[5:20]])
    happening = [
        *[samples.indexed(store, made, owner=f"w{number}", usage_bytes=11) for number in range(3)],
        samples.indexed(store, made, "failed", owner="w9", error=LastError("server_error", "no")),
        batches.cancel(OURS, made.id, batch.id),
        *[files.attach(OURS, made.id, samples.new_file(one), NOW) for one in given[15:]],
        *[files.attach(OURS, made.id, samples.new_file(one), NOW) for one in given[:3]],
        *[store.files.delete(OURS, one) for one in given[3:6]],
        *[files.detach(OURS, made.id, one) for one in given[6:9]],
    ]
    await asyncio.gather(*happening)
    found = await store.vector_stores.get(OURS, made.id, NOW)
    assert found.file_counts == await truth(store, made)
    assert found.file_counts.total == 24
    assert found.usage_bytes == 11 * found.file_counts.completed


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["attach", "detach", "complete", "fail", "batch", "cancel", "delete"]), st.integers(0, 4)
    ),
    max_size=25,
)


@hypothesis.settings(max_examples=15, deadline=None)
@hypothesis.given(moves=MOVES)
def test_counts_are_those_of_the_files_after_every_move(tmp_path_factory, moves):
    asyncio.run(_play(tmp_path_factory.mktemp("moves"), moves))


async def _play(directory, moves):
    store = await open_store(directory)
    try:
        given = await samples.files(store, 5)
        made = await samples.vector_store(store, given[:2])
        made_batches = []
        for move, number in moves:
            with contextlib.suppress(errors.NotFound, IndexError):  # what is not there cannot be moved
                await _move(store, made, given, made_batches, move, number)
            found = await store.vector_stores.get(OURS, made.id, NOW)
            assert found.file_counts == await truth(store, made)
            assert found.usage_bytes == 3 * found.file_counts.completed
    finally:
        await store.close()


async def _move(store, made, given, made_batches, move, number):
    file = samples.new_file(given[number])
    match move:
        case "attach":
            await store.vector_store_files.attach(OURS, made.id, file, NOW)
        case "detach":
            await store.vector_store_files.detach(OURS, made.id, file.id)
        case "complete":
            await samples.indexed(store, made, usage_bytes=3)
        case "fail":
            await samples.indexed(store, made, "failed", error=LastError("server_error", "no"))
        case "batch":
            made_batches.append(await store.file_batches.create(OURS, samples.batch(made.id), [file]))
        case "cancel":
            await store.file_batches.cancel(OURS, made.id, made_batches[number].id)
        case "delete":
            await store.files.delete(OURS, file.id)
            given[number] = (await samples.files(store, 1))[0]
