"""Lists of candidates: projects and their groups take turns, and each statement uses the index that was made for it."""

import pytest

from store.samples import NOW, OURS, THEIRS
from understudy.store import (
    batch_jobs,
    embedding,
    fair_candidates,
    ingestion,
    queues,
    run_claims,
    transfers,
    video_claims,
    webhook_deliveries,
)
from understudy.store.fair_candidates import FairCursor
from understudy.store.transfers import TransferRecord
from understudy.wire.transfers import DeletionObject, TransferProgress

LISTINGS = {
    "runs": (run_claims.WAITING_RUNS, "runs_waiting"),
    "batches": (batch_jobs.WAITING_BATCHES, "batches_waiting"),
    "batches in progress": (batch_jobs.ANSWERING_BATCHES, "batches_answering"),
    "videos": (video_claims.WAITING_VIDEOS, "generations_claimable"),
    "files": (ingestion.WAITING_FILES, "store_files_claimable"),
    "deliveries": (webhook_deliveries.WAITING_DELIVERIES, "webhook_deliveries_claimable webhook_deliveries_waiting"),
    "transfers": (transfers.WAITING_TRANSFERS, "transfers_waiting transfers_page"),
    "embedding": (embedding.WAITING_DOCUMENTS, "chunk_documents_claimable"),
}


async def add_files(store, project, vector_store, count):
    def insert():
        yield (
            (
                "INSERT INTO store_files (id, store, project_id, filename, status, round, attempts, due_at, body)"
                " WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $1)"
                " SELECT 'file_' || n, $2, $3, 'a.txt', 'in_progress', 0, 0, 0, '{}' FROM numbers"
            ),
            (count, vector_store, project),
        )

    await store.database.write(insert)


async def add_stores(store, project, *numbers):
    def insert():
        for number in numbers:
            yield (
                (
                    "INSERT INTO vector_stores (id, project_id, in_progress, completed, failed, cancelled, usage_bytes,"
                    " last_active_at, body) VALUES ($1, $2, 1, 0, 0, 0, 0, 0, '{}')"
                ),
                (f"vs_{number}", project),
            )

    await store.database.write(insert)


async def test_files_of_every_project_and_store_are_candidates_however_many_another_store_has(store):
    await add_stores(store, OURS, 1, 2)
    await add_stores(store, THEIRS, 3)
    await add_files(store, OURS, 1, 1000)
    await add_files(store, OURS, 2, 1)
    await add_files(store, THEIRS, 3, 1)
    found = await store.ingestion.list_candidates(NOW, 9)
    assert [one.group for one in found] == [1, 1, 1, 2, 3]


async def test_a_list_of_one_file_visits_projects_and_their_stores_in_turn(store):
    await add_stores(store, OURS, 1, 2)
    await add_stores(store, THEIRS, 3)
    for project, number in ((OURS, 1), (OURS, 2), (THEIRS, 3)):
        await add_files(store, project, number, 2)
    cursor = FairCursor()
    seen = [one.group for _ in range(4) for one in await store.ingestion.list_candidates(NOW, 1, cursor)]
    assert seen == [1, 3, 2, 3]


@pytest.mark.parametrize("name", LISTINGS)
async def test_each_statement_reads_one_index(store, name):
    if store.database.dialect == "postgres":
        pytest.skip("the plans of an empty PostgreSQL database say nothing")
    listing, index = LISTINGS[name]
    grouped = listing.group not in {"0", "1"}
    scans = [fair_candidates._skip_projects(listing)]
    if grouped:
        scans.append(fair_candidates._skip_groups(listing))
    statements = [sql for scan in scans for sql in (scan.everything, scan.behind)]
    statements.append(fair_candidates._oldest_sql(listing, 1, 2 if grouped else 1))
    statements.append(queues._count_sql(listing))
    for sql in statements:
        arguments = tuple(1 for number in range(1, 6) if f"${number}" in sql)

        def explain(sql=sql, arguments=arguments):
            return (yield f"EXPLAIN QUERY PLAN {sql}", arguments)

        steps = [row[3] for row in await store.database.read(explain) if listing.table in row[3]]
        assert steps
        assert all(any(f" {one} " in f"{step} " for one in index.split()) for step in steps), steps


async def test_queues_are_counted_up_to_a_limit(store, monkeypatch):
    await add_files(store, OURS, 1, 3)
    await add_files(store, THEIRS, 2, 2)

    def claim():
        yield "UPDATE store_files SET owner = 'worker' WHERE store = 2 AND id = 'file_1'", ()
        yield "UPDATE store_files SET body = '{\"created_at\": 7}' WHERE store = 1 AND id = 'file_1'", ()

    await store.database.write(claim)
    deletion = DeletionObject(id="deletion_1", created_at=9, progress=TransferProgress(), metadata={"user": "ada"})
    await store.transfers.create(OURS, "deletion", TransferRecord(deletion), None)
    states = {state.name: state for state in await store.queues.measure()}
    assert states["files"] == queues.QueueState("files", waiting=4, oldest_created_at=7)
    assert states["transfers"] == queues.QueueState("transfers", waiting=1, oldest_created_at=9)
    assert states["runs"] == queues.QueueState("runs", waiting=0, oldest_created_at=None)
    monkeypatch.setattr(queues, "MAX_COUNT", 2)
    assert {state.waiting for state in await store.queues.measure()} == {0, 1, 2}
