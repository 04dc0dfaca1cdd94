"""Checks a database for `understudy doctor`, with or without a server that uses it. Changes nothing."""

from dataclasses import dataclass
from pathlib import Path

from understudy.store import data_directory, pgvector, postgres_url
from understudy.store.database import Database, Transaction
from understudy.store.embedding import EmbeddingJobs, PendingEmbedding
from understudy.store.migrate import has_schema, is_current
from understudy.store.nodes import Nodes, RegisteredNode
from understudy.store.postgres import PostgresDatabase
from understudy.store.sqlite import SqliteDatabase


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """`place` names the server's version, host, port and database; `has_schema` is whether a server has used it."""

    place: str
    has_schema: bool
    vector_problem: str | None


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


async def examine_embedding(data: Path, url: str | None, *, is_pooled: bool = False) -> PendingEmbedding | None:
    """The files that still have built-in vectors; None without a database of this version. Raises StoreError."""
    if url is None and not (data / data_directory.DATABASE).is_file():
        return None
    database: Database = (
        SqliteDatabase(data / data_directory.DATABASE)
        if url is None
        else await PostgresDatabase.connect(url, is_pooled=is_pooled)
    )
    try:
        return await EmbeddingJobs(database).count_pending() if await is_current(database) else None
    finally:
        await database.close()


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
