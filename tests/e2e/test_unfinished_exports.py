"""An export of a project whose jobs had not ended: imported, they have ended, with all that was done and nothing more."""

import asyncio
import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import openai
import pytest

from e2e.assistants_client import on_both
from e2e.batching import chat_line
from e2e.test_imports import Project
from envelope import assert_error
from serving import Server
from understudy.app import open_offline
from understudy.clock import SystemClock
from understudy.importing.reading import spool_input
from understudy.settings import Settings
from understudy.store.container_uploads import ContainerUpload
from understudy.wire.containers import ContainerExpiresAfter, ContainerResource
from upstream import HANG, Upstream, stalled, text
from waiting import eventually

ADA = {"user": "ada"}
UNFINISHED = "It had not ended when its project was exported."
SLOW = "slow"
UPLOADED = "0" * 32 + "-mine.txt"


class Interrupted(Project):
    """A project of a server that was killed with every kind of job in progress, and its export."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.ids: dict[str, Any] = {}
        self.before: dict[str, Any] = {}
        self.archive = b""
        self.of_ada = Path()

    def begin(self) -> None:
        client = self.client()
        rows = [chat_line("quick", "Quick"), chat_line("slow", SLOW), chat_line("later", SLOW)]
        packed = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        file = client.files.create(file=("in.jsonl", packed), purpose="batch")
        batch = client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata=ADA
        )
        requests = [
            {"custom_id": name, "params": {"model": "gpt-4o", "max_tokens": 9, "messages": row["body"]["messages"]}}
            for name, row in (("first", rows[0]), ("second", rows[1]))
        ]
        messages = self.ask("POST", "/v1/messages/batches", {"requests": requests}).json["id"]
        conversation = client.conversations.create(metadata=ADA).id
        response = client.responses.create(
            model="gpt-4o", input=SLOW, background=True, conversation=conversation, metadata=ADA
        )
        film = {"prompt": "A lighthouse", "resolution": "1080p", "duration": "9s"}
        video = self.ask("POST", "/v2/generate/video/luma-ai/generation", film).json["id"]
        upload = client.uploads.create(bytes=8, filename="two.txt", mime_type="text/plain", purpose="user_data")
        part = client.uploads.parts.create(upload.id, data=b"half").id
        task = self._transcribe()
        counts = lambda: client.batches.retrieve(batch.id).request_counts  # noqa: E731
        eventually(lambda: counts().completed == 1)
        # Counts of message batches change when they end.
        eventually(lambda: self._count_done() == 2)
        eventually(lambda: client.responses.retrieve(response.id).status == "in_progress")
        self.ids = {
            "file": file.id, "batch": batch.id, "messages": messages, "response": response.id, "conversation": conversation,
            "video": video, "upload": upload.id, "part": part, "task": task,
        }  # fmt: skip
        for name, url in (("batch", f"/v1/batches/{batch.id}"), ("response", f"/v1/responses/{response.id}")):
            self.before[name] = self.ask("GET", url).json
        assert self.ask("GET", f"/luma-ai/generation?ids={video}").json[0]["state"] != "completed"

    def _count_done(self) -> int:
        with contextlib.closing(sqlite3.connect(self.server.data / "understudy.sqlite3")) as database:
            done = database.execute("SELECT count(*) FROM batch_lines WHERE status_code = 200").fetchone()[0]
        return int(done)

    def _transcribe(self) -> str:
        form = (
            b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\ngpt-4o\r\n'
            b'--x\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\nRIFF\r\n--x--\r\n'
        )
        headers = {"content-type": "multipart/form-data; boundary=x"}
        task: str = self.server.ask("POST", "/v1/stt/create", form, headers, key=self.key).json["generation_id"]
        return task

    def interrupt(self, directory: Any) -> None:
        """Kills the server, adds a container, as this machine may have no sandbox, and exports."""
        self.server.kill()
        asyncio.run(self._add_container())
        self.server.run("export", "--out", str(directory / "all.zip"), "--project", self.name)
        self.archive = (directory / "all.zip").read_bytes()
        self.of_ada = directory / "ada.zip"
        self.server.run("export", "--out", str(self.of_ada), "--project", self.name, "--metadata", "user=ada")

    async def _add_container(self) -> None:
        async with open_offline(Settings(data=self.server.data)) as parts:
            store = parts.store
            project = next(one for one in await store.projects.list() if one.name == self.name)
            now = int(SystemClock().now())
            container = ContainerResource(
                id="cntr_" + "0" * 48,
                created_at=now,
                expires_after=ContainerExpiresAfter(minutes=20),
                last_active_at=now,
                name="mine",
            )
            thread_id = self.ids["conversation"].replace("conv_", "thread_")
            await store.containers.find_or_create_for_thread(project.id, thread_id, container)
            await store.containers.add_file(container.id, self.ids["file"])
            async with parts.files.open_draft() as draft:
                await draft.write(b"uploaded")
                blob = await draft.commit()
                upload = ContainerUpload(UPLOADED, blob.name, blob.size)
                await store.containers.add_upload(project.id, container.id, upload, [UPLOADED])
            self.ids["container"] = container.id


def answer(request: Any) -> Any:
    return stalled(HANG) if SLOW in json.dumps(request.body, default=str) or "audio" in request.path else text("Quick")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    directory = tmp_path_factory.mktemp("unfinished")
    with Upstream() as upstream:
        upstream.always(answer)
        server = Server(directory, upstream.url, video__concurrent=1).start()
        try:
            project = Interrupted(server)
            project.begin()
            # Five lines of batches, the response and the transcription.
            eventually(lambda: len(upstream.requests) == 7)
            project.interrupt(directory)
            # A command on the data directory does not continue what is in progress.
            assert len(upstream.requests) == 7
        finally:
            server.kill()
    return project


@on_both
def test_unfinished_jobs_end_at_an_import_and_no_provider_is_called(server, source, upstream):
    target, ids = Project(server), source.ids
    calls = len(upstream.requests)
    done = target.import_(source.archive)
    assert (done["status"], done["report"]["entries"]) == ("completed", [])
    client = target.client()

    batch = target.ask("GET", f"/v1/batches/{ids['batch']}").json
    ended = {"status": "cancelled", **{name: batch[name] for name in ("cancelling_at", "cancelled_at")}}
    files = {name: batch[name] for name in ("output_file_id", "error_file_id")}
    assert batch == {**source.before["batch"], **ended, **files}
    assert batch["request_counts"] == {"total": 3, "completed": 1, "failed": 0}
    (good,) = client.files.content(batch["output_file_id"]).read().splitlines()
    assert (json.loads(good)["custom_id"], json.loads(good)["response"]["status_code"]) == ("quick", 200)
    left = [json.loads(line) for line in client.files.content(batch["error_file_id"]).read().splitlines()]
    assert [(one["custom_id"], one["error"]["code"]) for one in left] == [
        ("slow", "batch_cancelled"),
        ("later", "batch_cancelled"),
    ]
    messages = target.ask("GET", f"/v1/messages/batches/{ids['messages']}").json
    assert messages["processing_status"] == "ended"
    assert messages["request_counts"] == {"processing": 0, "succeeded": 1, "errored": 0, "canceled": 1, "expired": 0}
    results = target.ask("GET", f"/v1/messages/batches/{ids['messages']}/results").body.splitlines()
    assert [json.loads(one)["result"]["type"] for one in results] == ["succeeded", "canceled"]

    response = target.ask("GET", f"/v1/responses/{ids['response']}").json
    error = {"code": "server_error", "message": UNFINISHED}
    assert response == {**source.before["response"], "status": "failed", "error": error}
    (item,) = target.ask("GET", f"/v1/responses/{ids['response']}/input_items").json["data"]
    assert item["content"][0]["text"] == SLOW
    video = target.ask("GET", f"/luma-ai/generation?ids={ids['video']}").json[0]
    assert (video["state"], video["failure_reason"]) == ("failed", UNFINISHED)
    task = target.ask("GET", f"/v1/stt/{ids['task']}").json
    assert (task["status"], task["message"]) == ("error", UNFINISHED)
    container = target.ask("GET", f"/v1/containers/{ids['container']}").json
    assert (container["id"], container["name"], container["object"]) == (ids["container"], "mine", "container")
    assert [one["id"] for one in target.ask("GET", "/v1/containers").json["data"]] == [ids["container"]]
    assert len(upstream.requests) == calls
    again = target.export()
    assert json.loads(again["containers.jsonl"])["row"]["uploads"] == [UPLOADED]
    assert again[f"contents/{ids['container']}.0.upload"] == b"uploaded"


@on_both
def test_what_was_in_progress_continues_after_an_import(server, source, upstream):
    target, ids = Project(server), source.ids
    target.import_(source.archive)
    client = target.client()
    upstream.answer(text("Here."))
    client.responses.create(model="gpt-4o", input="Still there?", conversation=ids["conversation"])
    upstream.answer(text("And here."))
    client.responses.create(model="gpt-4o", input="Go on", previous_response_id=ids["response"])
    second = client.uploads.parts.create(ids["upload"], data=b"more").id
    for _ in range(2):
        upload = client.uploads.complete(ids["upload"], part_ids=[ids["part"], second])
        assert upload.status == "completed"
    assert client.files.content(upload.file.id).read() == b"halfmore"
    with pytest.raises(openai.BadRequestError, match="is completed"):
        client.uploads.complete(ids["upload"], part_ids=[second])
    assert_error(
        target.ask("POST", f"/v1/batches/{ids['batch']}/cancel"), 409, "Cannot cancel a batch with status 'cancelled'."
    )
    again = target.import_(source.archive)
    assert (again["report"]["imported"], again["report"]["replaced"]) == ({}, {})


def test_jobs_and_containers_of_one_user_are_exported_and_deleted_while_they_run(tmp_path):
    with Upstream() as upstream:
        upstream.always(answer)
        server = Server(tmp_path, upstream.url, video__concurrent=1).start()
        try:
            project = Interrupted(server)
            project.begin()
            entries = project.export(metadata=ADA)
            assert {name for name in entries if name.startswith(("batches", "responses", "contents"))} == {
                "batches.jsonl", "responses.jsonl", f"contents/{project.ids['batch']}.lines"
            }  # fmt: skip
            counted = project.ended(
                "deletion", project.ask("POST", "/v1/deletions", {"metadata": ADA, "dry_run": True}).json
            )
            done = project.ended("deletion", project.ask("POST", "/v1/deletions", {"metadata": ADA}).json)
            assert (done["status"], done["deleted"]) == ("completed", counted["deleted"])
            assert done["deleted"] == {"file": 1, "thread": 1, "response": 1, "batch": 1}
            for path in (f"/v1/batches/{project.ids['batch']}", f"/v1/responses/{project.ids['response']}"):
                assert project.ask("GET", path).status == 404
            # The others are as they were.
            messages = project.ask("GET", f"/v1/messages/batches/{project.ids['messages']}").json
            assert messages["processing_status"] == "in_progress"
            assert project.client().uploads.cancel(project.ids["upload"]).status == "cancelled"
        finally:
            server.kill()


def test_an_export_of_one_user_has_the_containers_of_their_threads(source, tmp_path):
    spool = spool_input(source.of_ada, tmp_path)
    kinds = ("batch", "response", "container", "thread", "upload", "video", "transcription", "webhook_endpoint")
    assert [spool.count(kind) for kind in kinds] == [1, 1, 1, 1, 0, 0, 0, 0]
    spool.close()
