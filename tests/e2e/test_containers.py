"""Containers through the official client: made, filled, read and ended, with real sandboxes behind them."""

import contextlib
import secrets

import openai
import pytest

from e2e.assistants_client import new_thread, run_of
from envelope import assert_error
from sandbox.machine import interpreter, require_sandbox
from serving import Server, serve
from upstream import call, calls, text

CODE = {"type": "code_interpreter"}


@pytest.fixture(scope="module")
def sandboxed(session_upstream, tmp_path_factory):
    require_sandbox()
    directory = tmp_path_factory.mktemp("containers")
    yield from serve(Server(directory, session_upstream.url, sandbox__python=interpreter(), sandbox__disk_mb=8))


@pytest.fixture
def client(sandboxed):
    return sandboxed.client


@pytest.fixture
def container(client):
    made = client.containers.create(name="mine")
    yield made
    with contextlib.suppress(openai.NotFoundError):
        client.containers.delete(made.id)


def put(client, content=b"hello", name="a.txt"):
    return client.files.create(file=(name, content), purpose="user_data")


def read(client, container, file):
    return client.containers.files.content.retrieve(file.id, container_id=container.id).read()


@pytest.mark.proves("containers.files")
def test_a_container_is_made_filled_read_and_deleted(client):
    file = put(client)
    made = client.containers.create(name="mine", file_ids=[file.id])
    assert (made.status, made.expires_after.minutes, made.name) == ("running", 20, "mine")
    found = client.containers.retrieve(made.id)
    assert {**found.to_dict(), "last_active_at": 0} == {**made.to_dict(), "last_active_at": 0}
    assert made.id in [one.id for one in client.containers.list(extra_query={"name": "mine"})]
    (inside,) = client.containers.files.list(made.id)
    assert (inside.path, inside.bytes, inside.source) == (f"/mnt/data/{file.id}-a.txt", 5, "user")
    assert read(client, made, inside) == b"hello"
    added = client.containers.files.create(made.id, file_id=put(client, b"more", "b.txt").id)
    assert client.containers.files.retrieve(added.id, container_id=made.id).to_dict() == added.to_dict()
    client.containers.files.delete(inside.id, container_id=made.id)
    assert [one.id for one in client.containers.files.list(made.id)] == [added.id]
    client.containers.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.containers.retrieve(made.id)


@pytest.mark.proves("containers.uploads")
def test_bytes_are_put_there_without_becoming_a_file_of_the_project(client, container):
    data = bytes(range(256)) * 4096
    before = {file.id for file in client.files.list()}
    made = client.containers.files.create(container.id, file=("d\u00e4ta/../x.bin", data))
    assert (made.bytes, made.container_id, made.source) == (len(data), container.id, "user")
    assert made.path.startswith("/mnt/data/")
    assert made.path.endswith("-x.bin")
    assert read(client, container, made) == data
    again = client.containers.files.create(container.id, file=("x.bin", b""))
    assert read(client, container, again) == b""
    assert {one.id for one in client.containers.files.list(container.id)} == {made.id, again.id}
    assert {file.id for file in client.files.list()} == before


def test_a_file_over_the_size_limit_is_refused_and_the_container_stays_usable(client, container):
    with pytest.raises(openai.APIStatusError) as refusal:
        client.containers.files.create(container.id, file=("big.bin", b"x" * (9 << 20)))
    assert_error(refusal.value, 413, "The file is too large. The limit is 8388608 bytes.", None)
    client.containers.files.create(container.id, file=("half.bin", b"x" * (5 << 20)))
    file = put(client, b"x" * (5 << 20), "other.bin")
    with pytest.raises(openai.BadRequestError) as refusal:
        client.containers.files.create(container.id, file_id=file.id)
    assert_error(refusal.value, 400, f"The sandbox has no room left for '{file.id}-other.bin'.", None)
    with pytest.raises(openai.BadRequestError):
        client.containers.create(name="full", file_ids=[file.id, put(client, b"y" * (5 << 20)).id])
    assert "full" not in [one.name for one in client.containers.list()]
    assert len(list(client.containers.files.list(container.id))) == 1


def test_a_form_without_a_file_is_refused(sandboxed, container):
    path = f"/containers/{container.id}/files"
    for form, status in (({"name": "x"}, 400), ({"file_id": "file-none"}, 404)):
        boundary = secrets.token_hex(8)
        parts = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in form.items()
        )
        reply = sandboxed.ask(
            "POST",
            path,
            f"{parts}--{boundary}--\r\n".encode(),
            headers={"content-type": f"multipart/form-data; boundary={boundary}"},
        )
        assert reply.status == status, reply.body
        assert reply.json["error"]["type"] == "invalid_request_error"


@pytest.mark.proves("containers.limits")
def test_memory_over_the_limit_and_network_access_are_refused(client):
    made = client.containers.create(
        name="limits",
        memory_limit="1g",
        expires_after={"anchor": "last_active_at", "minutes": 5},
        network_policy={"type": "disabled"},
    )
    assert (made.memory_limit, made.expires_after.minutes, made.network_policy.type) == ("1g", 5, "disabled")
    with pytest.raises(openai.BadRequestError) as refusal:
        client.containers.create(name="limits", memory_limit="4g")
    assert_error(refusal.value, 400, refusal.value.body["message"], "memory_limit")
    assert "'4g' is more than a container has on this server, 1024 MiB" in refusal.value.message
    allowed = {"type": "allowlist", "allowed_domains": ["example.com"]}
    with pytest.raises(openai.BadRequestError) as refusal:
        client.containers.create(name="limits", network_policy=allowed)
    assert refusal.value.param.startswith("network_policy")


@pytest.mark.proves("containers.threads")
def test_files_written_by_code_are_listed_in_the_container_of_the_thread(client, upstream):
    coder = client.beta.assistants.create(model="gpt-4o", tools=[CODE])
    thread = new_thread(client, "Write")
    written = call("code_interpreter", call_id="call_c", code="open('/mnt/data/out.txt', 'w').write('made')")
    upstream.answer(calls(written), text("Done."))
    run_of(client, thread, coder)
    (container,) = client.containers.list(extra_query={"name": thread.id})
    (inside,) = client.containers.files.list(container.id)
    assert (inside.path, inside.source) == ("/mnt/data/out.txt", "assistant")
    assert read(client, container, inside) == b"made"
    added = client.containers.files.create(container.id, file=("in.txt", b"given"))
    assert added.id in [one.id for one in client.containers.files.list(container.id)]


def test_a_deleted_thread_takes_its_container_along(client, upstream):
    coder = client.beta.assistants.create(model="gpt-4o", tools=[CODE])
    thread = new_thread(client, "Write")
    upstream.answer(calls(call("code_interpreter", call_id="call_c", code="x = 1")), text("Done."))
    run_of(client, thread, coder)
    (container,) = client.containers.list(extra_query={"name": thread.id})
    client.beta.threads.delete(thread.id)
    with pytest.raises(openai.NotFoundError):
        client.containers.retrieve(container.id)
    assert list(client.containers.list(extra_query={"name": thread.id})) == []


def test_a_page_of_files_is_cut_at_either_end(client, container):
    ids = [client.containers.files.create(container.id, file=(f"{n}.txt", b"x")).id for n in range(4)]
    listed = [one.id for one in client.containers.files.list(container.id, order="asc")]
    assert sorted(listed) == sorted(ids)
    page = client.containers.files.list(container.id, order="asc", limit=3)
    assert ([one.id for one in page.data], page.has_more) == (listed[:3], True)
    page = client.containers.files.list(container.id, order="asc", after=listed[2])
    assert ([one.id for one in page.data], page.has_more) == (listed[3:], False)
    page = client.containers.files.list(container.id, order="asc", limit=2, extra_query={"before": listed[3]})
    assert ([one.id for one in page.data], page.has_more) == (listed[1:3], True)
    with pytest.raises(openai.BadRequestError) as refusal:
        client.containers.files.list(container.id, after="cfile_none")
    assert_error(refusal.value, 400, refusal.value.body["message"], "after", "invalid_value")


@pytest.mark.slow
@pytest.mark.proves("containers.kept")
def test_files_of_the_project_are_there_again_after_the_server_was_killed(new_server):
    server = new_server(sandbox__python=interpreter()).start()
    file = put(server.client)
    made = server.client.containers.create(name="kept", file_ids=[file.id])
    other = server.client.containers.files.create(made.id, file_id=put(server.client, b"more", "b.txt").id)
    server.client.containers.files.delete(other.id, container_id=made.id)
    uploaded = server.client.containers.files.create(made.id, file=("c.txt", b"uploaded"))
    removed = server.client.containers.files.create(made.id, file=("d.txt", b"removed"))
    server.client.containers.files.delete(removed.id, container_id=made.id)
    server.kill()
    server.start()
    assert server.client.containers.retrieve(made.id).status == "running"
    contents = {one.path: read(server.client, made, one) for one in server.client.containers.files.list(made.id)}
    assert contents == {f"/mnt/data/{file.id}-a.txt": b"hello", uploaded.path: b"uploaded"}
    server.client.containers.files.delete(uploaded.id, container_id=made.id)
    assert len(server.client.containers.files.list(made.id).data) == 1
