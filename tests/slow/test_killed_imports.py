"""An import of many objects, and one whose server is killed again and again."""

import json
import time
from pathlib import Path

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
