"""Disks without free space: requests that write fail with 503, nothing is corrupt, and freeing space is enough."""

import contextlib
import sqlite3
import subprocess
import time

import pytest

from e2e.assistants_client import new_thread, run_of, texts
from e2e.uploads import field, file_part, send, upload
from upstream import text
from waiting import eventually

MB = 1024 * 1024
LARGE = "x" * 200_000


@pytest.fixture
def new_disk():
    """Mounts small disks."""
    with contextlib.ExitStack() as stack:

        def make(directory, megabytes):
            directory.mkdir(mode=0o700, exist_ok=True)
            options = f"size={megabytes}m,mode=0700"
            mounted = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", options, "tmpfs", directory], capture_output=True, text=True, check=False
            )
            if mounted.returncode:
                pytest.skip(f"a small disk cannot be mounted: {mounted.stderr.strip()}")
            stack.callback(subprocess.run, ["umount", "-l", directory], check=True)
            return directory

        yield make


def fill(disk):
    """Uses all space of the disk; returns the file to remove."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            for size in (MB, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"\0" * size)
            raise OSError
    return ballast


def assert_unavailable(reply):
    assert reply.status == 503, reply.body
    assert int(reply.headers["retry-after"]) > 0


def send_file(server, content):
    return send(server, "/v1/files", field("purpose", "assistants"), file_part(content))


def test_a_full_disk_of_the_data_directory(new_disk, new_server, upstream):
    server = new_server()
    disk = new_disk(server.data, 24)
    client = server.start().client
    assistant = client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(client, "Hello")
    file = upload(server, b"before")
    ballast = fill(disk)
    assert_unavailable(eventually(lambda: (reply := add_message(server, thread)).status != 200 and reply))
    assert_unavailable(send_file(server, b"x" * MB))
    assert client.beta.assistants.retrieve(assistant.id) == assistant
    assert client.files.content(file["id"]).read() == b"before"
    held = texts(client, thread)
    ballast.unlink()
    assert add_message(server, thread).status == 200
    assert send_file(server, b"x" * MB).status == 200
    upstream.answer(text("Fine."))
    assert run_of(client, thread, assistant).status == "completed"
    assert texts(client, thread) == [*held, LARGE, "Fine."]
    assert "Traceback" not in server.log.read_text()
    server.log.write_text("")
    server.stop()
    with contextlib.closing(sqlite3.connect(server.data / "understudy.sqlite3")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_every_chat_completion_with_a_full_disk_is_recorded_or_refused(new_disk, new_server, upstream):
    server = new_server()
    disk = new_disk(server.data, 24)
    server.start()
    upstream.always(text("Hi."))
    statuses = [ask_model(server).status]
    ballast = fill(disk)
    statuses += [ask_model(server).status for _ in range(20)]
    ballast.unlink()
    eventually(lambda: server.ask("GET", "/health/ready").status == 200)
    statuses += [ask_model(server).status for _ in range(3)]
    assert set(statuses) <= {200, 503}
    assert statuses[0] == statuses[-1] == 200
    eventually(lambda: count_recorded(server) == statuses.count(200))
    server.kill()
    server.start()
    eventually(lambda: count_recorded(server) == statuses.count(200))
    assert "Traceback" not in server.log.read_text()
    server.log.write_text("")


def ask_model(server):
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
    return server.ask("POST", "/v1/chat/completions", body)


def count_recorded(server):
    """The model requests in the usage of the last two days."""
    start = int(time.time()) - 86_400
    page = server.ask("GET", f"/v1/organization/usage/completions?start_time={start}&limit=7").json
    return sum(result["num_model_requests"] for bucket in page["data"] for result in bucket["results"])


@pytest.mark.slow
def test_a_full_disk_of_postgresql(new_disk, new_server, upstream, pgserver, tmp_path):
    disk = new_disk(tmp_path / "disk", 160)
    disk.chmod(0o755)
    with pgserver.get_server(disk / "postgres", cleanup_mode="stop") as postgres:
        server = new_server(database=postgres.get_uri()).start()
        client = server.client
        assistant = client.beta.assistants.create(model="gpt-4o")
        thread = new_thread(client, "Hello")
        ballast = fill(disk)
        assert_unavailable(eventually(lambda: (reply := add_message(server, thread)).status != 200 and reply))
        assert client.beta.assistants.retrieve(assistant.id) == assistant
        held = texts(client, thread)
        ballast.unlink()
        eventually(lambda: server.ask("GET", "/health/ready").status == 200)
        assert add_message(server, thread).status == 200
        upstream.answer(text("Fine."))
        assert run_of(client, thread, assistant).status == "completed"
        assert texts(client, thread) == [*held, LARGE, "Fine."]
        assert "Traceback" not in server.log.read_text()
        server.log.write_text("")
        server.stop()


def add_message(server, thread):
    return server.ask("POST", f"/v1/threads/{thread.id}/messages", {"role": "user", "content": LARGE})
