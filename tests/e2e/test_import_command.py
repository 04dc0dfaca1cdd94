"""`understudy import`, `export` and `delete`: on a data directory, and through a server."""

import json

from e2e.billing import new_key
from e2e.test_imports import FILE, STORE, STORED, THREAD, Project, lines, message
from serving import KEY
from waiting import eventually


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
    remote = ("--base-url", "http://127.0.0.1:9/v1", "--key", "sk-none")
    unreachable = server.failure("export", "--out", str(tmp_path / "x"), *remote, code=3)
    assert "Cannot reach a server at http://127.0.0.1:9: connection refused." in unreachable
    fetch = ("import", str(tmp_path / "in"), "--key", "sk-none", "--from")
    assert "http://127.0.0.1:9/v1 is unreachable" in server.failure(*fetch, "http://127.0.0.1:9/v1", code=3)
    assert "Invalid URL 'port'" in server.failure(*fetch, "port", code=2)


def test_a_command_on_stored_data_warns_where_clients_would_use_a_server(new_server, tmp_path):
    server = new_server()
    (tmp_path / "thread.jsonl").write_bytes(lines(THREAD))
    server.run("import", str(tmp_path / "thread.jsonl"))
    server.variables["UNDERSTUDY_BASE_URL"] = "http://127.0.0.1:9/v1"
    for command in (("delete", "--metadata", "user=ada", "--dry-run"), ("keys", "list")):
        warning = server.execute(*command).stderr
        assert f"UNDERSTUDY_BASE_URL is not used: this command works on the data in {server.data}." in warning
    assert "is not used" not in server.failure("keys", "list", "--base-url", "http://127.0.0.1:9/v1", code=3)


def test_a_running_server_is_fetched_into_another_one_which_has_the_same_objects(new_server, server, tmp_path):
    project = Project(server)
    client = project.client()
    file = client.files.create(file=("notes.txt", b"The code is 1234."), purpose="assistants")
    store = client.vector_stores.create(name="notes", metadata={"user": "ada"})
    client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, poll_interval_ms=20)
    assistant = client.beta.assistants.create(model="gpt-4o", name="Ada", instructions="Be brief.")
    ids = [client.beta.threads.create(messages=[{"role": "user", "content": f"Hi {n}"}]).id for n in range(3)]
    run = client.beta.threads.runs.create_and_poll(thread_id=ids[0], assistant_id=assistant.id, poll_interval_ms=20)
    target = new_server()
    (tmp_path / "ids").write_text("\n".join(["# mine", *ids, "thread_gone"]))
    fetch = ("import", str(tmp_path / "fetched"), "--from", server.url, "--thread-ids", str(tmp_path / "ids"))

    printed = target.run(*fetch, "--key", project.key)

    assert (
        "Imported: file 1, vector_store 1, vector_store_file 1, assistant 1, thread 3, message 4, run 1, step 1"
        in printed
    )
    assert "thread_gone" in printed
    target.start()
    paths = [
        f"/assistants/{assistant.id}",
        f"/files/{file.id}",
        *(f"/threads/{one}" for one in ids),
        *(f"/threads/{one}/messages?order=asc" for one in ids),
        f"/threads/{ids[0]}/runs/{run.id}",
        f"/threads/{ids[0]}/runs/{run.id}/steps",
    ]
    for path in paths:
        assert target.ask("GET", path).json == project.ask("GET", path).json, path
    assert target.client.files.content(file.id).read() == b"The code is 1234."
    found = eventually(lambda: target.client.vector_stores.search(store.id, query="code").data)
    assert found[0].filename == "notes.txt"
    remote = ("--base-url", target.url, "--key", KEY, "--json")
    again = json.loads(target.run(*fetch, "--from-key", project.key, *remote))
    assert again["report"]["imported"] == {}


def test_without_ids_the_export_of_another_server_is_fetched_with_everything(new_server, server, tmp_path):
    project = Project(server)
    client = project.client()
    response = client.responses.create(model="gpt-4o", input="Hi", metadata={"user": "ada"})
    upload = client.uploads.create(bytes=8, filename="two.txt", mime_type="text/plain", purpose="user_data")
    target = new_server()
    fetch = ("import", str(tmp_path / "fetched"), "--from", server.url.removesuffix("/v1"), "--key", project.key)

    printed = target.run(*fetch)

    assert "Imported: item 2, response 1, upload 1" in printed
    assert project.ask("GET", "/v1/exports").json["data"] == []
    archive = tmp_path / "fetched" / "export.zip"
    before = archive.stat().st_mtime_ns
    assert "4 of them: The project has an object with this id." in target.run(*fetch)
    assert (archive.stat().st_mtime_ns, list((tmp_path / "fetched").iterdir())) == (before, [archive])
    target.start()
    path = f"/v1/responses/{response.id}"
    assert target.ask("GET", path).json == project.ask("GET", path).json
    assert target.client.uploads.cancel(upload.id).status == "cancelled"


def test_a_key_that_may_not_export_fetches_object_by_object(new_server, server, tmp_path):
    project = Project(server)
    thread = project.client().beta.threads.create(messages=[{"role": "user", "content": "Hi"}])
    scopes = [part for name in ("threads", "assistants", "files") for part in ("--scope", f"api.{name}.read")]
    key = new_key(server, "--project", project.name, *scopes)["key"]
    target = new_server()
    fetch = ("import", str(tmp_path / "fetched"), "--from", server.url, "--key", key)
    assert "Imported: thread 1, message 1" in target.run(*fetch)
    assert (tmp_path / "fetched" / "threads" / f"{thread.id}.jsonl").exists()
