"""`understudy import`, `export` and `delete`: on a data directory, and through a server."""

import json

from e2e.test_imports import FILE, STORE, STORED, THREAD, lines, message
from serving import KEY


def test_a_directory_is_imported_and_exported_without_and_with_a_server(new_server, tmp_path):
    source, bytes_ = tmp_path / "in", tmp_path / "bytes"
    (source / "threads").mkdir(parents=True)
    bytes_.mkdir()
    (source / "threads" / "all.jsonl").write_bytes(lines(THREAD, message(1, "Hello.")))
    (source / "stores.json").write_text(json.dumps([FILE, STORE, STORED]))
    (bytes_ / "food.txt").write_bytes(b"Travis likes pizza.")
    server = new_server()
    printed = server.run("import", str(source), "--files", str(bytes_))
    assert "Imported: file 1, vector_store 1, vector_store_file 1, thread 1, message 1" in printed
    server.start()
    assert "Another server" in server.failure("import", str(source))
    remote = ("--base-url", server.url, "--key", KEY)
    assert server.client.beta.threads.messages.list("thread_old").data[0].id == "msg_old1"
    assert server.client.files.content("file-old1").read() == b"Travis likes pizza."
    out = tmp_path / "out"
    assert "Exported: file 1" in server.run("export", "--out", str(out), *remote)
    assert (out / "files" / "file-old1").read_bytes() == b"Travis likes pizza."
    again = json.loads(server.run("import", str(out), "--json", *remote))
    assert again["report"]["skipped"] == {
        "file": 1, "vector_store": 1, "vector_store_file": 1, "thread": 1, "message": 1
    }  # fmt: skip
    assert server.run("delete", "--metadata", "user=ada", "--yes", *remote) == "Deleted: thread 1\n"
    assert server.ask("GET", "/v1/threads/thread_old").status == 404


def test_wrong_usage_is_explained(new_server, tmp_path):
    server = new_server()
    assert "KEY=VALUE" in server.failure("export", "--out", str(tmp_path / "x"), "--metadata", "a", code=2)
