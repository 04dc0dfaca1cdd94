"""The baseline of the database: bare statements of its driver, one round a process, the result as JSON on stdout.

`python -m benchmarks.statements KIND --seconds N [--directory DIR | --database URL]`. SQLite is opened as the server
opens it (WAL, synchronous=FULL); a group is one transaction there, and as many connections at once with PostgreSQL.
"""

import argparse
import asyncio
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import asyncpg
import msgspec
import uvloop

from benchmarks.rounds import Round

GROUP = 16
KINDS = ("insert", "group", "read")
_ROWS = 1000
_BODY = '{"id":"asst_0123456789","object":"assistant","created_at":1750000000,"name":"Statement"}'.ljust(400)
_TABLE = "CREATE TABLE IF NOT EXISTS bench_objects (id TEXT PRIMARY KEY, body TEXT NOT NULL)"
_INSERT = "INSERT INTO bench_objects (id, body) VALUES ($1, $2)"
_READ = "SELECT body FROM bench_objects WHERE id = $1"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--database")
    options = parser.parse_args()
    if options.database is not None:
        done = uvloop.run(_postgres(options.kind, options.seconds, options.database))
    else:
        done = _sqlite(options.kind, options.seconds, options.directory / "statements.db")
    sys.stdout.buffer.write(msgspec.json.encode(done))


def _sqlite(kind: str, seconds: float, path: Path) -> Round:
    connection = apsw.Connection(str(path))
    for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", _TABLE):
        connection.execute(statement)
    names = _names()
    known = list(itertools.islice(names, _ROWS))
    with connection:
        connection.executemany(_INSERT, [(name, _BODY) for name in known])
    repeated = itertools.cycle(known)
    work: dict[str, Callable[[], object]] = {
        "insert": lambda: connection.execute(_INSERT, (next(names), _BODY)),
        "group": lambda: _group(connection, names),
        "read": lambda: connection.execute(_READ, (next(repeated),)).fetchall(),
    }
    return _repeat(work[kind], seconds, GROUP if kind == "group" else 1)


def _group(connection: apsw.Connection, names: Iterator[str]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for name in itertools.islice(names, GROUP):
        connection.execute(_INSERT, (name, _BODY))
    connection.execute("COMMIT")


def _repeat(work: Callable[[], object], seconds: float, weight: int) -> Round:
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
        names = _names()
        known = list(itertools.islice(names, _ROWS))
        await pool.executemany(_INSERT, [(name, _BODY) for name in known])
        reads = kind == "read"
        arguments = ((name,) for name in itertools.cycle(known)) if reads else ((name, _BODY) for name in names)
        started = time.perf_counter()
        work = (_repeat_in(pool, _READ if reads else _INSERT, arguments, started + seconds) for _ in range(size))
        samples = [sample for taken in await asyncio.gather(*work) for sample in taken]
        return Round.of(samples, time.perf_counter() - started, {})


async def _repeat_in(
    pool: asyncpg.Pool, sql: str, arguments: Iterator[tuple[str, ...]], deadline: float
) -> list[float]:
    samples = []
    async with pool.acquire() as connection:
        statement = await connection.prepare(sql)
        now = time.perf_counter()
        while now < deadline:
            await statement.fetch(*next(arguments))
            before, now = now, time.perf_counter()
            samples.append(now - before)
    return samples


def _names() -> Iterator[str]:
    """New ones in every process."""
    return (f"asst_{number}" for number in itertools.count(time.time_ns()))


if __name__ == "__main__":
    main()
