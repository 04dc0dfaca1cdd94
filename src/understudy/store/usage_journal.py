"""The usage of responses that are not stored: appended to a file before their last byte, folded into the ledger later.

An append survives the death of the process, without waiting for the disk; a fold is one transaction for all records of
`FOLD_SECONDS`. Each process appends to a journal of its own in the data directory, and folds those of others as well:
before usage is read, and for good once their process has died.
"""

import asyncio
import logging
import os
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from understudy.clock import Clock, SystemClock
from understudy.errors import StoreError, StoreUnavailable
from understudy.store import data_directory, journal_files
from understudy.store.charges import Usage, record
from understudy.store.database import Database
from understudy.store.journal_files import JournalFile
from understudy.store.migrate import is_current
from understudy.store.sqlite import SqliteDatabase
from understudy.store.usage_folding import Folded, add_journal, delete_journal, fold_file
from understudy.store.usage_records import encode_record, sum_credits

FOLD_SECONDS: Final = 0.08
"""After its append a record waits at most so long for its transaction, which makes less than 100 ms in all."""
_RETRY_SECONDS: Final = 1.0
_MAX_LINE: Final = 64 * 1024
_MAX_UNFOLDED: Final = 16 << 20
"""Bytes; without the database, further usage fails as it does without a journal."""
_ROTATED_BYTES: Final = 16 << 20
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Unfolded:
    """A record of this process, up to the byte `end`. `appended_at` is of the monotonic clock."""

    end: int
    appended_at: float
    project_id: str
    key_id: str
    credits: int


@dataclass(slots=True)
class JournalCounts:
    """`groups` and `records` that this process has folded since its start, of all journals; lines that were damaged."""

    groups: int = 0
    records: int = 0
    damaged: int = 0


class UsageJournal:
    def __init__(self, database: Database, data: Path, clock: Clock) -> None:
        """Creates no file before the first record."""
        self.counts = JournalCounts()
        self.spent: dict[str, int] = {}
        """Credits of all records since the start, by the ids of projects and of keys."""
        self._database = database
        self._data = data
        self._clock = clock
        self._file: JournalFile | None = None
        self._size = self._folded = 0
        self._unfolded: deque[_Unfolded] = deque()
        self._folding = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._accepts = False
        self._is_closed = False
        self._is_torn = False
        self._others: dict[str, int] = {}

    # -- appending ---------------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """The id of the current file; empty before the first record."""
        return "" if self._file is None else self._file.id

    @property
    def waiting(self) -> int:
        """How many records of this process are not folded."""
        return len(self._unfolded)

    def oldest_seconds(self) -> float:
        """The age of the oldest record that is not folded; 0 without one."""
        return time.monotonic() - self._unfolded[0].appended_at if self._unfolded else 0.0

    async def add(self, project_id: str, usage: Usage) -> None:
        """Counts usage; when this returns, it survives the death of the process.

        What the journal cannot take, as with a full disk, is recorded in a transaction of its own. Raises StoreError.
        """
        if self._append(project_id, usage):
            return
        if not self._accepts and not self._is_closed:
            async with self._folding:
                await self._open_file()
            if self._append(project_id, usage):
                return
        await self._database.write(record, self._database, project_id, usage)

    def _append(self, project_id: str, usage: Usage) -> bool:
        file = self._file
        if file is None or not self._accepts or self._size - self._folded > _MAX_UNFOLDED:
            return False
        line = encode_record(project_id, usage)
        if line is None or len(line) > _MAX_LINE or not self._write_line(file, line):
            return False
        self._unfolded.append(_Unfolded(self._size, time.monotonic(), project_id, usage.key_id, usage.credits))
        if usage.credits:
            for scope in (project_id, usage.key_id):
                self.spent[scope] = self.spent.get(scope, 0) + usage.credits
        if self._timer is None:
            self._schedule(FOLD_SECONDS)
        return True

    def _write_line(self, file: JournalFile, line: bytes) -> bool:
        try:
            written = os.write(file.descriptor, line)
        except OSError as error:
            logger.warning("usage cannot be appended to %s, using transactions: %s", file.path, error.strerror)
            return False
        if written == len(line):
            self._size += written
            return True
        try:
            os.ftruncate(file.descriptor, self._size)
        except OSError:
            # The next line would continue the torn one.
            self._accepts, self._is_torn = False, True
        return False

    async def _open_file(self) -> None:
        """Opens a file, unless there is one; without room for one, usage is recorded in transactions."""
        if self._file is not None:
            return
        try:
            file = journal_files.create(self._data)
        except OSError as error:
            logger.warning("no usage journal in %s, using transactions: %s", self._data, error.strerror)
            return
        try:
            await add_journal(self._database, file.id, 0, self._clock)
            journal_files.publish(file)
        except (StoreError, OSError):
            file.delete()
            file.close()
            raise
        self._file, self._size, self._folded = file, 0, 0
        self._accepts, self._is_torn = True, False

    # -- folding -----------------------------------------------------------------------------------------------

    async def fold(self) -> None:
        """Folds everything that is in the journals of this data directory. Raises StoreError."""
        async with self._folding:
            await self._fold_own()
            sizes = journal_files.list_sizes(self._data)
            for journal in self._list_grown(sizes):
                with journal_files.opening(self._data, journal) as file:
                    if file is None:
                        self._others[journal] = sizes[journal]  # asked again once it has grown
                        continue
                    folded = await fold_file(self._database, file, self._clock)
                if folded is not None:
                    self._add_counts(folded)
                    self._others[journal] = folded.position

    async def sweep(self) -> None:
        """Folds and deletes the journals of processes that have died. Raises StoreError."""
        async with self._folding:
            for journal in journal_files.list_sizes(self._data):
                if journal == self.id:
                    continue
                with journal_files.opening(self._data, journal) as file:
                    if file is not None and file.lock():
                        await self._fold_dead(file)
            journal_files.delete_unfinished(self._data)

    async def close(self) -> None:
        """Folds everything and deletes the file. Without the database, the next start does."""
        self._is_closed, self._accepts = True, False
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        async with self._folding:
            if self._file is None:
                return
            try:
                await self._fold_own()
                await self._delete_own()
            except StoreError as error:
                logger.warning("usage stays in %s until the next start: %s", self._data / journal_files.FOLDER, error)
            finally:
                if self._file is not None:
                    self._file.close()
                    self._file = None

    async def _fold_own(self) -> None:
        if self._file is None or self._size == self._folded:
            return
        folded = await fold_file(self._database, self._file, self._clock)
        if folded is None:
            # The database has been restored from before this journal; what was folded is part of neither.
            await add_journal(self._database, self._file.id, 0, self._clock)
            folded = await fold_file(self._database, self._file, self._clock)
        if folded is not None:
            self._add_counts(folded)
            self._forget(folded.position)
        if self._is_torn or self._folded > _ROTATED_BYTES:
            await self._rotate()

    async def _rotate(self) -> None:
        """Ends the file; the next record opens another one."""
        self._accepts = False
        assert self._file is not None
        if self._size > self._folded:
            folded = await fold_file(self._database, self._file, self._clock)
            if folded is None:
                return
            self._add_counts(folded)
            self._forget(folded.position)
        if self._folded == self._size:
            await self._delete_own()

    async def _delete_own(self) -> None:
        file = self._file
        if file is None or self._folded < self._size:
            return
        file.delete()
        file.close()
        self._file, self._size, self._folded = None, 0, 0
        await delete_journal(self._database, file.id)

    async def _fold_dead(self, file: JournalFile) -> None:
        # A database that does not know it was restored from before it.
        await add_journal(self._database, file.id, 0, self._clock)
        folded = await fold_file(self._database, file, self._clock)
        if folded is None:
            return
        self._add_counts(folded)
        level = logging.WARNING if folded.damaged else logging.INFO
        text = "folded %d records of %s, whose process died; dropped %d damaged lines and %d bytes of an unfinished one"
        logger.log(level, text, folded.records, file.path.name, folded.damaged, folded.rest)
        file.delete()
        self._others.pop(file.id, None)
        await delete_journal(self._database, file.id)

    def _list_grown(self, sizes: dict[str, int]) -> list[str]:
        """Journals of other processes with records that this one has not seen folded."""
        sizes.pop(self.id, None)
        self._others = {journal: size for journal, size in self._others.items() if journal in sizes}
        return [journal for journal, size in sizes.items() if self._others.get(journal) != size]

    def _add_counts(self, folded: Folded) -> None:
        self.counts.groups += folded.groups
        self.counts.records += folded.records
        self.counts.damaged += folded.damaged

    def _forget(self, position: int) -> None:
        self._folded = position
        while self._unfolded and self._unfolded[0].end <= position:
            self._unfolded.popleft()

    def unfolded_credits(self, journal: str, position: int) -> dict[str, int] | None:
        """Credits that the records of this process after `position` cost, by the ids of projects and of keys.

        None if `journal` is not the current one, or if the records after `position` are folded: read again.
        """
        if journal != self.id or position < self._folded:
            return None
        return sum_credits((one.project_id, one.key_id, one.credits) for one in self._unfolded if one.end > position)

    # -- in the background -------------------------------------------------------------------------------------

    def _schedule(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._start_fold)

    def _start_fold(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._fold_in_background())

    async def _fold_in_background(self) -> None:
        delay = FOLD_SECONDS
        try:
            async with self._folding:
                await self._fold_own()
        except StoreError as error:
            delay = _RETRY_SECONDS
            level = logging.DEBUG if isinstance(error, StoreUnavailable) else logging.WARNING
            logger.log(level, "usage cannot be folded, retrying: %s", error)
        except Exception:
            delay = _RETRY_SECONDS
            logger.exception("folding usage failed, retrying")
        self._timer = None
        if self._unfolded and not self._is_closed:
            self._schedule(delay)


async def fold_before_reading(journal: UsageJournal) -> None:
    """What was answered before is part of what is read next. Without room on the disk, it is so later."""
    with suppress(StoreError, OSError):
        await journal.fold()


async def fold_directory(data: Path) -> None:
    """Folds all journals of a data directory into its SQLite database, also beside a server. Raises StoreError.

    Leaves a database of another version as it is.
    """
    if not journal_files.list_sizes(data):
        return
    database = SqliteDatabase(data / data_directory.DATABASE)
    try:
        if await is_current(database):
            await UsageJournal(database, data, SystemClock()).fold()
    finally:
        await database.close()
