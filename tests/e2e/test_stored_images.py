"""Images of responses in the blob store: read, copied, deleted, counted, exported, and found after a crash."""

import base64
import itertools
import json

import pytest

from e2e.assistants_client import on_both
from e2e.test_image_generation import CHANGE, DRAW, TOOL, image_requests, tool_output
from e2e.test_imports import Project
from e2e.test_relayed import PNG
from e2e.test_responses import respond, types
from serving import Server
from upstream import Gate, reply, text
from waiting import eventually

WITH_MODEL = {**TOOL, "model": "gpt-4o"}
_numbers = itertools.count()


def new_picture(size: int = 400_000) -> bytes:
    """An image that no other test has."""
    return PNG + f"{next(_numbers)} ".encode() * size


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def draw(client, upstream, data, **options):
    image = {"created": 7, "data": [{"b64_json": encode(data)}], "output_format": "png"}
    upstream.answer(DRAW, reply(image), text("Here."))
    return respond(client, "Draw", tools=[WITH_MODEL], **options)


class Sizes:
    """How many bytes a project stores, as administrators see it."""

    def __init__(self, project: Project) -> None:
        self._server = project.server
        self._admin = self._server.create_admin_key()
        listed = self._administer("GET", "?limit=100")["data"]
        self._path = f"/{next(one['id'] for one in listed if one['name'] == project.name)}/limits"

    def read(self) -> int:
        return self._administer("GET", self._path)["usage"]["stored_bytes"]

    def limit(self, amount: int) -> None:
        self._administer("POST", self._path, {"stored_bytes": amount})

    def _administer(self, method, path, body=None):
        answered = self._server.ask(method, f"/v1/organization/projects{path}", body, key=self._admin)
        assert answered.status == 200, answered.body
        return answered.json


def results(items):
    return [one["result"] for one in items.to_dict()["data"] if one["type"] == "image_generation_call"]


@on_both
def test_an_image_is_bytes_in_the_store_and_base64_wherever_it_is_read(server, upstream):
    project = Project(server)
    client, sizes, data = project.client(), Sizes(project), new_picture()
    conversation = client.conversations.create()
    made = draw(client, upstream, data, conversation=conversation.id)
    image = made.output[0]
    assert image.result == encode(data)
    assert client.responses.retrieve(made.id).output[0].to_dict() == image.to_dict()
    assert results(client.conversations.items.list(conversation.id)) == [image.result]
    assert client.conversations.items.retrieve(image.id, conversation_id=conversation.id).result == image.result
    (listed,) = project.ask("GET", "/v1/responses").json["data"]
    assert listed["output"][0]["result"] == image.result
    assert sizes.read() == len(data)
    if files := [*server.data.rglob("understudy.sqlite3*")]:
        stored = b"".join(path.read_bytes() for path in files)
        assert made.id.encode() in stored
        assert image.result[:4000].encode() not in stored

    branched = project.ask("POST", f"/v1/conversations/{conversation.id}/branch", {"after": made.output[1].id}).json
    assert results(client.conversations.items.list(branched["id"])) == [image.result]
    assert sizes.read() == 2 * len(data)
    server.run("doctor", "--deep")  # which counts the uses of blobs
    client.conversations.items.delete(image.id, conversation_id=conversation.id)
    assert client.responses.retrieve(made.id).output[0].result == image.result
    assert sizes.read() == 2 * len(data)
    client.responses.delete(made.id)
    assert sizes.read() == len(data)
    assert results(client.conversations.items.list(branched["id"])) == [image.result]
    client.conversations.delete(branched["id"])
    eventually(lambda: sizes.read() == 0)


@on_both
def test_an_image_of_an_unstored_response_leaves_nothing(server, upstream):
    project = Project(server)
    client, sizes, data = project.client(), Sizes(project), new_picture()
    assert draw(client, upstream, data, store=False).output[0].result == encode(data)
    eventually(lambda: sizes.read() == 0)


@on_both
def test_a_stored_image_is_changed(server, upstream):
    client, data = Project(server).client(), new_picture()
    first = draw(client, upstream, data)
    image = {"created": 7, "data": [{"b64_json": encode(PNG)}]}
    upstream.answer(CHANGE, reply(image), text("Done."))
    respond(client, "Add a hat", tools=[WITH_MODEL], previous_response_id=first.id)
    fields = dict(image_requests(upstream)[-1].body["fields"])
    assert fields["image[]"] == ("image0.png", "image/png", data)


@on_both
def test_exported_images_are_imported(server, upstream):
    source = Project(server)
    client, data = source.client(), new_picture()
    conversation = client.conversations.create(metadata={"user": "ada"})
    made = draw(client, upstream, data, conversation=conversation.id)
    other = draw(client, upstream, new_picture(10), metadata={"user": "bob"})
    for selection, count in (({}, 2), ({"metadata": {"user": "ada"}}, 1)):
        done = source.ended("export", source.ask("POST", "/v1/exports", selection).json)
        target = Project(server)
        imported = target.import_(source.ask("GET", f"/v1/exports/{done['id']}/content").body)
        assert (imported["report"]["entries"], imported["report"]["imported"]["response"]) == ([], count)
        there = target.client()
        assert there.responses.retrieve(made.id).output[0].result == made.output[0].result
        assert results(there.conversations.items.list(conversation.id)) == [made.output[0].result]
        assert Sizes(target).read() >= len(data)
        again = target.ended("export", target.ask("POST", "/v1/exports").json)
        assert again["exported"] == done["exported"]
        if count == 2:
            assert there.responses.retrieve(other.id).output[0].result == other.output[0].result


@on_both
def test_an_imported_image_is_counted_in_its_project(server, upstream):
    source, target = Project(server), Project(server)
    data = new_picture()
    conversation = source.client().conversations.create()
    made = draw(source.client(), upstream, data, conversation=conversation.id)
    done = source.ended("export", source.ask("POST", "/v1/exports").json)
    content = source.ask("GET", f"/v1/exports/{done['id']}/content").body
    sizes = [Sizes(source), Sizes(target)]
    stored = sizes[0].read()
    # A second import replaces what the first one has stored.
    for _ in range(2):
        target.import_(content)
        assert [one.read() for one in sizes] == [stored, len(data)]
    source.client().responses.delete(made.id)
    source.client().conversations.delete(conversation.id)
    eventually(lambda: sizes[0].read() == stored - len(data))
    there = target.client()
    branched = target.ask("POST", f"/v1/conversations/{conversation.id}/branch", {"after": made.output[1].id}).json
    assert results(there.conversations.items.list(branched["id"])) == [encode(data)]
    assert sizes[1].read() == 2 * len(data)
    there.conversations.delete(branched["id"])
    there.responses.delete(made.id)
    eventually(lambda: sizes[1].read() == len(data))
    there.conversations.delete(conversation.id)
    eventually(lambda: [one.read() for one in sizes] == [stored - len(data), 0])
    server.run("doctor", "--deep")


@on_both
def test_no_image_is_made_where_no_more_bytes_may_be_stored(server, upstream):
    project = Project(server)
    client, sizes, data = project.client(), Sizes(project), new_picture(10)
    sizes.limit(len(data))
    assert draw(client, upstream, data).output[0].result == encode(data)
    upstream.answer(DRAW, text("Sorry."))
    made = respond(client, tools=[WITH_MODEL])
    assert (made.output[0].status, made.output[0].result) == ("failed", None)
    assert f"Limit {len(data)} bytes" in tool_output(upstream)
    assert len(image_requests(upstream)) == 1


def test_base64_of_another_form_stays_as_it_is(sqlite_server, upstream):
    client = Project(sqlite_server).client()
    odd = encode(PNG)[:8] + "\n" + encode(PNG)[8:]
    image = {"created": 7, "data": [{"b64_json": odd}]}
    upstream.answer(DRAW, reply(image), text("Here."))
    made = respond(client, "Draw", tools=[WITH_MODEL])
    assert made.output[0].result == odd
    assert client.responses.retrieve(made.id).output[0].result == odd


@pytest.mark.parametrize("background", [True, False])
def test_a_response_that_a_restart_resumes_ends_with_its_image(new_server, upstream, background):
    server: Server = new_server().start()
    data, gate = new_picture(1000), Gate()
    upstream.answer(DRAW, reply({"created": 7, "data": [{"b64_json": encode(data)}]}), text("Here", gate, "."))
    body = {"model": "gpt-4o", "input": "Draw", "tools": [WITH_MODEL], "stream": True, "background": background}
    with server.opened("POST", "/v1/responses", body) as response:
        for line in response:
            if line.startswith(b"event: response.output_text.delta"):
                break
            if line.startswith(b'data: {"type":"response.created"'):
                response_id = json.loads(line[6:])["response"]["id"]
        server.kill()
    gate.open()
    upstream.answer(text("Here again."))
    server.start()
    eventually(lambda: server.client.responses.retrieve(response_id).status == "completed")
    assert server.client.responses.retrieve(response_id).output[0].result == encode(data)
    if background:
        stream = list(server.client.responses.retrieve(response_id, stream=True))
        assert types(stream)[-1] == "response.completed"
        assert stream[-1].response.output[0].result == encode(data)
