"""PgBouncer in transaction mode, in front of a PostgreSQL server of the tests."""

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from redis_servers import find_program
from waiting import eventually


@contextlib.contextmanager
def transaction_pooler(server: Any) -> Iterator[str]:
    """The URL of a pooler with two connections to the server."""
    program = find_program("pgbouncer")
    with tempfile.TemporaryDirectory() as directory:
        config = _configure(server, Path(directory))
        # It refuses to run as root.
        user = [] if server.system_user is None else ["-u", server.system_user]
        process = subprocess.Popen([program, *user, config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            eventually(lambda: process.poll() is not None or (Path(directory) / ".s.PGSQL.6432").exists())
            assert process.poll() is None
            yield f"postgresql://{urlsplit(server.get_uri()).username}@/postgres?host={directory}&port=6432"
        finally:
            process.terminate()
            process.wait()


def _configure(server: Any, directory: Path) -> Path:
    parts = urlsplit(server.get_uri())
    (host,) = parse_qs(parts.query)["host"]
    directory.chmod(0o777)
    config = directory / "pgbouncer.ini"
    config.write_text(
        f"[databases]\npostgres = host={host} user={parts.username}\n[pgbouncer]\nlisten_addr =\n"
        f"unix_socket_dir = {directory}\nlisten_port = 6432\nauth_type = any\npool_mode = transaction\n"
        f"default_pool_size = 2\nlogfile = {directory}/log\n"
    )
    return config
