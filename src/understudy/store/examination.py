"""Checks a PostgreSQL database before a server uses it, for `understudy doctor`. Changes nothing."""

from dataclasses import dataclass

from understudy.store import pgvector, postgres_url
from understudy.store.database import Transaction
from understudy.store.migrate import has_schema
from understudy.store.postgres import PostgresDatabase


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """`place` names the server's version, host, port and database; `has_schema` is whether a server has used it."""

    place: str
    has_schema: bool
    vector_problem: str | None


async def examine_database(url: str) -> DatabaseFacts:
    """Raises StoreError if the database is unreachable."""
    database = await PostgresDatabase.connect(url)
    try:
        version = await database.read(_version)
        where = postgres_url.describe(url).removeprefix("the PostgreSQL ")
        return DatabaseFacts(
            f"PostgreSQL {version}, {where}", await has_schema(database), await database.read(pgvector.problem)
        )
    finally:
        await database.close()


def _version() -> Transaction[str]:
    rows = yield "SHOW server_version", ()
    return str(rows[0][0]).partition(" ")[0]
