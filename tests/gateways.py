"""A real Jupyter Kernel Gateway, from its locked environment."""

import contextlib
import json
import os
import secrets
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from clients.environments import environment
from redis_servers import find_program, free_port
from serving import WAIT
from waiting import eventually


@contextlib.contextmanager
def jupyter_gateway(home: Path, token: str = "", *, isolates: bool = False) -> Iterator[tuple[str, str]]:
    """Its URL and its token; its kernels work in `home`. `isolates`: each has a folder `/mnt/data` of its own."""
    token = token or secrets.token_hex(16)
    made = environment("gateway")
    port = free_port()
    environ = {"PATH": f"{made.home / 'bin'}:{os.environ['PATH']}", "HOME": str(home), "KG_AUTH_TOKEN": token}
    if isolates:
        environ["JUPYTER_PATH"] = str(_add_isolated_kernel(home, made.python))
    command = [
        str(made.program("jupyter-kernelgateway")),
        "--KernelGatewayApp.ip=127.0.0.1",
        f"--KernelGatewayApp.port={port}",
        "--JupyterWebsocketPersonality.list_kernels=True",
    ]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log, cwd=home)
    try:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: process.poll() is not None or _is_ready(url, token), WAIT)
        assert process.poll() is None, (home / "log").read_text()
        yield url, token
    finally:
        process.terminate()
        process.wait(WAIT)


def _add_isolated_kernel(home: Path, python: Path) -> Path:
    folder = home / "jupyter" / "kernels" / "python3"
    folder.mkdir(parents=True)
    mounts = ["--dev-bind", "/", "/", "--tmpfs", "/mnt", "--dir", "/mnt/data"]
    kernel = [find_program("bwrap"), *mounts, str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": kernel, "display_name": "Python", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    return home / "jupyter"


def _is_ready(url: str, token: str) -> bool:
    request = urllib.request.Request(f"{url}/api", headers={"Authorization": f"token {token}"})
    try:
        with urllib.request.urlopen(request, timeout=1):
            return True
    except (urllib.error.URLError, TimeoutError):
        return False
