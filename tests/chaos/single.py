"""One node on SQLite, as most installations are: its process is killed, stopped and restarted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self

import apsw

from chaos.cluster import Node, adopt_orphans, new_node

_BUSY_MS: Final = 10_000


class SqliteReader:
    """The calls of a PostgreSQL connection that the evidence needs."""

    def __init__(self, file: Path) -> None:
        self._connection = apsw.Connection(str(file))
        self._connection.set_busy_timeout(_BUSY_MS)

    async def fetch(self, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
        named = {str(number): argument for number, argument in enumerate(arguments, 1)}
        return list(self._connection.execute(sql, named))

    async def fetchval(self, sql: str, *arguments: Any) -> Any:
        rows = await self.fetch(sql, *arguments)
        return rows[0][0] if rows else None

    async def execute(self, sql: str) -> None:
        await self.fetch(sql)

    def close(self) -> None:
        self._connection.close()


class SingleNode:
    """The same as `Cluster`, with one node. `is_shared`: others take its runs over when it dies."""

    is_shared = False

    def __init__(self, directory: Path, upstream_url: str, interpreter: Path | None) -> None:
        self.blobs = directory / "node1" / "data" / "blobs"
        self.nodes: list[Node] = [new_node("node1", directory, upstream_url, interpreter)]
        self.serving = self.nodes

    def __enter__(self) -> Self:
        adopt_orphans()
        return self

    def __exit__(self, *_: object) -> None:
        self.nodes[0].kill()

    async def find_places(self) -> list[str]:
        """Of realtime sessions, which one process counts by itself."""
        return []

    async def start(self) -> None:
        await self.nodes[0].start()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[SqliteReader]:
        reader = SqliteReader(self.blobs.parent / "understudy.sqlite3")
        try:
            yield reader
        finally:
            reader.close()
