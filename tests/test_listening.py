"""Where `understudy serve` listens, and what it reports to a service manager."""

import contextlib
import http.client
import re
import signal
import socket
import stat
import subprocess

import click
import pytest

from understudy.cli.listen import bind
from understudy.settings import load

WAIT = 30


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=WAIT)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def get(connection, path):
    with contextlib.closing(connection):
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()


@pytest.fixture
def service_manager(tmp_path):
    """A socket that receives what a service reports."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(WAIT)
        yield receiver


def reports(receiver, until):
    """The lines up to the one that is waited for, without the pings of the watchdog."""
    lines = []
    while until not in lines:
        lines += receiver.recv(4096).decode().splitlines()
    return [line for line in lines if line != "WATCHDOG=1"]


def test_a_server_listens_on_all_its_addresses_and_reports_to_its_service_manager(
    new_server, tmp_path, service_manager
):
    server = new_server()
    server.variables |= {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "300000"}
    path = tmp_path / "understudy.sock"
    server.flags = ("--host", "127.0.0.1", "--host", "127.0.0.2", "--host", f"unix:{path}")
    server.start()
    assert reports(service_manager, "READY=1")[0] == "READY=1"
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    port = int(re.search(r":(\d+)/", server.url)[1])
    for connection in (
        http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT),
        http.client.HTTPConnection("127.0.0.2", port, timeout=WAIT),
        UnixConnection(path),
    ):
        assert get(connection, "/health/ready") == (200, b'{"status":"ok"}')
    assert "in use" in new_server().failure("serve", "--port", "0", "--host", f"unix:{path}")
    server.config.write_text(server.config.read_text() + '[providers.added]\nbase_url = "http://127.0.0.1:9"\n')
    server.process.send_signal(signal.SIGHUP)
    assert reports(service_manager, "READY=1")[0] == "RELOADING=1"
    while service_manager.recv(4096) != b"WATCHDOG=1":
        pass
    server.stop()
    assert "STOPPING=1" in reports(service_manager, "STOPPING=1")
    assert not path.exists()


def test_a_server_may_listen_on_a_unix_socket_alone(new_server, tmp_path):
    path = tmp_path / "understudy.sock"
    server = new_server(socket_mode="0600")
    command = server.command("serve", "--host", f"unix:{path}")
    with (
        server.log.open("ab") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=server.environ, text=True) as process,
    ):
        printed = ""
        while "Models" not in printed:
            printed += process.stdout.readline()
        assert f"Unix socket       {path}" in printed
        assert "Base URL" not in printed
        assert get(UnixConnection(path), "/health/live")[0] == 200
        process.terminate()
    assert process.returncode == 0
    assert "plain HTTP" not in server.log.read_text()


def test_the_file_of_a_killed_server_is_replaced_and_any_other_file_is_not(tmp_path):
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
    listeners = bind([f"unix:{path}"], 0, 0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(click.ClickException, match="Address already in use"):
        bind([f"unix:{path}"], 0)
    listeners.unlink()
    for bound in listeners.sockets:
        bound.close()
    path.write_text("notes")
    with pytest.raises(click.ClickException, match="not a socket"):
        bind([f"unix:{path}"], 0)
    assert path.read_text() == "notes"


def test_all_addresses_have_one_port_and_each_is_bound_once():
    listeners = bind(["localhost", "127.0.0.1", "127.0.0.2"], 0)
    names, port = [bound.getsockname()[:2] for bound in listeners.sockets], listeners.port
    for bound in listeners.sockets:
        bound.close()
    assert len(names) == len(set(names))
    assert {own for _, own in names} == {port}
    assert {"127.0.0.1", "127.0.0.2"} <= {host for host, _ in names}


def test_a_failed_start_leaves_no_file_of_a_socket(tmp_path):
    path = tmp_path / "socket"
    with pytest.raises(click.ClickException, match=r"Cannot listen on 192\.0\.2\.1"):
        bind([f"unix:{path}", "192.0.2.1"], 0)
    assert not path.exists()


@pytest.mark.parametrize(
    ("file", "flags", "environ", "hosts"),
    [
        ("", {}, {}, ("127.0.0.1",)),
        ('host = "::"', {}, {}, ("::",)),
        ('host = ["::", "0.0.0.0", "unix:/run/a"]', {}, {}, ("::", "0.0.0.0", "unix:/run/a")),
        ('host = "::"', {}, {"UNDERSTUDY_HOST": "a, b,a"}, ("a", "b")),
        ('host = "::"', {"host": "c,d"}, {"UNDERSTUDY_HOST": "a,b"}, ("c", "d")),
    ],
)
def test_addresses_come_from_a_file_a_variable_or_flags(tmp_path, file, flags, environ, hosts):
    (tmp_path / "understudy.toml").write_text(file)
    assert load(flags, environ, tmp_path).settings.hosts == hosts
