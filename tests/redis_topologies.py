"""Redis servers with TLS, behind Sentinel, and as a Cluster: real servers of each kind, on this machine."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from redis_servers import RedisServer, find_program, free_port


@contextlib.contextmanager
def tls_redis(directory: Path) -> Iterator[tuple[str, str]]:
    """The URLs of a server whose certificate is verified, and not known."""
    _build_certificate(directory)
    files = {"tls_cert_file": f"{directory}/cert.pem", "tls_key_file": f"{directory}/key.pem"}
    port = str(free_port())
    server = RedisServer(directory, tls_port=port, tls_auth_clients="no", **files).start()
    try:
        url = f"rediss://127.0.0.1:{port}"
        yield f"{url}?ssl_ca_certs={directory}/cert.pem", url
    finally:
        server.kill()


def _build_certificate(directory: Path) -> None:
    files = ["-keyout", f"{directory}/key.pem", "-out", f"{directory}/cert.pem"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [find_program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *files, *names]
    subprocess.run(command, check=True, capture_output=True)


@contextlib.contextmanager
def sentinel_redis(directory: Path) -> Iterator[tuple[str, RedisServer]]:
    """A primary, its replica and a Sentinel: the URL, and the primary."""
    with contextlib.ExitStack() as stack:
        servers: list[RedisServer] = []
        for name in ("primary", "replica"):
            (directory / name).mkdir()
            options = {"replicaof": f"127.0.0.1 {servers[0].port}"} if servers else {}
            servers.append(RedisServer(directory / name, **options).start())
            stack.callback(servers[-1].kill)
        port = free_port()
        config = directory / "sentinel.conf"
        config.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {directory}\nsentinel monitor main 127.0.0.1 {servers[0].port} 1\n"
            "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n"
        )
        log = stack.enter_context((directory / "sentinel.log").open("wb"))
        process = subprocess.Popen([find_program(), config, "--sentinel"], stdout=log, stderr=log)
        stack.callback(process.wait)
        stack.callback(process.kill)
        yield f"redis+sentinel://127.0.0.1:{port}/main", servers[0]


@contextlib.contextmanager
def cluster_redis(directory: Path) -> Iterator[str]:
    """The URL of a Cluster of three servers."""
    with contextlib.ExitStack() as stack:
        addresses = []
        for number in range(3):
            own = directory / str(number)
            own.mkdir()
            options = {"cluster_enabled": "yes", "cluster_port": str(free_port()), "cluster_node_timeout": "2000"}
            server = RedisServer(own, **options).start()
            stack.callback(server.kill)
            addresses.append(f"127.0.0.1:{server.port}")
        command = [find_program("redis-cli"), "--cluster", "create", *addresses, "--cluster-yes"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        yield f"redis+cluster://{','.join(addresses)}"
