"""The baseline of the database: bare statements of its driver, one round a process, the result as JSON on stdout.

`python -m benchmarks.statements KIND --seconds N [--directory DIR | --database URL]`. SQLite is opened as the server
opens it (WAL, synchronous=FULL); PostgreSQL is used over one connection, or over as many as a group has.
"""

import argparse
import asyncio
import itertools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import asyncpg
import msgspec
import uvloop

from benchmarks.rounds import Round

GROUP = 16
KINDS = ("insert", "group", "read")
_ROWS = 1000
_BODY = '{"id":"%s","object":"assistant","created_at":1750000000,"name":"Statement","metadata":{}}'.ljust(400)
_TABLE = "CREATE TABLE IF NOT EXISTS bench_objects (id TEXT PRIMARY KEY, body TEXT NOT NULL)"


def measure(kind: str, seconds: float, directory: Path | None, database: str | None) -> Round:
    if database is not None:
        return uvloop.run(_postgres(kind, seconds, database))
    assert directory is not None
    return _sqlite(kind, seconds, directory / "statements.db")


def _sqlite(kind: str, seconds: float, path: Path) -> Round:
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(_TABLE)
    ids = map(_name, itertools.count(time.time_ns()))
    with connection:
        known = [next(ids) for _ in range(_ROWS)]
        connection.executemany("INSERT INTO bench_objects VALUES (?1, ?2)", [(name, _BODY) for name in known])

    def insert() -> None:
        connection.execute("INSERT INTO bench_objects VALUES (?1, ?2)", (next(ids), _BODY))

    def group() -> None:
        connection.execute("BEGIN IMMEDIATE")
        for _ in range(GROUP):
            insert()
        connection.execute("COMMIT")

    names = itertools.cycle(known)

    def read() -> None:
        connection.execute("SELECT body FROM bench_objects WHERE id = ?1", (next(names),)).fetchall()

    work = {"insert": insert, "group": group, "read": read}[kind]
    return _repeat(work, seconds, GROUP if kind == "group" else 1)


def _repeat(work: Callable[[], None], seconds: float, weight: int) -> Round:
    samples = []
    started = now = time.perf_counter()
    while now < started + seconds:
        work()
        before, now = now, time.perf_counter()
        samples.append(now - before)
    return Round.of(samples, now - started, {}, weight)


async def _postgres(kind: str, seconds: float, database: str) -> Round:
    size = GROUP if kind == "group" else 1
    async with asyncpg.create_pool(database, min_size=size, max_size=size) as pool:
        await pool.execute(_TABLE)
        first = time.time_ns()
        known = [_name(first + number) for number in range(_ROWS)]
        await pool.executemany("INSERT INTO bench_objects VALUES ($1, $2)", [(name, _BODY) for name in known])
        ids = map(_name, itertools.count(first + _ROWS))
        arguments = ((name, _BODY) for name in ids) if kind != "read" else ((name,) for name in itertools.cycle(known))
        sql = "SELECT body FROM bench_objects WHERE id = $1" if kind == "read" else "INSERT INTO bench_objects VALUES ($1, $2)"
        samples: list[float] = []
        started = time.perf_counter()
        deadline = started + seconds

        async def work() -> None:
            async with pool.acquire() as connection:
                statement = await connection.prepare(sql)
                now = time.perf_counter()
                while now < deadline:
                    await statement.fetch(*next(arguments))
                    before, now = now, time.perf_counter()
                    samples.append(now - before)

        await asyncio.gather(*(work() for _ in range(size)))
        return Round.of(samples, time.perf_counter() - started, {})


def _name(number: int) -> str:
    return f"asst_{number}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--database")
    options: Any = parser.parse_args()
    done = measure(options.kind, options.seconds, options.directory, options.database)
    sys.stdout.buffer.write(msgspec.json.encode(done))


if __name__ == "__main__":
    main()
