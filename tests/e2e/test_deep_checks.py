"""`understudy doctor --deep`: finds damage beside a serving server, and repairs what is safe."""

import json
import os
import time

import pytest

from understudy.store import integrity

ORPHAN = "ab" + "0" * 62 + "-" + "1" * 12
YOUNG = "ab" + "0" * 62 + "-" + "2" * 12


def check(server, *flags, code=0):
    """The results by their subjects."""
    return {
        result["subject"]: result for result in json.loads(server.run("doctor", "--deep", "--json", *flags, code=code))
    }


def blob_paths(server):
    """The files of blobs, the largest last."""
    paths = [path for path in (server.data / "blobs").glob("??/*") if path.is_file()]
    return sorted(paths, key=lambda path: path.stat().st_size)


def name_of(path):
    return path.parent.name + path.name


def add_blob(server, name, age):
    path = server.data / "blobs" / name[:2] / name[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"left behind")
    os.utime(path, (time.time() - age,) * 2)
    return path


async def execute(server, *statements):
    """Changes the database behind the server's back."""
    url = server._settings.get("database")

    def run():
        for sql in statements:
            yield sql, ()

    async with integrity.open_for_checks(server.data, url) as database:
        await database.write(run)


@pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
async def test_damage_is_found_beside_a_serving_server(new_server, database):
    server = new_server(**database).start()
    files = [
        server.client.files.create(file=(f"{size}.txt", b"x" * size), purpose="assistants")
        for size in (100, 2000, 30000)
    ]
    store = server.client.vector_stores.create(name="store")
    server.client.vector_stores.files.create_and_poll(files[0].id, vector_store_id=store.id)
    results = check(server)
    assert {result["state"] for result in results.values()} == {"ok"}, results
    assert results["files"]["text"].startswith("3 with 0.0 MB in the directory")

    small, missing, damaged = blob_paths(server)
    missing.unlink()
    damaged.write_bytes(b"y" * 30000)
    old, young = add_blob(server, ORPHAN, 2 * 86400), add_blob(server, YOUNG, 60)
    unfinished = server.data / "blobs" / "unfinished" / "0123"
    unfinished.write_bytes(b"half")
    await execute(
        server,
        f"UPDATE blobs SET uses = 7 WHERE name = '{name_of(small)}'",
        "UPDATE vector_stores SET completed = 5",
        "INSERT INTO balances (project_id, slot, credits) VALUES ('proj_of_nobody', 0, 12)",
    )
    results = check(server, code=1)
    assert results["database"]["state"] == "ok"
    assert results["files"]["problems"] == sorted([f"{name_of(missing)}: missing", f"{name_of(damaged)}: damaged"])
    assert results["uses of files"]["problems"] == [f"{name_of(small)}: 7 uses recorded, 1 rows name it"]
    assert results["vector stores"]["problems"] == [f"{store.id}: completed 5 instead of 1"]
    assert results["balances"]["problems"] == ["proj_of_nobody: balance 12, ledger 0 credits"]
    assert results["files without a row"]["count"] == 2
    assert results["unfinished files"]["count"] == 1

    results = check(server, "--repair", code=1)
    assert results["files without a row"]["text"].endswith("; 1 deleted")
    assert [path.exists() for path in (old, young, unfinished, small)] == [False, True, False, True]
    assert server.client.files.content(files[0].id).read() == b"x" * 100
    printed = server.run("doctor", "--deep", code=1)
    assert f"broken   vector stores: have other counts than their files\n         {store.id}: " in printed


def test_a_damaged_database_is_reported_and_not_served(new_server):
    server = new_server().start()
    for number in range(50):
        server.client.beta.threads.create(metadata={"number": str(number)})
    server.stop()
    path = server.data / "understudy.sqlite3"
    pages = bytearray(path.read_bytes())
    middle = len(pages) // 8192 * 4096
    pages[middle : middle + 8192] = os.urandom(8192)
    path.write_bytes(pages)
    (problem,) = [result for result in check(server, code=1).values() if result["subject"] in {"database", "check"}][:1]
    assert problem["state"] == "broken"


def test_repair_needs_deep(new_server):
    assert "--repair needs --deep" in new_server().failure("doctor", "--repair", code=2)
