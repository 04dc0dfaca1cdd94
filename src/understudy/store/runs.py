"""Stored runs and their steps: the verbs of the API and the engine, each one transaction."""

from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from understudy import telemetry
from understudy.clock import Clock
from understudy.errors import not_found
from understudy.store.attachments import VectorStoreUpload
from understudy.store.database import Database, Transaction
from understudy.store.fair_candidates import FairCursor
from understudy.store.item_data import NO_DATA, SavedData
from understudy.store.messages import (
    encode_metadata,
    require_thread,
)
from understudy.store.pages import Page, PageRequest, PageSource, read_page
from understudy.store.project_sizes import RunLimits
from understudy.store.run_checkpoints import LeaseLost, advance, load_run, transition
from understudy.store.run_claims import (
    claim_run,
    filter_workable,
    find_owners,
    list_cancelling_runs,
    list_expired_runs,
    list_orphaned_runs,
    list_owned_runs,
    list_waiting_runs,
    load_progress,
    release_runs,
)
from understudy.store.run_columns import fill_run_columns
from understudy.store.run_creation import Begun, insert_run, insert_run_and_read, insert_run_with_data
from understudy.store.run_lists import RunFilter, page_project_runs
from understudy.store.run_state import (
    Checkpoint,
    Progress,
    RunHistory,
    RunOwner,
    StoredRun,
    decode_message,
    decode_run,
    decode_step,
)
from understudy.store.workers import Candidate
from understudy.wire.messages import MessageObject
from understudy.wire.run_outcome import RunStatus
from understudy.wire.runs import RunObject
from understudy.wire.threads import ThreadObject

_RUNS = PageSource("runs", "thread_id = $1", "body IS NOT NULL AND kind = 'run'")
_STEPS = PageSource("steps", "run_id = $1")
_RUN = "SELECT body, status FROM runs WHERE id = $1 AND thread_id = $2 AND body IS NOT NULL AND kind = 'run'"
_THREAD_IN_PROJECT = " AND EXISTS (SELECT 1 FROM threads WHERE id = $2 AND project_id = $3 AND body IS NOT NULL)"
_STEP = "SELECT body FROM steps WHERE id = $1 AND run_id = $2"


class Runs:
    """Public verbs raise NotFound for a thread that the project does not have, or a run that the thread has not."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    # -- for the API -------------------------------------------------------------------------------------------

    async def create(
        self,
        project_id: str,
        run: RunObject,
        owner: str | None,
        messages: Sequence[MessageObject] = (),
        thread: ThreadObject | None = None,
        progress: Progress | None = None,
        fillings: Sequence[VectorStoreUpload] = (),
        *,
        reserved_for: str | None = None,
        limits: RunLimits | None = None,
        data: SavedData = NO_DATA,
        begun: Begun | None = None,
    ) -> None:
        """Adds the run, before it `messages`, and before those the `thread` where it is to be made as well.

        `fillings` are the vector stores that the new thread names and that are to be made or filled with it.
        `reserved_for` is the only worker that may claim it within `RESERVED_SECONDS`, unless it dies.

        `data` is what the markers in the messages stand for; a run with any does not begin early.

        `begun` is called as soon as nothing but a failure of the storage can prevent the run; see `Begun`.

        Raises ThreadBusy, InvalidRequest where the thread holds nothing to answer, and RateLimited above the `limits`.
        """
        progress = progress or Progress()
        rows = (project_id, run, owner, messages, thread, progress, fillings, reserved_for, limits)
        if data.blobs:
            await self._database.write(insert_run_with_data, self._database, data, *rows)
            _emit_status(project_id, run)
            return
        insert = partial(insert_run, self._database, *rows)
        if begun is None:
            await self._database.write(insert)
        elif self._database.applies_early:
            await self._database.write_early(
                begun, insert_run_and_read, insert, run.thread_id, is_new=thread is not None
            )
        else:
            await self._database.write_early(begun, insert)
        _emit_status(project_id, run)

    async def get(self, project_id: str, thread_id: str, run_id: str) -> tuple[RunStatus, str]:
        """The run's status, and its body."""
        return await self._database.read(_get_run, project_id, thread_id, run_id)

    async def find(self, project_id: str, run_id: str) -> str:
        """The run's body, whatever its thread is. Raises NotFound."""
        return await self._database.read(_find_run, project_id, run_id)

    async def page(self, project_id: str, thread_id: str, request: PageRequest) -> Page:
        return await self._database.read(_page, project_id, thread_id, request)

    async def page_all(self, project_id: str, request: PageRequest, chosen: RunFilter) -> Page:
        """The runs of all threads. Raises InvalidRequest for the cursor of another list."""
        read = self._database.read if chosen.is_indexed else self._database.scan
        return await read(page_project_runs, self._database.json_pair, project_id, request, chosen)

    async def modify(self, project_id: str, thread_id: str, run_id: str, change: Callable[[RunObject], None]) -> str:
        return await self._database.write(_modify, project_id, thread_id, run_id, change)

    async def get_step(self, project_id: str, thread_id: str, run_id: str, step_id: str) -> str:
        return await self._database.read(_get_step, project_id, thread_id, run_id, step_id)

    async def page_steps(self, project_id: str, thread_id: str, run_id: str, request: PageRequest) -> Page:
        return await self._database.read(_page_steps, project_id, thread_id, run_id, request)

    async def history(self, project_id: str, thread_id: str, run_id: str) -> RunHistory:
        return await self._database.read(_history, project_id, thread_id, run_id)

    # -- for the engine ----------------------------------------------------------------------------------------

    async def transition(
        self,
        project_id: str,
        thread_id: str | None,
        run_id: str,
        owner: str | None,
        change: Callable[[StoredRun], Checkpoint],
        *,
        reserved_for: str | None = None,
    ) -> StoredRun:
        """Stores the change of the run that `change` returns for its present state. A response has no `thread_id`.

        Used where a client changes a run (cancel, outputs). What `change` raises is raised, and nothing is stored.
        A run that nobody owned is `owner`'s afterwards; the result's `owner` is the one before. `reserved_for`
        is as in `create`.
        """
        changes: list[Checkpoint] = []

        def record(stored: StoredRun) -> Checkpoint:
            changes[:] = [change(stored)]
            return changes[0]

        stored = await self._database.write(
            transition, self._database.text_insert, project_id, thread_id, run_id, owner, record, reserved_for
        )
        _emit_change(project_id, changes[0])
        return stored

    async def advance(self, owner: str, epoch: int, boundary: Checkpoint) -> bool:
        """Stores the changes of a run's owner; False, and nothing stored, if the claim of that epoch was lost."""
        try:
            await self._database.write(advance, self._database, owner, epoch, boundary, self._clock.now())
        except LeaseLost:
            return False
        _emit_change(boundary.project_id, boundary)
        return True

    async def claim(self, run_id: str, owner: str, *, due: bool = False, again: bool = False) -> StoredRun | None:
        """Claims a run with work left; with `due`, also one that waits for tool outputs. None: another worker has it.

        One whose last owner died has one more interruption. A run that had another owner, or none, has a higher epoch;
        with `again` also one that `owner` had, and whose execution it has ended.
        """
        return await self._database.write(claim_run, run_id, owner, due, again)

    async def load(self, run_id: str) -> StoredRun | None:
        """A run as a claim returns it; None of a deleted one."""
        return await self._database.read(load_run, run_id)

    async def list_waiting(
        self, limit: int, cursor: FairCursor | None = None, worker: str = ""
    ) -> list[Candidate[str]]:
        """Runs with work left, without an owner, and not reserved for another live worker, from the cursor on: the
        oldest of up to `limit` projects.

        With fewer projects, each has several, about `limit` in all.
        """
        return await self._database.read(list_waiting_runs, limit, cursor or FairCursor(), worker)

    async def list_orphaned(self, limit: int) -> list[Candidate[str]]:
        """Runs with work left whose owners have no lease."""
        return await self._database.read(list_orphaned_runs, limit)

    async def list_owned(self, owner: str) -> dict[str, int]:
        """The runs with work left that a worker owns, with their epochs."""
        return await self._database.read(list_owned_runs, owner)

    async def list_expired(self, now: float, limit: int) -> list[str]:
        """Active runs whose time is over."""
        return await self._database.scan(list_expired_runs, now, limit)

    async def filter_workable(self, owner: str, run_ids: Sequence[str]) -> set[str]:
        """Those of the runs that `owner` still has to execute, or may claim: no other worker has taken them."""
        return await self._database.read(filter_workable, owner, run_ids)

    async def find_owners(self, run_ids: Sequence[str]) -> dict[str, RunOwner]:
        """The statuses and workers of the runs that exist."""
        return await self._database.read(find_owners, run_ids)

    async def list_cancelling(self, owner: str) -> list[str]:
        """The owner's runs whose cancellation was requested."""
        return await self._database.read(list_cancelling_runs, owner)

    async def progress(self, run_id: str) -> Progress | None:
        """The engine's state of a run; None of a deleted one."""
        return await self._database.read(load_progress, run_id)

    async def status(self, run_id: str) -> RunStatus | None:
        return await self._database.read(_status, run_id)

    async def fill_columns(self) -> None:
        """Fills the columns of lists in rows that an earlier version wrote. Raises StoreError."""
        await fill_run_columns(self._database)

    async def release_runs(self, owner: str) -> None:
        """Ends the claims of a worker that stops: no interruption is counted."""
        await self._database.write(release_runs, owner)


def _emit_change(project_id: str, boundary: Checkpoint) -> None:
    if boundary.response is not None and boundary.response.store:
        response = boundary.response
        telemetry.emit(
            telemetry.ObjectChanged, project_id=project_id, object="response", id=response.id, status=response.status
        )
    elif boundary.response is None and boundary.run is not None:
        _emit_status(project_id, boundary.run)


def _emit_status(project_id: str, run: RunObject) -> None:
    telemetry.publish(
        telemetry.ObjectChanged(
            project_id=project_id, object="thread.run", id=run.id, status=run.status, parent_id=run.thread_id
        )
    )


# -- reading and metadata ----------------------------------------------------------------------------------------


def _get_run(project_id: str, thread_id: str, run_id: str) -> Transaction[tuple[RunStatus, str]]:
    rows = yield _RUN + _THREAD_IN_PROJECT, (run_id, thread_id, project_id)
    if not rows:
        yield from require_thread(project_id, thread_id)
        raise not_found("run", run_id)
    return rows[0][1], rows[0][0]


def _find_run(project_id: str, run_id: str) -> Transaction[str]:
    sql = (
        "SELECT body FROM runs WHERE id = $1 AND project_id = $2 AND body IS NOT NULL AND kind = 'run'"
        " AND EXISTS (SELECT 1 FROM threads WHERE id = runs.thread_id AND body IS NOT NULL)"
    )
    rows = yield sql, (run_id, project_id)
    if not rows:
        raise not_found("run", run_id)
    return str(rows[0][0])


def _page(project_id: str, thread_id: str, request: PageRequest) -> Transaction[Page]:
    yield from require_thread(project_id, thread_id)
    return (yield from read_page(_RUNS, (thread_id,), request))


def _modify(project_id: str, thread_id: str, run_id: str, change: Callable[[RunObject], None]) -> Transaction[str]:
    yield from require_thread(project_id, thread_id)
    rows = yield _RUN + " FOR UPDATE", (run_id, thread_id)
    if not rows:
        raise not_found("run", run_id)
    run = decode_run(rows[0][0])
    change(run)
    body = msgspec.json.encode(run).decode()
    yield "UPDATE runs SET body = $1, metadata = $2 WHERE id = $3", (body, encode_metadata(run), run_id)
    return body


def _get_step(project_id: str, thread_id: str, run_id: str, step_id: str) -> Transaction[str]:
    yield from _get_run(project_id, thread_id, run_id)
    rows = yield _STEP, (step_id, run_id)
    if not rows:
        raise not_found("run step", step_id)
    return str(rows[0][0])


def _page_steps(project_id: str, thread_id: str, run_id: str, request: PageRequest) -> Transaction[Page]:
    yield from _get_run(project_id, thread_id, run_id)
    return (yield from read_page(_STEPS, (run_id,), request))


def _history(project_id: str, thread_id: str, run_id: str) -> Transaction[RunHistory]:
    _, body = yield from _get_run(project_id, thread_id, run_id)
    steps = yield "SELECT body FROM steps WHERE run_id = $1 ORDER BY seq", (run_id,)
    items = yield "SELECT body FROM items WHERE run_id = $1 AND kind = 'message' AND body IS NOT NULL", (run_id,)
    messages = [decode_message(row[0]) for row in items]
    return RunHistory(
        decode_run(body), [decode_step(row[0]) for row in steps], {message.id: message for message in messages}
    )


def _status(run_id: str) -> Transaction[RunStatus | None]:
    rows = yield "SELECT status FROM runs WHERE id = $1 AND body IS NOT NULL", (run_id,)
    return rows[0][0] if rows else None
