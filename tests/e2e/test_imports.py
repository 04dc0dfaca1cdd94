"""Imports: ids and times stay, in each project by itself, and imported threads continue."""

import io
import itertools
import json
import zipfile
from typing import Any

import openai
import pytest

from e2e.assistants_client import on_both
from e2e.billing import new_key
from envelope import assert_error
from serving import Server
from upstream import text
from waiting import eventually

ENDED = {"completed", "failed", "cancelled"}
_numbers = itertools.count()


class Project:
    """A project of its own, with the ids of objects to import that no other test uses."""

    def __init__(self, server: Server) -> None:
        self.server = server
        name = f"imports{next(_numbers)}-{id(self)}"
        server.run("projects", "create", name)
        self.name = name
        self.unlisted: list[str] = []
        """Paths of objects that no list has."""
        self.repeated: list[tuple[str, Any]] = []
        """Paths and bodies of requests that have the same answer again."""
        self.key = new_key(server, "--project", name)["key"]

    def client(self) -> openai.OpenAI:
        return self.server.new_client(api_key=self.key)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        return self.server.ask(method, path, body, key=self.key)

    def upload(self, content: bytes, **fields: str) -> Any:
        """Starts an import, and returns it."""
        parts = [
            f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
        ]
        head = "".join(parts) + '--x\r\nContent-Disposition: form-data; name="file"; filename="in"\r\n\r\n'
        body = head.encode() + content + b"\r\n--x--\r\n"
        headers = {"content-type": "multipart/form-data; boundary=x"}
        return self.server.ask("POST", "/v1/imports", body, headers, key=self.key)

    def ended(self, kind: str, created: Any) -> Any:
        """The job once it has ended."""
        path = f"/v1/{kind}s/{created['id']}"
        return eventually(lambda: (found := self.ask("GET", path).json)["status"] in ENDED and found)

    def import_(self, content: bytes, **fields: str) -> Any:
        reply = self.upload(content, **fields)
        assert reply.status == 200, reply.body
        return self.ended("import", reply.json)

    def export(self, **body: Any) -> dict[str, bytes]:
        """The entries of an export, by name."""
        done = self.ended("export", self.ask("POST", "/v1/exports", body).json)
        assert done["status"] == "completed", done
        content = self.ask("GET", f"/v1/exports/{done['id']}/content").body
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            return {name: packed.read(name) for name in packed.namelist()}


def lines(*objects: Any) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in objects)


def message(number: int, value: str, **members: Any) -> dict[str, Any]:
    content = [{"type": "text", "text": {"value": value, "annotations": []}}]
    return {
        "id": f"msg_old{number}",
        "object": "thread.message",
        "created_at": 1_700_000_000,
        "thread_id": "thread_old",
        "role": "user",
        "content": content,
        **members,
    }


ASSISTANT = {
    "id": "asst_old",
    "object": "assistant",
    "created_at": 1_600_000_000,
    "name": "Old",
    "model": "gpt-4o",
    "tools": [],
}
THREAD = {"id": "thread_old", "object": "thread", "created_at": 1_650_000_000, "metadata": {"user": "ada"}}
SMALL = lines(message(1, "I am Ada."), THREAD, message(2, "I like tea.", role="assistant"), ASSISTANT)


@on_both
def test_an_import_keeps_ids_and_times_in_two_projects(server, upstream):
    first, second = Project(server), Project(server)
    for project in (first, second):
        done = project.import_(SMALL)
        assert (done["status"], done["report"]["imported"]) == (
            "completed",
            {"assistant": 1, "thread": 1, "message": 2},
        )
        assert done["report"]["skipped"] == {}
        client = project.client()
        thread = client.beta.threads.retrieve("thread_old")
        assert (thread.id, thread.created_at, thread.metadata) == ("thread_old", 1_650_000_000, {"user": "ada"})
        listed = client.beta.threads.messages.list("thread_old", order="asc")
        assert [one.id for one in listed.data] == ["msg_old1", "msg_old2"]
        assert listed.first_id == "msg_old1"
        after = client.beta.threads.messages.list("thread_old", order="asc", after="msg_old1").data
        assert [(one.id, one.thread_id) for one in after] == [("msg_old2", "thread_old")]
        assert client.beta.assistants.retrieve("asst_old").name == "Old"
    first.client().beta.threads.delete("thread_old")
    assert_error(first.ask("GET", "/v1/threads/thread_old"), 404, "No thread found with id 'thread_old'.")
    assert second.client().beta.threads.retrieve("thread_old").id == "thread_old"


@on_both
def test_imports_of_one_input_at_the_same_time_import_each_object_once(server):
    project = Project(server)
    created = [project.upload(SMALL).json for _ in range(3)]
    cancelled = project.ask("POST", f"/v1/imports/{created[1]['id']}/cancel").json
    done = [project.ended("import", one) for one in created]
    assert done[0]["report"]["imported"] == {"assistant": 1, "thread": 1, "message": 2}
    assert done[2]["report"]["imported"] == {}
    assert [one["status"] for one in (done[0], done[2])] == ["completed"] * 2
    assert done[1]["status"] in {"cancelled", "completed"}
    assert cancelled["status"] in {"cancelling", *ENDED}


@on_both
def test_an_imported_thread_continues_with_its_history(server, upstream):
    project = Project(server)
    project.import_(SMALL)
    upstream.answer(text("You are Ada."))
    client = project.client()
    client.beta.threads.messages.create("thread_old", role="user", content="Who am I?")
    run = client.beta.threads.runs.create_and_poll(thread_id="thread_old", assistant_id="asst_old")
    assert (run.status, run.thread_id, run.assistant_id) == ("completed", "thread_old", "asst_old")
    sent = [one["content"] for one in upstream.requests[-1].body["messages"]]
    assert sent[-3:] == ["I am Ada.", "I like tea.", "Who am I?"]
    newest = client.beta.threads.messages.list("thread_old", limit=1).data[0]
    assert (newest.content[0].text.value, newest.assistant_id) == ("You are Ada.", "asst_old")
    items = client.conversations.items.list("conv_old", order="asc").data
    assert [one.id for one in items][:2] == ["msg_old1", "msg_old2"]
    upstream.answer(text("Ada, again."))
    with client.beta.threads.runs.stream(thread_id="thread_old", assistant_id="asst_old") as stream:
        events = list(stream)
    assert {event.data.thread_id for event in events if event.event.startswith("thread.run.c")} == {"thread_old"}
    assert "@" not in json.dumps([event.model_dump() for event in events], default=str)
    runs = project.ask("GET", "/v1/runs?assistant_id=asst_old").json["data"]
    assert [one["assistant_id"] for one in runs] == ["asst_old"] * 2


def test_a_repeated_import_changes_nothing_unless_it_replaces(server):
    project = Project(server)
    project.import_(SMALL)
    again = project.import_(SMALL)
    assert (again["status"], again["report"]["imported"]) == ("completed", {})
    assert again["report"]["skipped"] == {"assistant": 1, "thread": 1, "message": 2}
    assert again["report"]["entries"][0]["reason"] == "The project has an object with this id."
    failed = project.import_(lines(ASSISTANT), on_conflict="fail")
    assert (failed["status"], failed["error"]["code"]) == ("failed", "conflict")
    assert "'asst_old'" in failed["error"]["message"]
    replaced = project.import_(lines({**ASSISTANT, "name": "New"}), on_conflict="replace")
    assert replaced["report"]["replaced"] == {"assistant": 1}
    assert project.client().beta.assistants.retrieve("asst_old").name == "New"


def test_a_dry_run_reports_and_stores_nothing(server):
    project = Project(server)
    done = project.import_(SMALL, dry_run="true")
    assert (done["status"], done["report"]["imported"]) == ("completed", {"assistant": 1, "thread": 1, "message": 2})
    assert project.ask("GET", "/v1/threads/thread_old").status == 404


def archive(**entries: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, content in entries.items():
            packed.writestr(name, content)
    return buffer.getvalue()


FILE = {
    "id": "file-old1",
    "object": "file",
    "created_at": 1_600_000_000,
    "filename": "food.txt",
    "purpose": "assistants",
    "bytes": 19,
}
STORE = {"id": "vs_old", "object": "vector_store", "created_at": 1_600_000_000, "name": "Food"}
STORED = {"id": "file-old1", "object": "vector_store.file", "created_at": 1_600_000_000, "vector_store_id": "vs_old"}


@on_both
def test_a_vector_store_is_rebuilt_from_the_bytes_that_came(server):
    project = Project(server)
    missing = {**FILE, "id": "file-old2", "filename": "gone.txt"}
    objects = lines(FILE, missing, STORE, STORED, {**STORED, "id": "file-old2"})
    done = project.import_(archive(**{"objects.jsonl": objects, "files/file-old1": b"Travis likes pizza."}))
    assert done["report"]["imported"] == {"file": 2, "vector_store": 1, "vector_store_file": 2}, done
    assert done["report"]["without_content"] == ["file-old2"]
    client = project.client()
    store = eventually(lambda: (found := client.vector_stores.retrieve("vs_old")).status == "completed" and found)
    assert (store.file_counts.completed, store.file_counts.failed) == (1, 1)
    found = client.vector_stores.search("vs_old", query="Who likes pizza?").data[0]
    assert (found.file_id, found.filename) == ("file-old1", "food.txt")
    assert client.files.content("file-old1").read() == b"Travis likes pizza."
    refused = project.ask("GET", "/v1/files/file-old2/content")
    assert (refused.status, refused.json["error"]["code"]) == (400, "file_without_content")
    # The bytes may come later.
    again = project.import_(archive(**{"objects.jsonl": lines(missing), "files/file-old2": b"Ann likes ice cream"}))
    assert again["report"]["replaced"] == {"file": 1}
    eventually(lambda: client.vector_stores.retrieve("vs_old").file_counts.completed == 2)


def test_what_a_thread_lacks_stops_no_run(server, upstream):
    project = Project(server)
    image = {"type": "image_file", "image_file": {"file_id": "file-old3"}}
    searching = {**ASSISTANT, "tools": [{"type": "file_search"}]}
    thread = {**THREAD, "tool_resources": {"file_search": {"vector_store_ids": ["vs_gone"]}}}
    run = {"id": "run_old", "object": "thread.run", "status": "in_progress", "thread_id": "thread_old", "model": "m"}
    seen = message(1, "", content=[image, {"type": "text", "text": {"value": "What is it?", "annotations": []}}])
    done = project.import_(
        lines(searching, thread, seen, {**FILE, "id": "file-old3"}, {**run, "assistant_id": "asst_gone"})
    )
    reasons = [one["reason"] for one in done["report"]["entries"]]
    assert reasons == ["Its tools name 'vs_gone', which is not here."]
    client = project.client()
    assert client.beta.threads.runs.retrieve("run_old", thread_id="thread_old").status == "expired"
    upstream.answer(text("A cat."))
    done = client.beta.threads.runs.create_and_poll(thread_id="thread_old", assistant_id="asst_old")
    assert done.status == "completed", done.last_error


def test_unknown_members_are_reported_and_exported_again(server):
    project = Project(server)
    annotation = {"type": "url_citation", "url_citation": {"url": "https://example.com"}}
    content = [{"type": "text", "text": {"value": "Hi", "annotations": [annotation], "lang": "en"}}]
    done = project.import_(lines({**THREAD, "project": "x"}, message(1, "", content=content)))
    assert done["report"]["unknown_members"] == {
        "thread.project": 1,
        "message.content[].text.lang": 1,
        "message.content[].text.annotations[]": 1,
    }
    exported = project.export()
    assert json.loads(exported["threads.jsonl"])["project"] == "x"


@pytest.fixture(scope="module")
def history(sqlite_server: Server) -> Project:
    """A project with every kind of object that an export has, made by runs with tools."""
    project = Project(sqlite_server)
    client = project.client()
    file = client.files.create(file=("food.txt", b"Travis likes pizza."), purpose="assistants")
    store = client.vector_stores.create(name="Food", metadata={"a": "b"})
    client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, attributes={"kind": "food", "n": 1})
    assistant = client.beta.assistants.create(
        model="rehearsal",
        name="Cook",
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    for user in ("ada", "bob"):
        thread = client.beta.threads.create(metadata={"user": user})
        attached = client.files.create(file=(f"{user}.txt", user.encode()), purpose="assistants")
        client.beta.threads.messages.create(
            thread.id,
            role="user",
            content="Who likes pizza?",
            attachments=[{"file_id": attached.id, "tools": [{"type": "file_search"}]}],
        )
        run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
        assert run.status == "completed"
    return project


PATHS = {
    "assistant": "/v1/assistants",
    "file": "/v1/files",
    "vector_store": "/v1/vector_stores",
    "thread": "/v1/threads",
    "run": "/v1/runs",
}


def contents(project: Project) -> dict[str, Any]:
    """Every object of the project, by its path, as the API has it."""
    found = {}
    pending = list(PATHS.values())
    while pending:
        path = pending.pop()
        for one in project.ask("GET", f"{path}?order=asc&limit=100").json["data"]:
            one.pop("usage_bytes", None)
            found[f"{path}/{one['id']}"] = one
            below = f"{path}/{one['id']}"
            if one["object"] == "thread":
                pending += [f"{below}/messages", f"{below}/runs"]
            if one["object"] == "thread.run":
                pending.append(f"/v1/threads/{one['thread_id']}/runs/{one['id']}/steps")
            if one["object"] == "vector_store":
                pending.append(f"{below}/files")
            if one["object"] == "file":
                found[f"{below}/content"] = project.ask("GET", f"{below}/content").body
    return found


@on_both
def test_an_export_round_trips_field_by_field(server, history):
    other = Project(server)
    client = history.client()
    eventually(lambda: all(store.status == "completed" for store in client.vector_stores.list().data))
    before = contents(history)
    reply = history.ended("export", history.ask("POST", "/v1/exports").json)
    archive = history.ask("GET", f"/v1/exports/{reply['id']}/content").body
    assert reply["bytes"] == len(archive)
    done = other.import_(archive)
    assert done["report"]["entries"] == []
    assert (done["report"]["imported"], done["report"]["skipped"]) == (reply["exported"], {})
    moved = other.client()
    eventually(lambda: all(store.status == "completed" for store in moved.vector_stores.list().data))
    assert contents(other) == before
    kinds = {one["object"] for one in before.values() if isinstance(one, dict)}
    assert kinds == {
        "assistant", "file", "vector_store", "vector_store.file", "thread", "thread.message", "thread.run", "thread.run.step"
    }  # fmt: skip


def test_what_belongs_to_one_user_is_exported_and_deleted(server, history):
    project = Project(server)
    everything = history.ended("export", history.ask("POST", "/v1/exports").json)
    project.import_(history.ask("GET", f"/v1/exports/{everything['id']}/content").body)
    entries = project.export(metadata={"user": "ada"})
    threads = [json.loads(line) for line in entries["threads.jsonl"].splitlines()]
    assert [one["metadata"] for one in threads] == [{"user": "ada"}]
    names = [json.loads(line)["filename"] for line in entries["files.jsonl"].splitlines()]
    assert names == ["ada.txt"]
    assert "assistants.jsonl" not in entries
    dry = {"metadata": {"user": "ada"}, "dry_run": True}
    counted = project.ended("deletion", project.ask("POST", "/v1/deletions", dry).json)
    deleted = project.ended("deletion", project.ask("POST", "/v1/deletions", {"metadata": {"user": "ada"}}).json)
    assert counted["deleted"] == deleted["deleted"]
    assert (deleted["status"], deleted["deleted"]) == ("completed", {"vector_store": 1, "file": 1, "thread": 1})
    client = project.client()
    assert [one["metadata"] for one in project.ask("GET", "/v1/threads").json["data"]] == [{"user": "bob"}]
    assert sorted(one.filename for one in client.files.list()) == ["bob.txt", "food.txt"]
    assert project.ask("POST", "/v1/deletions", {"metadata": {}}).status == 400


def test_a_job_that_has_ended_cannot_be_cancelled(server):
    project = Project(server)
    done = project.import_(SMALL)
    refused = project.ask("POST", f"/v1/imports/{done['id']}/cancel")
    assert (refused.status, refused.json["error"]["message"]) == (
        409,
        "Cannot cancel this import: its status is 'completed'.",
    )
    assert [one["id"] for one in project.ask("GET", "/v1/imports").json["data"]] == [done["id"]]
    assert project.ask("GET", "/v1/imports/import_x").status == 404
    assert Project(server).ask("GET", f"/v1/imports/{done['id']}").status == 404


@on_both
def test_a_file_that_is_replaced_without_bytes_keeps_those_it_has(server):
    project = Project(server)
    file = {"id": "file-kept", "object": "file", "filename": "tea.txt", "bytes": 4, "purpose": "assistants"}
    project.import_(archive(**{"files.jsonl": lines(file), "files/file-kept": b"Tea."}))
    done = project.import_(lines({**file, "bytes": 0, "filename": "new.txt"}), on_conflict="replace")
    assert (done["report"]["replaced"], done["report"]["files_without_content"]) == ({"file": 1}, 0)
    kept = project.ask("GET", "/v1/files/file-kept").json
    assert (kept["filename"], kept["bytes"]) == ("new.txt", 4)
    assert project.ask("GET", "/v1/files/file-kept/content").body == b"Tea."


def test_texts_in_the_form_of_requests_are_imported(server):
    project = Project(server)
    parts = [{"type": "text", "text": "In"}, {"type": "text", "text": {"value": "parts", "annotations": []}}]
    done = project.import_(lines(THREAD, message(1, "", content="Plain"), message(2, "", content=parts)))
    assert done["report"]["imported"] == {"thread": 1, "message": 2}
    listed = project.client().beta.threads.messages.list("thread_old", order="asc").data
    assert [[part.text.value for part in one.content] for one in listed] == [["Plain"], ["In", "parts"]]


def test_objects_with_values_of_wrong_types_are_reported_and_the_rest_is_imported(server):
    project = Project(server)
    done = project.import_(
        lines(
            {"id": "thread_list", "object": ["thread"]},
            {"id": "thread_number", "object": 7, "metadata": [1]},
            {"id": "asst_model", "object": "assistant", "model": {}},
            {"id": "vs_expiry", "object": "vector_store", "expires_after": 3},
            message(1, "x", content=[1, None, {"type": "text"}]),
            message(2, "x", role=["user"]),
            THREAD,
        )
    )
    assert (done["status"], done["error"]) == ("completed", None)
    assert project.ask("GET", "/v1/threads/thread_old").status == 200
    assert {one["id"] for one in done["report"]["entries"]} >= {"asst_model", "msg_old2"}


def test_input_that_is_nothing_known_fails_with_a_reason(server):
    done = Project(server).import_(b"\x00\x01 no format")
    assert done["status"] == "failed"
    assert done["error"]["message"]
