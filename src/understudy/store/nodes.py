"""The nodes of a database: the processes that work on it, each with a lease by the clock of the database.

Nodes without a broker cannot share work, so such a node is the only one. Knows no broker and no job.
"""

import sys
from dataclasses import dataclass
from typing import Final

from understudy.errors import StoreSuperseded
from understudy.store.database import Bundle, Database, Transaction
from understudy.store.sql import compose_sql
from understudy.store.workers import DATABASE_NOW

ROLE_WITHOUT_JOBS: Final = "server without jobs"
NODE_LEASE_SECONDS: Final = 8.0
IS_LIVE_NODE: Final = compose_sql("seen_at >", DATABASE_NOW, "- 8.0")
"""A condition on rows of nodes: the node has a lease."""
LIVE_NODES: Final = compose_sql("(SELECT id FROM nodes WHERE", IS_LIVE_NODE, ")")
# `understudy doctor` lists nodes that have died within this time.
_FORGET_SECONDS: Final = 3600.0
_COLUMNS: Final = "id, version, role, host, pid, address, place, is_clustered"
# A lock: of two nodes that register at once, the second one sees the first.
_LOCK: Final = "SELECT number FROM schema_versions WHERE number = 1 FOR UPDATE"
_CONFLICT: Final = compose_sql(
    "SELECT",
    _COLUMNS,
    ", started_at, seen_at, 1 FROM nodes WHERE",
    IS_LIVE_NODE,
    "AND id <> $1 AND (is_clustered = 0 OR $2 = 0) ORDER BY is_clustered, started_at LIMIT 1",
)
_INSERT: Final = compose_sql(
    "INSERT INTO nodes (",
    _COLUMNS,
    ", started_at, seen_at) SELECT $1, $2, $3, $4, $5, $6, $7, $8, now, now FROM database_clock",
    "WHERE NOT EXISTS (SELECT 1 FROM schema_versions WHERE oldest > $9) RETURNING id",
)
_RENEW: Final = compose_sql(
    "UPDATE nodes SET seen_at =",
    DATABASE_NOW,
    "WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM schema_versions WHERE oldest > $2) RETURNING id",
)
_FIND_WORKER: Final = compose_sql(
    "SELECT id FROM nodes WHERE", IS_LIVE_NODE, "AND role <> $1 ORDER BY random() LIMIT 1"
)
_LIST: Final = compose_sql(
    "SELECT",
    _COLUMNS,
    ", started_at, seen_at, CASE WHEN",
    IS_LIVE_NODE,
    "THEN 1 ELSE 0 END FROM nodes ORDER BY started_at, id",
)


@dataclass(frozen=True, slots=True)
class Node:
    """`role` is `server`, `server without jobs` or `worker`; `address` is where it listens, empty for a worker.

    `place` identifies its data directory, of which it has the lock. `is_clustered`: it has a broker.
    """

    id: str
    version: str
    role: str
    host: str
    pid: int
    address: str
    place: str
    is_clustered: bool


@dataclass(frozen=True, slots=True)
class RegisteredNode:
    """Times are in seconds since the epoch, by the clock of the database. `is_live`: its lease has not ended."""

    node: Node
    started_at: float
    seen_at: float
    is_live: bool


class Nodes:
    def __init__(self, database: Database, schema: int = sys.maxsize) -> None:
        """`schema` is the newest schema that this program knows."""
        self._database = database
        self._schema = schema

    async def register(self, node: Node) -> RegisteredNode | None:
        """Registers a node, in the place of an earlier one with the same data directory.

        Returns the live node that excludes it, if there is one; then nothing is registered. Raises StoreSuperseded if a
        later version has changed the database in a way that this program does not know.
        """
        is_single = self._database.dialect == "sqlite"
        return await self._database.write_unguarded(_register, node, self._schema, is_single=is_single)

    async def renew(self, node_id: str) -> bool:
        """Extends the lease of a node; False if it is not registered. Raises StoreSuperseded as `register`."""
        return await self._database.write_unguarded(_renew, node_id, self._schema)

    async def retire(self, node_id: str) -> None:
        await self._database.write(_retire, node_id)

    async def find_worker(self) -> str | None:
        """The id of any live node that runs jobs."""
        return await self._database.read(_find_worker)

    async def list(self) -> list[RegisteredNode]:
        """The live nodes, and those that have died lately; the oldest first."""
        return await self._database.read(_list_nodes)

    async def list_live(self) -> tuple[str, ...]:
        """The ids of the live nodes."""
        return tuple(one.node.id for one in await self.list() if one.is_live)


def _register(node: Node, schema: int, *, is_single: bool) -> Transaction[RegisteredNode | None]:
    yield _LOCK, ()
    if is_single:
        yield "DELETE FROM nodes", ()
    else:
        yield "DELETE FROM nodes WHERE place = $1 OR id = $2", (node.place, node.id)
        yield compose_sql("DELETE FROM nodes WHERE seen_at <", DATABASE_NOW, "- $1"), (_FORGET_SECONDS,)
    rows = yield _CONFLICT, (node.id, int(node.is_clustered))
    if rows:
        return _decode(*rows[0])
    values = (node.id, node.version, node.role, node.host, node.pid, node.address, node.place, int(node.is_clustered))
    if not (yield _INSERT, (*values, schema)):
        raise StoreSuperseded(schema)
    return None


def _renew(node_id: str, schema: int) -> Transaction[bool]:
    bundle = Bundle(alone=True)
    bundle.add(_RENEW, node_id, schema)
    if (yield bundle):
        return True
    if (yield "SELECT 1 FROM schema_versions WHERE oldest > $1", (schema,)):
        raise StoreSuperseded(schema)
    return False


def _retire(node_id: str) -> Transaction[None]:
    yield "DELETE FROM nodes WHERE id = $1", (node_id,)


def _find_worker() -> Transaction[str | None]:
    rows = yield _FIND_WORKER, (ROLE_WITHOUT_JOBS,)
    return rows[0][0] if rows else None


def _list_nodes() -> Transaction[list[RegisteredNode]]:
    return [_decode(*row) for row in (yield _LIST, ())]


def _decode(
    node_id: str,
    version: str,
    role: str,
    host: str,
    pid: int,
    address: str,
    place: str,
    is_clustered: int,
    started_at: float,
    seen_at: float,
    is_live: int,
) -> RegisteredNode:
    node = Node(node_id, version, role, host, pid, address, place, bool(is_clustered))
    return RegisteredNode(node, started_at, seen_at, bool(is_live))
