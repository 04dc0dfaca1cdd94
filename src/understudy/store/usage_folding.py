"""Folds the records of a usage journal into the ledger, each exactly once, whichever process does it and how often.

A group of records and the position after them are stored in one transaction, which begins only at the position where
the last one ended. So any process may fold any journal at any time, also that of a running process.
"""

import os
from dataclasses import dataclass
from typing import Final

from understudy.clock import Clock
from understudy.store import charges
from understudy.store.database import Database, Transaction
from understudy.store.journal_files import JournalFile
from understudy.store.usage_records import parse_records

_MAX_GROUP: Final = 256
"""On SQLite a transaction runs on the event loop, about 10 µs a record."""
READ_BYTES: Final = 256 * 1024
"""More than the bytes of a group; a longer line is damage."""


@dataclass(slots=True)
class Folded:
    """What one call of `fold_file` did. `rest` are the bytes of a last line without its end."""

    position: int
    records: int = 0
    groups: int = 0
    damaged: int = 0
    rest: int = 0


async def fold_file(database: Database, file: JournalFile, clock: Clock) -> Folded | None:
    """Folds all complete records; None for a journal that the database does not know. Raises StoreError and OSError."""
    position = await load_position(database, file.id)
    if position is None:
        return None
    folded = Folded(position)
    while True:
        data = os.pread(file.descriptor, READ_BYTES, folded.position)
        parsed = parse_records(data, _MAX_GROUP)
        if parsed.rest == READ_BYTES:
            parsed.end, parsed.damaged = READ_BYTES, 1
        if not parsed.end:
            folded.rest = parsed.rest
            return folded
        end = folded.position + parsed.end
        if await database.write(_fold_group, database, file.id, folded.position, end, parsed.records, int(clock.now())):
            folded.position = end
            folded.records += len(parsed.records)
            folded.groups += 1
            folded.damaged += parsed.damaged
            continue
        # Another process has folded records meanwhile, or its owner has deleted the journal.
        position = await load_position(database, file.id)
        if position is None:
            return None
        folded.position = position


async def load_position(database: Database, journal: str) -> int | None:
    return await database.read(_select_position, journal)


async def add_journal(database: Database, journal: str, position: int, clock: Clock) -> None:
    """Makes a journal known, unless it is."""
    await database.write(_insert_journal, journal, position, int(clock.now()))


async def delete_journal(database: Database, journal: str) -> None:
    """Called after its file has been deleted."""
    await database.write(_delete_journal, journal)


def _select_position(journal: str) -> Transaction[int | None]:
    rows = yield "SELECT position FROM usage_journals WHERE id = $1", (journal,)
    return int(rows[0][0]) if rows else None


def _insert_journal(journal: str, position: int, now: int) -> Transaction[None]:
    sql = "INSERT INTO usage_journals (id, position, folded_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING"
    yield sql, (journal, position, now)


def _delete_journal(journal: str) -> Transaction[None]:
    yield "DELETE FROM usage_journals WHERE id = $1", (journal,)


def _fold_group(
    database: Database, journal: str, start: int, end: int, records: list[charges.UsageRow], now: int
) -> Transaction[bool]:
    """False if the journal is not folded up to `start` exactly."""
    sql = "UPDATE usage_journals SET position = $3, folded_at = $4 WHERE id = $1 AND position = $2 RETURNING position"
    if not (yield sql, (journal, start, end, now)):
        return False
    yield from charges.record_group(database, records)
    return True
