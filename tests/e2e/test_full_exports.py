"""An export of every kind of object, imported into projects of the same server and of another database."""

import base64
import json
from typing import Any

import pytest

from e2e.assistants_client import on_both
from e2e.test_imports import Project, lines
from media.films import picture
from serving import Server
from upstream import Upstream, reply
from waiting import eventually

CREATE_VIDEO = "/v2/generate/video/luma-ai/generation"
# A film of one picture that does not move is drawn the quickest.
STILL = "data:image/png;base64," + base64.b64encode(picture((20, 220, 30))).decode()
CHAT = {"model": "rehearsal", "messages": [{"role": "user", "content": "Who likes pizza?"}]}
ADA = {"user": "ada"}


@pytest.fixture(scope="module")
def source(sqlite_server: Server, session_upstream: Upstream) -> Project:
    """A project with every kind of object that rows have."""
    project = Project(sqlite_server)
    client = project.client()
    add_unlisted(project, session_upstream)
    batch_file = client.files.create(
        file=(
            "in.jsonl",
            json.dumps({"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": CHAT}).encode(),
        ),
        purpose="batch",
    )
    batches = [
        client.batches.create(
            input_file_id=batch_file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata=ADA
        ),
        project.ask(
            "POST", "/v1/messages/batches", {"requests": [{"custom_id": "b", "params": {**CHAT, "max_tokens": 9}}]}
        ).json,
    ]
    frames = {"frame0": {"type": "image", "url": STILL}}
    film = project.ask("POST", CREATE_VIDEO, {"prompt": "Static", "resolution": "540p", "keyframes": frames}).json
    seen = client.files.create(file=("ada.txt", b"Ada likes tea."), purpose="user_data")
    conversation = client.conversations.create(
        metadata={"topic": "tea"},
        items=[
            {"type": "message", "role": "user", "content": "I like tea."},
            {"type": "function_call", "call_id": "c1", "name": "brew", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "brewed"},
        ],
    )
    client.responses.create(model="rehearsal", input="What do I like?", conversation=conversation.id)
    content = [{"type": "input_file", "file_id": seen.id}, {"type": "input_text", "text": "Who is it?"}]
    first = client.responses.create(model="rehearsal", input=[{"role": "user", "content": content}], metadata=ADA)
    second = client.responses.create(model="rehearsal", input="And then?", previous_response_id=first.id)
    client.responses.create(model="rehearsal", input="Or else?", previous_response_id=first.id, metadata={"n": "3"})
    client.responses.create(model="rehearsal", input="At last?", previous_response_id=second.id)
    client.chat.completions.create(**CHAT, store=True, metadata=ADA)
    thread = client.beta.threads.create(metadata=ADA, messages=[{"role": "user", "content": "Hi"}] * 2)
    last = client.beta.threads.messages.list(thread.id).data[0].id
    project.ask("POST", f"/v1/threads/{thread.id}/branch", {"after": last})
    version = {"model": "rehearsal", "instructions": "Speak like {{who}}.", "metadata": ADA, "name": "Tone"}
    prompt = project.ask("POST", "/v1/prompts", version).json["id"]
    shorter = {"model": "rehearsal", "instructions": "Be brief.", "make_default": False}
    assert project.ask("POST", f"/v1/prompts/{prompt}/versions", shorter).status == 200
    eventually(lambda: client.batches.retrieve(batches[0].id).status == "completed")
    message_batch = f"/v1/messages/batches/{batches[1]['id']}"
    eventually(lambda: project.ask("GET", message_batch).json["processing_status"] == "ended")
    path = f"{CREATE_VIDEO}?generation_id={film['id']}&state=completed"
    eventually(lambda: project.ask("GET", path).json["state"] == "completed", within=90)
    return project


def add_unlisted(project: Project, upstream: Upstream) -> None:
    """Objects that no list has, and a webhook endpoint."""
    client = project.client()
    upload = client.uploads.create(bytes=5, filename="parts.txt", mime_type="text/plain", purpose="user_data")
    parts = [client.uploads.parts.create(upload.id, data=data).id for data in (b"He", b"llo")]
    file_id = client.uploads.complete(upload.id, part_ids=parts).file.id
    cancelled = client.uploads.create(bytes=9, filename="no.txt", mime_type="text/plain", purpose="user_data")
    client.uploads.cancel(cancelled.id)
    store = client.vector_stores.create(name="Parts")
    batch = client.vector_stores.file_batches.create(store.id, file_ids=[file_id])
    batch_path = f"/v1/vector_stores/{store.id}/file_batches/{batch.id}"
    wait_for_index(project, batch_path)
    endpoint = {"name": "Mine", "url": "https://example.com/none", "event_types": ["batch.failed"]}
    assert project.ask("POST", "/v1/webhook_endpoints", endpoint).status == 200
    upstream.answer(reply({"text": "Hello there", "duration": 1.5}))
    form = (
        b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\ngpt-4o\r\n'
        b'--x\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\nRIFF\r\n--x--\r\n'
    )
    headers = {"content-type": "multipart/form-data; boundary=x"}
    task = project.server.ask("POST", "/v1/stt/create", form, headers, key=project.key).json["generation_id"]
    eventually(lambda: project.ask("GET", f"/v1/stt/{task}").json["status"] == "completed")
    project.unlisted = [f"/v1/stt/{task}", batch_path, f"{batch_path}/files", "/v1/webhook_endpoints"]
    # Completing it again, or cancelling it, has the same answer.
    project.repeated = [(f"/v1/uploads/{upload.id}/complete", {"part_ids": parts})]
    project.repeated += [(f"/v1/uploads/{cancelled.id}/cancel", None)]


LISTS = {
    "/v1/files?order=asc": ["/v1/files/{id}/content"],
    "/v1/threads?order=asc": [
        "/v1/threads/{id}/messages?order=asc",
        "/v1/conversations/{conversation}/items?order=asc",
    ],
    "/v1/responses?order=asc": ["/v1/responses/{id}", "/v1/responses/{id}/input_items?order=asc"],
    "/v1/chat/completions?order=asc": ["/v1/chat/completions/{id}", "/v1/chat/completions/{id}/messages"],
    "/v1/prompts?order=asc": ["/v1/prompts/{id}", "/v1/prompts/{id}/versions", "/v1/prompts/{id}/versions/2"],
    "/v1/batches": ["/v1/batches/{id}"],
    "/v1/messages/batches": [
        "/v1/messages/batches/{id}",
        "/v1/messages/batches/{id}/results",
        "/v1/messages/batches?after_id={id}",
        "/v1/messages/batches?before_id={id}",
    ],
    "/luma-ai/generations": ["/luma-ai/generation?ids={id}"],
}


def contents(project: Project, source: Project | None = None) -> dict[str, Any]:
    """Every object of the project, by its path, as the API has it; a video with its bytes instead of its address.

    Also what no list has, under the paths of `source`.
    """
    found: dict[str, Any] = {}
    for path in (source or project).unlisted:
        reply = project.ask("GET", path)
        assert reply.status == 200, (path, reply.body)
        found[path] = reply.json
    for path, body in (source or project).repeated:
        reply = project.ask("POST", path, body)
        assert reply.status == 200, (path, reply.body)
        found[path] = reply.json
    for path, below in LISTS.items():
        listed = project.ask("GET", path)
        assert listed.status == 200, (path, listed.body)
        found[path] = listed.json
        for one in _objects(listed.json):
            conversation = one["id"].replace("thread_", "conv_")
            for detail in below:
                url = detail.format(id=one["id"], conversation=conversation)
                reply = project.ask("GET", url)
                assert reply.status == 200, (url, reply.body)
                found[url] = reply.body if "content" in url or "results" in url else reply.json
    for listed in found.values():
        # These have the address of the server.
        for one in _objects(listed):
            one.pop("results_url", None)
            # An endpoint has a new secret.
            one.pop("signing_secret_hint", None)
        for film in [one for one in _objects(listed) if "video_url" in one]:
            urls = [film.pop("video_url"), *film.pop("video").values(), *film.pop("assets").values()]
            film["files"] = [fetch(project, url) for url in urls if isinstance(url, str)]
    return found


def fetch(project: Project, url: str) -> bytes:
    """By its address, without a key."""
    reply = project.server.ask("GET", url.removeprefix(project.server.url.removesuffix("/v1")), key=None)
    assert reply.status == 200, (url, reply.body)
    body: bytes = reply.body
    return body


def _objects(listed: Any) -> list[Any]:
    if isinstance(listed, dict):
        return listed.get("data", [listed])
    return listed if isinstance(listed, list) else []


def wait_for_index(project: Project, batch_path: str) -> None:
    eventually(lambda: project.ask("GET", batch_path).json["status"] == "completed")


def exported(project: Project) -> tuple[Any, bytes]:
    done = project.ended("export", project.ask("POST", "/v1/exports").json)
    return done, project.ask("GET", f"/v1/exports/{done['id']}/content").body


@on_both
def test_every_kind_of_object_round_trips(server, source):
    before = contents(source)
    done, packed = exported(source)
    assert done["exported"] == {
        "file": 4, "prompt": 1, "thread": 3, "message": 7, "item": 10, "response": 5, "chat_completion": 1, "batch": 2, "video": 1,
        "vector_store": 1, "vector_store_file": 1, "file_batch": 1, "upload": 2, "webhook_endpoint": 1, "transcription": 1,
    }  # fmt: skip
    for target in (Project(server), Project(server)):
        imported = target.import_(packed)
        (remark,) = imported["report"]["entries"]
        assert (remark["kind"], remark["reason"]) == ("webhook_endpoint", "It has a new secret: rotate it to get one.")
        assert imported["report"]["imported"] == done["exported"]
        wait_for_index(target, source.unlisted[1])
        after = contents(target, source)
        assert list(after) == list(before)
        for path, objects in after.items():
            assert objects == before[path], path
        assert target.import_(packed)["report"]["imported"] == {}
        again = exported(target)
        assert again[0]["exported"] == done["exported"]


@on_both
def test_imported_responses_and_conversations_continue(server, source):
    target = Project(server)
    target.import_(exported(source)[1])
    client = target.client()
    newest = target.ask("GET", "/v1/responses?limit=1").json["data"][0]["id"]
    response = client.responses.create(model="rehearsal", input="More?", previous_response_id=newest)
    items = client.responses.input_items.list(response.id, order="asc").data
    asked = [one.content[-1].text for one in items if getattr(one, "role", "") == "user"]
    assert asked == ["Who is it?", "And then?", "At last?", "More?"]
    conversation = next(
        one["id"].replace("thread_", "conv_")
        for one in target.ask("GET", "/v1/threads").json["data"]
        if one["metadata"] == {"topic": "tea"}
    )
    before = [one.id for one in client.conversations.items.list(conversation, order="asc")]
    client.responses.create(model="rehearsal", input="Still?", conversation=conversation)
    after = [one.id for one in client.conversations.items.list(conversation, order="asc")]
    assert (after[: len(before)], len(after)) == (before, len(before) + 2)
    branch = next(one for one in target.ask("GET", "/v1/threads").json["data"] if "branched_from" in one)
    listed = target.ask("GET", f"/v1/threads?branched_from={branch['branched_from']['thread_id']}").json["data"]
    assert [one["id"] for one in listed] == [branch["id"]]
    (prompt,) = target.ask("GET", "/v1/prompts").json["data"]
    reference = {"id": prompt["id"], "variables": {"who": "a pirate"}}
    answered = target.ask("POST", "/v1/responses", {"prompt": reference, "input": "Hi"}).json
    assert (answered["status"], answered["prompt"]["id"]) == ("completed", prompt["id"])
    first = target.ask("GET", "/v1/responses?order=asc&limit=1").json["data"][0]["id"]
    client.responses.delete(first)
    assert target.ask("GET", f"/v1/responses/{first}").status == 404
    video = target.ask("GET", "/luma-ai/generations").json[0]["id"]
    assert target.ask("DELETE", f"/luma-ai/generations/{video}").json["deleted"]
    assert source.ask("GET", f"/luma-ai/generation?ids={video}").status == 200


def test_what_bears_the_metadata_of_one_user_is_exported_and_deleted(server, source):
    target = Project(server)
    target.import_(exported(source)[1])
    entries = target.export(metadata=ADA)
    counts = {
        name.removesuffix(".jsonl"): len(packed.splitlines()) for name, packed in entries.items() if "/" not in name
    }
    del counts["manifest.json"]
    assert counts == {
        "files": 3, "prompts": 1, "threads": 2, "messages": 10, "responses": 1, "chat_completions": 1, "batches": 1
    }  # fmt: skip
    counted = target.ended("deletion", target.ask("POST", "/v1/deletions", {"metadata": ADA, "dry_run": True}).json)
    assert target.export(metadata=ADA).keys() == entries.keys()
    done = target.ended("deletion", target.ask("POST", "/v1/deletions", {"metadata": ADA}).json)
    assert (counted["dry_run"], done["dry_run"], counted["deleted"]) == (True, False, done["deleted"])
    assert done["deleted"] == {"file": 3, "thread": 2, "prompt": 1, "response": 1, "chat_completion": 1, "batch": 1}
    left = json.dumps([one for one in contents(target, source).values() if not isinstance(one, bytes)], default=str)
    assert '"user": "ada"' not in left
    assert len(target.ask("GET", "/v1/responses").json["data"]) == 4


def test_an_export_has_no_keys_secrets_or_ledger(server, source):
    everything = b"".join(source.export().values())
    assert source.key.encode() not in everything
    for word in (b'"key_id"', b'"token"', b'"secret"', b"sk-understudy", b'"project_id"', b"understudy_unknown"):
        assert word not in everything, word


def test_malformed_rows_are_reported_and_the_rest_is_imported(server):
    body = {"id": "resp_x", "object": "response"}
    rows = [
        {"object": "understudy.response", "id": "resp_x", "thread_id": "resp_x", "row": {"body": body}},
        {"object": "understudy.item", "id": "fc_x", "thread_id": "thread_gone", "row": {"kind": "message", "body": {}}},
        {"object": "understudy.batch", "id": "batch_x", "row": {"status": "in_progress"}},
        {"object": "understudy.video", "id": "../x", "row": {}},
        {"object": "understudy.chat_completion", "id": "chatcmpl-x"},
        {"object": "thread", "id": "thread_here", "created_at": 1},
    ]
    done = Project(server).import_(lines(*rows))
    assert (done["status"], done["report"]["imported"]) == ("completed", {"thread": 2})
    assert [one["id"] for one in done["report"]["entries"]] == ["line 4", "fc_x", "resp_x", "chatcmpl-x", "batch_x"]


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("understudy.item", {"run_id": {"a": 1}}),
        ("understudy.item", {"row": {"role": "user\0"}}),
        ("understudy.batch", {"row": {"counts": [10**30] * 7}}),
        ("understudy.response", {"previous_id": ["resp_x"]}),
        ("understudy.response", {"row": {"body": {"status": "strange"}}}),
        ("understudy.upload", {"row": {"body": {"bytes": 10**30}}}),
        ("understudy.upload", {"row": {"expires_at": -1}}),
        ("understudy.upload", {"file_id": None}),
        ("understudy.transcription", {"row": {"body": {"result": []}}}),
        ("understudy.transcription", {"row": {"body": {"credits": 10**30}}}),
        ("understudy.webhook_endpoint", {"row": {"body": {"url": "file:///etc/passwd"}}}),
        ("understudy.webhook_endpoint", {"row": {"body": {"event_types": ["all"]}}}),
        ("understudy.webhook_endpoint", {"row": {"body": {"name": "a\0"}}}),
        ("understudy.video", {"row": {"upstream_id": "a\0"}}),
        ("understudy.prompt", {"row": {"body": {"name": "a\0"}}}),
        ("understudy.prompt", {"row": {"body": {"default_version": "9"}}}),
        ("understudy.prompt", {"row": {"versions": []}}),
    ],
)
def test_a_row_that_no_database_could_store_is_reported(server, source, kind, change):
    rows = (json.loads(row) for file in source.export().values() for row in file.splitlines() if row[:1] == b"{")
    row = next(row for row in rows if row.get("object") == kind)
    done = Project(server).import_(lines(_change(row, change)))
    assert (done["status"], done["report"]["imported"].keys() <= {"thread"}) == ("completed", True)
    assert "Malformed" in done["report"]["entries"][0]["reason"]


def _change(row: Any, change: Any) -> Any:
    changed = {
        name: _change(row[name], one) if isinstance(one, dict) and name != "run_id" else one
        for name, one in change.items()
    }
    return {**row, **changed}
