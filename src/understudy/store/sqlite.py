"""The SQLite engine: WAL, full fsync, one writer with group commit, and a reader. Knows no table.

Queued writes run one after another on the event loop, inside one transaction; only its COMMIT, which is the fsync, runs
in a thread. Statements in a thread would have to reacquire the interpreter lock after each one while the loop is busy;
this way only the disk is waited for. Reads run on the loop as well: a row by key costs about ten microseconds, a hop to
a thread three times that.
"""

import asyncio
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, LiteralString, ParamSpec, TypeVar

import apsw

from understudy import telemetry
from understudy.errors import StoreError
from understudy.store import data_directory, large_writes
from understudy.store.commit_thread import CommitThread
from understudy.store.database import ConnectionCounts, Guard, Row, Transaction
from understudy.store.sqlite_connection import open_file
from understudy.store.sqlite_statements import INSERT_TEXT, Changes, change_texts, run_transaction
from understudy.store.text_cache import TextCache
from understudy.store.transaction_timer import TransactionTimer

P = ParamSpec("P")
T = TypeVar("T")

_MAX_BATCH_WRITES = 256
# Caches of pages, which the system caches, too. The reader's is void after each commit of the writer; scans read much.
_WRITER_CACHE_KIB, _READER_CACHE_KIB, _SCANNER_CACHE_KIB = 8_000, 4_000, 16_000
_GATHER_SECONDS = 0.002
_GATHER_SECONDS_A_WRITE = 0.0001
_IDLE_TURN_SECONDS = 0.00003
"""A turn of the event loop that takes less has done nothing else."""
_BATCHES_APART = 100
"""After a batch that had to be run twice."""
_SCAN_THREADS = 2
_WORD = re.compile(r"\w+")
_STORAGE_FAILURES = (apsw.FullError, apsw.IOError, apsw.CorruptError, apsw.ReadOnlyError, apsw.NotADBError)


@dataclass(slots=True)
class _Write:
    """A queued transaction. `large`: the statements of its batch run in a thread. It may be run a second time.

    `context` is that of the task that waits for it, for what the transaction stores of its request. `applied` is called
    with its value while the commit is under way.
    """

    transaction: Callable[[], Transaction[Any]]
    future: asyncio.Future[Any]
    large: bool = False
    context: Context = field(default_factory=copy_context)
    applied: Callable[[Any], None] | None = None
    changes_schema: bool = False
    value: Any = None
    error: BaseException | None = None


class SqliteDatabase:
    dialect = "sqlite"
    applies_early = True
    text_insert = INSERT_TEXT
    text_delete = "DELETE FROM item_text WHERE rowid = $1"
    text_columns: LiteralString = "rowid, words"
    text_words: LiteralString = "{text}"
    text_match = "SELECT rowid FROM item_text WHERE item_text MATCH $1"
    like: LiteralString = "LIKE"
    json_member: LiteralString = "json_extract(body, '$.{name}')"
    json_pair: LiteralString = (
        "EXISTS (SELECT 1 FROM json_each(body, '$.metadata') WHERE key = {name} AND atom = {value})"
    )

    def __init__(self, path: Path) -> None:
        """Opens or creates the file. Raises StoreError."""
        self._path = path
        try:
            # SQLite creates its other files with the mode of this one.
            data_directory.create_private_file(path)
            self._writer = open_file(path, _WRITER_CACHE_KIB)
            self._reader = open_file(path, _READER_CACHE_KIB, writable=False)
        except (apsw.Error, OSError) as error:
            raise StoreError(f"The database {str(path)!r} cannot be opened: {_describe_error(error)}") from None
        # A statement's rows are all fetched before the next one, so that one cursor is enough.
        self._reading, self._writing = self._reader.cursor(), self._writer.cursor()
        self._waiting: deque[_Write] = deque()
        # The changes of the batch that is being executed.
        self._changes = Changes()
        self._cache = TextCache()
        # For so many batches, each write has a savepoint.
        self._batches_apart = 0
        self._busy = False
        self._in_thread = False
        """Whether the writer belongs to another thread now."""
        self._begun_at = 0.0
        self._idle = asyncio.Event()
        self._idle.set()
        self._disk = CommitThread("understudy-commit")
        self._commit_transaction = partial(self._writer.execute, "COMMIT")
        self._scans = ThreadPoolExecutor(_SCAN_THREADS, thread_name_prefix="understudy-scan")
        self._scanning = threading.local()
        self._scanners: list[apsw.Connection] = []

    def text_query(self, text: str) -> str:
        # Without a word: an empty phrase, which matches nothing; an empty expression would be a syntax error.
        return " ".join(f'"{word}"' for word in _WORD.findall(text)) or '""'

    async def read(self, transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            # The pages of the last commit are in the writer's cache, while the reader has to load them from the file.
            cursor = self._reading if self._in_thread else self._writing
            return run_transaction(cursor, transaction(*args, **kwargs))
        except apsw.Error as error:
            raise self._failure(error) from None

    async def read_cached(
        self, table: str, /, transaction: Callable[P, Transaction[str]], *args: P.args, **kwargs: P.kwargs
    ) -> str:
        key = (transaction, args, *kwargs.items())
        text = self._cache.find(table, key)
        if text is None:
            text = await self.read(transaction, *args, **kwargs)
            self._cache.add(table, key, text)
        return text

    async def scan(self, transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        work = partial(transaction, *args, **kwargs)
        with TransactionTimer("scan"):
            return await asyncio.get_running_loop().run_in_executor(self._scans, self._scan, work)

    async def write(self, transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._queue(partial(transaction, *args, **kwargs))

    async def write_early(
        self, applied: Callable[[T], None], transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._queue(partial(transaction, *args, **kwargs), applied)

    def _queue(
        self,
        transaction: Callable[[], Transaction[T]],
        applied: Callable[[T], None] | None = None,
        *,
        changes_schema: bool = False,
    ) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        is_large = large_writes.is_expected()
        self._waiting.append(_Write(transaction, future, is_large, applied=applied, changes_schema=changes_schema))
        if not self._busy:
            self._busy = True
            self._idle.clear()
            self._gather_after(0)
        return future

    # One server has the file, and no other one changes its schema meanwhile.
    write_unguarded = write_slowly = write

    async def change_schema(self, transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._queue(partial(transaction, *args, **kwargs), changes_schema=True)

    def set_guard(self, guard: Guard) -> None:
        pass

    async def ready(self) -> None:
        await self.read(_ping)

    def count_connections(self) -> ConnectionCounts | None:
        return None

    async def close(self) -> None:
        await self._idle.wait()
        self._disk.close()
        self._scans.shutdown()
        with suppress(apsw.Error):
            self._writer.execute("PRAGMA optimize")
        for scanner in self._scanners:
            scanner.close()
        self._reader.close()
        self._writer.close()

    # -- one batch, in call order ------------------------------------------------------------------------------

    def _gather_after(self, writes: int) -> None:
        """Gathers the next batch after one of so many writes.

        Those who wait for these writes may write again, at once or with the next requests of their clients, which takes
        some turns of the loop. A commit costs as much processor time as several writes, most of it for the switches
        between the two threads, so that few large batches are faster than many small ones.
        """
        if not (self._waiting or writes):
            self._busy = False
            self._idle.set()
            return
        now = time.perf_counter()
        until = now + min(writes * _GATHER_SECONDS_A_WRITE, _GATHER_SECONDS)
        asyncio.get_running_loop().call_soon(self._gather, until, now)

    def _gather(self, until: float, turn_began: float) -> None:
        """Starts the batch after a turn in which the loop had nothing else to do, at the latest at `until`."""
        now = time.perf_counter()
        if now >= until or now - turn_began < _IDLE_TURN_SECONDS:
            self._start_batch()
        else:
            asyncio.get_running_loop().call_soon(self._gather, until, now)

    def _start_batch(self) -> None:
        batch = self._take_batch()
        if not batch:
            self._gather_after(0)
            return
        self._begun_at = time.perf_counter()
        if any(write.large for write in batch):
            self._in_thread = True
            self._disk.submit(partial(self._execute_batch, batch), partial(self._execute_in_batch, batch))
            return
        try:
            self._execute_batch(batch)
        except Exception as error:  # noqa: BLE001 - raised by all writes of the batch
            self._abandon(batch, error)
            return
        self._commit(batch)

    def _execute_batch(self, batch: list[_Write]) -> None:
        """Runs all writes of the batch without the commit. Nothing else uses the writer meanwhile."""
        if self._batches_apart or any(write.changes_schema for write in batch):
            self._batches_apart = max(self._batches_apart - 1, 0)
            self._execute_apart(batch)
        elif not self._execute_together(batch):
            self._batches_apart = _BATCHES_APART
            self._execute_apart(batch)
        change_texts(self._writing, self._changes.texts)

    def _execute_in_batch(self, batch: list[_Write], error: BaseException | None) -> None:
        self._in_thread = False
        if error is not None:
            self._abandon(batch, error)
            return
        self._commit(batch)

    def _take_batch(self) -> list[_Write]:
        batch: list[_Write] = []
        while self._waiting and len(batch) < _MAX_BATCH_WRITES:
            write = self._waiting.popleft()
            if not write.future.cancelled():
                batch.append(write)
        return batch

    def _execute_together(self, batch: list[_Write]) -> bool:
        """Runs the writes without savepoints, which few need: most that fail have changed nothing before.

        False, with everything rolled back, where one has.
        """
        self._begin()
        for write in batch:
            before = self._writer.total_changes()
            self._apply(write)
            if write.error is not None and self._writer.total_changes() != before:
                self._writing.execute("ROLLBACK")
                if len(batch) > 1:
                    return False
                self._begin()
        return True

    def _execute_apart(self, batch: list[_Write]) -> None:
        """A failed write is rolled back alone; only a failure of the storage fails the whole batch."""
        self._begin()
        for write in batch:
            self._writing.execute("SAVEPOINT intent")
            self._apply(write)
            if write.error is not None:
                self._writing.execute("ROLLBACK TO intent")
            self._writing.execute("RELEASE intent")

    def _begin(self) -> None:
        self._writing.execute("BEGIN IMMEDIATE")
        self._changes = Changes()

    def _apply(self, write: _Write) -> None:
        """Runs the statements of a write, and records its value or its error; raises failures of the storage."""
        write.error = None
        earlier = len(self._changes.texts)
        try:
            write.value = write.context.run(run_transaction, self._writing, write.transaction(), self._changes)
        except _STORAGE_FAILURES:
            raise
        except Exception as error:  # raised by `write` of this transaction
            if not self._writer.in_transaction:
                # SQLite has rolled back the whole batch, as for want of memory: what followed would be stored alone.
                raise
            write.error = self._failure(error) if isinstance(error, apsw.Error) else error
            del self._changes.texts[earlier:]

    def _commit(self, batch: list[_Write]) -> None:
        self._in_thread = True
        self._disk.submit(self._commit_transaction, partial(self._committed, batch))
        loop = asyncio.get_running_loop()
        for write in batch:
            if write.applied is not None and write.error is None:
                loop.call_soon(_call_applied, write, context=write.context)

    def _committed(self, batch: list[_Write], error: BaseException | None) -> None:
        self._in_thread = False
        if error is not None:
            self._abandon(batch, error)
            return
        self._emit_commit(failed=False)
        # At the latest now: what was read since the statements is from before the commit.
        self._cache.drop(self._changes.tables)
        for write in batch:
            if write.future.done():
                continue
            if write.error is not None:
                write.future.set_exception(write.error)
            else:
                write.future.set_result(write.value)
        self._gather_after(len(batch))

    def _abandon(self, batch: list[_Write], error: BaseException) -> None:
        self._emit_commit(failed=True)
        if self._writer.in_transaction:
            with suppress(apsw.Error):
                self._writing.execute("ROLLBACK")
        for write in batch:
            if not write.future.done():
                write.future.set_exception(self._failure(error))
        self._gather_after(0)

    def _emit_commit(self, *, failed: bool) -> None:
        duration = telemetry.elapsed(self._begun_at)
        telemetry.emit(telemetry.TransactionFinished, kind="commit", failed=failed, duration=duration)

    def _scan(self, work: Callable[[], Transaction[T]]) -> T:
        try:
            return run_transaction(self._scanner(), work())
        except apsw.Error as error:
            raise self._failure(error) from None

    def _scanner(self) -> apsw.Cursor:
        """The cursor of this thread, reused by its next scan."""
        cursor: apsw.Cursor | None = getattr(self._scanning, "cursor", None)
        if cursor is None:
            connection = open_file(self._path, _SCANNER_CACHE_KIB, writable=False)
            self._scanners.append(connection)
            cursor = self._scanning.cursor = connection.cursor()
        return cursor

    def _failure(self, error: BaseException) -> StoreError:
        return StoreError(f"The database {self._path.name!r} failed: {_describe_error(error)}")


def _call_applied(write: _Write) -> None:
    assert write.applied is not None
    try:
        write.applied(write.value)
    except Exception as error:  # noqa: BLE001 - raised by `write_early` of this transaction
        write.error = error


def _ping() -> Transaction[list[Row]]:
    return (yield "SELECT 1", ())


def _describe_error(error: BaseException) -> str:
    return str(error) or type(error).__name__
