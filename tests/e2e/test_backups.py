"""Backups of a data directory: made while a server writes, restored elsewhere, refused when damaged."""

import json
import os
import shlex
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from docs.blocks import BLOCKS
from serving import WAIT, Server, serve
from understudy.store.data_directory import DATABASE

PAGE_URL = "postgresql://understudy@db.example.com/understudy"


@pytest.fixture(scope="module")
def backed_up(session_upstream, tmp_path_factory):
    """A server that wrote and deleted files during the backup, its files by id, and the backup."""
    directory = tmp_path_factory.mktemp("backups")
    for server in serve(Server(directory, session_upstream.url)):
        before = {create_file(server.client, number): number for number in range(20)}
        manifest = write_during_backup(server, directory / "backup")
        yield server, before, directory / "backup", manifest


def create_file(client, number):
    return client.files.create(file=(f"{number}.txt", f"content {number}".encode()), purpose="assistants").id


def write_during_backup(server, backup):
    done = threading.Event()

    def churn():
        number = 100
        while not done.is_set():
            server.client.files.delete(create_file(server.client, number))
            number += 1

    with ThreadPoolExecutor(2) as pool:
        writing = [pool.submit(churn) for _ in range(2)]
        try:
            return json.loads(server.run("backup", str(backup), "--json"))
        finally:
            done.set()
            for one in writing:
                one.result()


def test_a_backup_of_a_writing_server_has_everything(backed_up, new_server):
    _, files, backup, manifest = backed_up
    assert manifest["blobs"] >= len(files)
    assert manifest == json.loads((backup / "manifest.json").read_text())
    other = new_server()
    assert "Restored" in other.run("restore", str(backup))
    other.start()
    for file_id, number in files.items():
        assert other.client.files.content(file_id).read() == f"content {number}".encode()
    listed = [one.id for one in other.client.files.list(limit=100)]
    assert {*files} <= {*listed}
    # What the copy of the database names can be read.
    assert all(other.client.files.content(file_id).read().startswith(b"content") for file_id in listed)


def test_a_backup_is_private_and_never_replaced(backed_up):
    server, _, backup, _ = backed_up
    assert backup.stat().st_mode & 0o077 == 0
    assert (backup / DATABASE).stat().st_mode & 0o077 == 0
    assert "Name a new directory" in server.failure("backup", str(backup))


def test_a_directory_in_use_is_not_replaced(backed_up):
    server, _, backup, _ = backed_up
    assert "Another server" in server.failure("restore", str(backup))
    assert server.client.files.list().data


def test_the_previous_data_directory_is_moved_aside(backed_up, new_server):
    backup = backed_up[2]
    other = new_server()
    other.start()
    mine = other.client.files.create(file=("mine.txt", b"mine"), purpose="assistants")
    other.stop()
    assert "The previous data directory is" in other.run("restore", str(backup))
    (previous,) = other.data.parent.glob(f"{other.data.name}.before-*")
    assert (previous / DATABASE).exists()
    other.start()
    assert mine.id not in {one.id for one in other.client.files.list(limit=100)}


@pytest.mark.parametrize("damage", ["database", "blob", "manifest", "newer"])
def test_a_damaged_backup_is_refused_and_nothing_is_changed(backed_up, new_server, tmp_path, damage):
    broken = tmp_path / "broken"
    shutil.copytree(backed_up[2], broken)
    if damage == "database":
        with (broken / DATABASE).open("r+b") as file:
            file.seek(5000)
            file.write(b"damage")
    elif damage == "blob":
        next((broken / "blobs").glob("??/*")).unlink()
    elif damage == "manifest":
        (broken / "manifest.json").write_text("{")
    else:
        manifest = json.loads((broken / "manifest.json").read_text())
        (broken / "manifest.json").write_text(json.dumps({**manifest, "schema": 9999}))
    other = new_server()
    message = {"database": "damaged", "blob": "missing", "manifest": "cannot be read", "newer": "or later"}[damage]
    assert message in other.failure("restore", str(broken))
    assert not (other.data / DATABASE).exists()


def test_a_backup_needs_a_data_directory_and_sqlite(new_server, tmp_path):
    server = new_server()
    assert "does not exist" in server.failure("backup", str(tmp_path / "backup"))
    database = ("--database", "postgresql://localhost/x")
    assert "pg_dump" in server.failure("backup", str(tmp_path / "backup"), *database, code=2)
    assert not (tmp_path / "backup").exists()


@pytest.mark.slow
def test_the_documented_backup_of_postgres_restores_what_was_there(new_server, postgres_servers, pgserver):
    """The commands of the page, with this test's places."""
    postgres = postgres_servers().get_uri()
    assert "/postgres?" in postgres
    server = new_server(database=postgres).start()
    files = {create_file(server.client, number): number for number in range(5)}
    restored = new_server(database=postgres.replace("/postgres?", "/understudy?"))
    backup, restore = (
        block.text for block in BLOCKS if block.page.endswith("/backup.md") and "postgresql:" in block.text
    )
    here = {"/var/backups/understudy-1": str(server.directory / "backup")}
    run_lines(pgserver, backup, here | {"/var/lib/understudy/data": str(server.data), PAGE_URL: postgres})
    here |= {"/var/lib/understudy/data": str(restored.data), PAGE_URL: restored.environ["UNDERSTUDY_DATABASE"]}
    run_lines(pgserver, restore, {PAGE_URL.removesuffix("understudy") + "postgres": postgres} | here)
    results = restored.run("doctor", "--deep").splitlines()
    assert [line.split()[0] for line in results] == ["ok"] * 7
    restored.start()
    for file_id, number in files.items():
        assert restored.client.files.content(file_id).read() == f"content {number}".encode()
    for one in (server, restored):  # before their database
        one.stop()


def run_lines(pgserver, text, places):
    """Runs the lines that use programs of PostgreSQL and the system."""
    programs = pgserver.utils.POSTGRES_VERSIONS[pgserver.TARGET_POSTGRES_VERSION]
    environ = {"PATH": f"{programs}:{os.environ['PATH']}"}
    for place, value in places.items():
        text = text.replace(place, value)
    for line in text.splitlines():
        if not line.startswith("understudy "):
            subprocess.run(shlex.split(line), check=True, env=environ, timeout=WAIT)
