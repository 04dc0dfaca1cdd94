"""Processes of other projects that serve models, each with a port of its own."""

import contextlib
import http.client
import os
import socket
import subprocess

from waiting import eventually

STARTS_WITHIN = 120


def free_port():
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return chosen.getsockname()[1]


@contextlib.contextmanager
def serving(command, port, log, path="/v1/models", **environment):
    """Runs a server until it answers at `path`, and kills it in the end; what it says goes to the file `log`."""
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env={**os.environ, **environment})
        try:
            eventually(lambda: _answers(process, port, path, log), STARTS_WITHIN)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.kill()
            process.wait()


def _answers(process, port, path, log):
    assert process.poll() is None, log.read_text()
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        try:
            connection.request("GET", path)
            return connection.getresponse().status < 500
        except OSError:
            return False
