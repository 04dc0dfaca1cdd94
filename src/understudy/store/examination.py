"""Checks a database for `understudy doctor`, with or without a server that uses it. Changes nothing."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from understudy.store import data_directory, journal_files, pgvector, postgres_url
from understudy.store.database import Database, Transaction
from understudy.store.embedding import EmbeddingJobs, PendingEmbedding
from understudy.store.migrate import has_schema, is_current
from understudy.store.nodes import Nodes, RegisteredNode
from understudy.store.postgres import PostgresDatabase
from understudy.store.sqlite import SqliteDatabase
from understudy.store.usage_folding import READ_BYTES, load_position
from understudy.store.usage_records import parse_records


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """`place` names the server's version, host, port and database; `has_schema` is whether a server has used it."""

    place: str
    has_schema: bool
    vector_problem: str | None


@dataclass(slots=True)
class JournalFacts:
    """The usage that no transaction has added to the ledger. `oldest` is the age in seconds of the oldest journal."""

    journals: int = 0
    records: int = 0
    damaged: int = 0
    torn_bytes: int = 0
    oldest: float = 0.0


async def examine_database(url: str, *, is_pooled: bool = False) -> DatabaseFacts:
    """Raises StoreError if the database is unreachable."""
    database = await PostgresDatabase.connect(url, is_pooled=is_pooled)
    try:
        version = await database.read(_version)
        where = postgres_url.describe(url).removeprefix("the PostgreSQL ")
        return DatabaseFacts(
            f"PostgreSQL {version}, {where}", await has_schema(database), await database.read(pgvector.problem)
        )
    finally:
        await database.close()


async def examine_journals(data: Path, url: str | None, *, is_pooled: bool = False) -> JournalFacts:
    """What the usage journals of a data directory have that is not folded. Raises StoreError."""
    facts = JournalFacts()
    sizes = journal_files.list_sizes(data)
    database = await _open_current(data, url, is_pooled=is_pooled) if sizes else None
    if database is None:
        return facts
    try:
        for journal in sizes:
            await _examine_journal(database, data, journal, facts)
    finally:
        await database.close()
    return facts


async def _examine_journal(database: Database, data: Path, journal: str, facts: JournalFacts) -> None:
    position = await load_position(database, journal) or 0
    with journal_files.opening(data, journal) as file:
        if file is None:
            return
        facts.journals += 1
        while chunk := os.pread(file.descriptor, READ_BYTES, position):
            facts.oldest = max(facts.oldest, time.time() - os.fstat(file.descriptor).st_mtime)
            parsed = parse_records(chunk, len(chunk))
            facts.records += len(parsed.records)
            facts.damaged += parsed.damaged
            if not parsed.end:
                facts.torn_bytes += parsed.rest
                return
            position += parsed.end


async def examine_embedding(data: Path, url: str | None, *, is_pooled: bool = False) -> PendingEmbedding | None:
    """The files that still have built-in vectors; None without a database of this version. Raises StoreError."""
    database = await _open_current(data, url, is_pooled=is_pooled)
    if database is None:
        return None
    try:
        return await EmbeddingJobs(database).count_pending()
    finally:
        await database.close()


async def _open_current(data: Path, url: str | None, *, is_pooled: bool) -> Database | None:
    """None without a database of this version. Raises StoreError."""
    if url is None and not (data / data_directory.DATABASE).is_file():
        return None
    database: Database = (
        SqliteDatabase(data / data_directory.DATABASE)
        if url is None
        else await PostgresDatabase.connect(url, is_pooled=is_pooled)
    )
    if await is_current(database):
        return database
    await database.close()
    return None


async def examine_nodes(url: str, *, is_pooled: bool = False) -> list[RegisteredNode]:
    """The nodes of a database, also those that died lately; none before a start of this version. Raises StoreError."""
    database = await PostgresDatabase.connect(url, is_pooled=is_pooled)
    try:
        return await Nodes(database).list() if await is_current(database) else []
    finally:
        await database.close()


def _version() -> Transaction[str]:
    rows = yield "SHOW server_version", ()
    return str(rows[0][0]).partition(" ")[0]
