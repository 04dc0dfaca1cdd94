"""An import of many objects, and one whose server is killed again and again."""

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import apsw
import pytest

from e2e.test_imports import Project
from serving import Server
from understudy.store.data_directory import DATABASE
from waiting import eventually

pytestmark = pytest.mark.slow

THREADS, MESSAGES, KILLS = 1000, 20, 5


def write_input() -> bytes:
    """20,000 messages in an order of their own, so that only their times sort them."""
    lines = []
    for thread in range(THREADS):
        created_at = 1_600_000_000 + thread * 7919 % THREADS
        lines.append({"id": f"thread_k{thread}", "object": "thread", "created_at": created_at, "metadata": {}})
        for number in range(MESSAGES):
            content = [{"type": "text", "text": {"value": f"message {number} of {thread}", "annotations": []}}]
            message = {"object": "thread.message", "thread_id": f"thread_k{thread}", "role": "user", "content": content}
            lines.append({"id": f"msg_k{thread}x{number}", "created_at": created_at, "color": "red", **message})
    return b"".join(json.dumps(one).encode() + b"\n" for one in lines)


def rows(data: Path) -> list[list[tuple[object, ...]]]:
    """What the import has stored, in its order, without the job itself."""
    queries = (
        "SELECT id, last_active_at, body FROM threads ORDER BY seq",
        "SELECT id, thread_id, role, body FROM items ORDER BY seq",
        "SELECT id, members FROM unknown_members ORDER BY id",
        "SELECT rowid FROM item_text ORDER BY rowid",
    )
    database = apsw.Connection(str(data / DATABASE), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return [[tuple(row) for row in database.execute(query)] for query in queries]
    finally:
        database.close()


def test_an_import_that_was_killed_five_times_ends_like_one_that_was_not(new_server):
    content = write_input()
    killed, whole = new_server(), new_server()
    reports = []
    for server, kills in ((whole, 0), (killed, KILLS)):
        server.start()
        project = Project(server)
        created = project.upload(content).json
        path = f"/v1/imports/{created['id']}"
        for kill in range(kills):
            enough = (kill + 1) * THREADS * (MESSAGES + 1) // (kills + 2)
            eventually(lambda: project.ask("GET", path).json["progress"]["done"] >= enough, 120)  # noqa: B023
            server.kill()
            server.start()
        deadline = time.monotonic() + 240
        while (done := project.ask("GET", path).json)["status"] not in {"completed", "failed"}:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        reports.append((done["status"], done["report"], done["progress"]))
        server.stop()
    assert reports[0] == reports[1]
    assert reports[0][1]["imported"] == {"thread": THREADS, "message": THREADS * MESSAGES}
    assert without_suffix(rows(killed.data)) == without_suffix(rows(whole.data))


def without_suffix(tables: list[list[tuple[object, ...]]]) -> str:
    """The rows as a text, without what only the project's own id decides."""
    text = json.dumps(tables)
    suffix = text[text.index("@") : text.index("@") + 25]
    return text.replace(suffix, "")


def test_a_hundred_thousand_objects_are_imported_beside_requests(new_server):
    server: Server = new_server()
    server.start()
    project = Project(server)
    lines = (
        json.dumps({"id": f"thread_h{number}", "object": "thread", "created_at": 1_600_000_000 + number // 10})
        for number in range(100_000)
    )
    created = project.upload("\n".join(lines).encode()).json
    slowest = 0.0
    while (done := project.ask("GET", f"/v1/imports/{created['id']}").json)["status"] not in {"completed", "failed"}:
        started = time.perf_counter()
        assert server.ask("GET", "/v1/assistants").status == 200
        slowest = max(slowest, time.perf_counter() - started)
        time.sleep(0.05)
    assert done["report"]["imported"] == {"thread": 100_000}, done
    assert slowest < 5
    assert project.ask("GET", "/v1/threads?limit=1").json["first_id"] == "thread_h99999"


def write_files(count: int) -> bytes:
    """A zip archive of files, each with contents of its own."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as archive:
        objects = (
            {"id": f"file-z{number}", "object": "file", "filename": f"{number}.txt", "created_at": 1_600_000_000}
            for number in range(count)
        )
        archive.writestr("files.jsonl", "".join(json.dumps(one) + "\n" for one in objects))
        for number in range(count):
            archive.writestr(f"files/file-z{number}", f"content {number}\n" * 50)
    return output.getvalue()


def test_the_files_of_an_import_that_was_killed_have_their_contents_and_none_is_left_over(new_server):
    count = 600
    server: Server = new_server()
    server.start()
    project = Project(server)
    created = project.upload(write_files(count)).json
    path = f"/v1/imports/{created['id']}"
    blobs = server.data / "blobs"
    for kill in range(KILLS):
        enough = (kill + 1) * count // (KILLS + 2)
        eventually(lambda: len([*blobs.glob("??/*")]) >= enough, 120)  # noqa: B023
        server.kill()
        server.start()
    eventually(lambda: project.ask("GET", path).json["status"] == "completed", 120)
    assert project.ask("GET", path).json["report"]["imported"] == {"file": count}
    for number in range(0, count, 7):
        content = project.ask("GET", f"/v1/files/file-z{number}/content").body
        assert content == f"content {number}\n".encode() * 50
    server.stop()
    checks = {one["subject"]: one for one in json.loads(server.run("doctor", "--deep", "--json"))}
    assert {subject for subject, one in checks.items() if one["state"] != "ok"} == set()
    assert checks["files without a row"]["count"] == checks["unfinished files"]["count"] == 0


def write_owned() -> bytes:
    """Threads, assistants and files in vector stores, every other one of ada."""
    objects: list[dict[str, Any]] = []
    for number in range(400):
        of_ada = {"user": "ada"} if number % 2 else {"user": "bob"}
        thread = {"id": f"thread_o{number}", "object": "thread", "created_at": 1_600_000_000, "metadata": of_ada}
        store = {"id": f"vs_o{number}", "object": "vector_store", "created_at": 1_600_000_000, "metadata": of_ada}
        file = {"id": f"file-o{number}", "object": "file", "filename": f"{number}.txt", "created_at": 1_600_000_000}
        member = {
            "id": file["id"],
            "object": "vector_store.file",
            "created_at": 1_600_000_000,
            "vector_store_id": store["id"],
            "status": "failed",
        }
        objects += [thread, store, file, member]
        for place in range(5):
            content = [{"type": "text", "text": {"value": f"message {place} of {number}", "annotations": []}}]
            message = {"object": "thread.message", "thread_id": thread["id"], "role": "user", "content": content}
            objects.append({"id": f"msg_o{number}x{place}", "created_at": 1_600_000_000, **message})
    return b"".join(json.dumps(one).encode() + b"\n" for one in objects)


def run_killed(server: Server, project: Project, kind: str, body: Any, kills: int) -> Any:
    """The ended job; its server is killed so many times, each time after some progress."""
    created = project.ask("POST", f"/v1/{kind}s", body).json
    path = f"/v1/{kind}s/{created['id']}"
    last = created["progress"]["done"]
    for _ in range(kills):
        eventually(lambda: project.ask("GET", path).json["progress"]["done"] != last, 120)  # noqa: B023
        last = project.ask("GET", path).json["progress"]["done"]
        server.kill()
        server.start()
    return eventually(
        lambda: (found := project.ask("GET", path).json)["status"] in {"completed", "failed"} and found, 240
    )


def test_an_export_and_a_deletion_that_were_killed_five_times_end_like_those_that_were_not(new_server):
    content = write_owned()
    killed, whole = new_server(), new_server()
    archives, left = [], []
    for server, kills in ((whole, 0), (killed, KILLS)):
        server.start()
        project = Project(server)
        project.import_(content)
        done = run_killed(server, project, "export", {}, kills)
        assert done["exported"]["message"] == 2000
        with zipfile.ZipFile(io.BytesIO(project.ask("GET", f"/v1/exports/{done['id']}/content").body)) as packed:
            names = [name for name in packed.namelist() if name != "manifest.json"]
            archives.append([(name, packed.read(name)) for name in names])
        assert run_killed(server, project, "deletion", {"metadata": {"user": "ada"}}, kills)["status"] == "completed"
        entries = project.export()
        left.append([(name, entries[name]) for name in entries if name != "manifest.json"])
        server.stop()
    assert archives[0] == archives[1]
    assert left[0] == left[1]
    assert b'"ada"' not in b"".join(packed for _, packed in left[0])
    assert dict(left[0])["files.jsonl"].count(b"\n") == 200
