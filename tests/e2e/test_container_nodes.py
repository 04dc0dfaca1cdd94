"""Containers of a cluster: their code runs where their session is, and every node serves their files."""

import openai
import pytest

from e2e.assistants_client import new_thread, run_of, steps_of
from gateways import jupyter_gateway
from sandbox.machine import interpreter, require_sandbox
from upstream import call, calls, text

CODE = {"type": "code_interpreter"}


@pytest.fixture
def new_sandboxed_node(new_node):
    require_sandbox()

    def make(**settings):
        return new_node(sandbox__python=interpreter(), sandbox__disk_mb=8, sandbox__warm=0, **settings)

    return make


@pytest.fixture
def nodes(new_sandboxed_node):
    return new_sandboxed_node().start(), new_sandboxed_node().start()


def run_code(upstream, client, thread, assistant, code):
    """The log of the code, executed in a run of the thread."""
    upstream.answer(calls(call("code_interpreter", code=code)), text("Done."))
    run = run_of(client, thread, assistant)
    assert run.status == "completed", run
    details = [step.step_details for step in steps_of(client, run) if step.type == "tool_calls"]
    return "".join(output.logs for output in details[0].tool_calls[0].code_interpreter.outputs)


def read(client, container, file):
    return client.containers.files.content.retrieve(file.id, container_id=container.id).read()


def test_code_runs_where_the_container_is_and_every_node_serves_its_files(nodes, upstream):
    first, second = nodes
    coder = first.client.beta.assistants.create(model="gpt-4o", tools=[CODE])
    thread = new_thread(first.client, "Write")
    run_code(upstream, first.client, thread, coder, "x = 41; open('/mnt/data/out.txt', 'w').write('made')")
    # The variable is there for a run that the other node accepts.
    assert run_code(upstream, second.client, thread, coder, "print(x + 1)") == "42\n"
    (container,) = second.client.containers.list(extra_query={"name": thread.id})
    for node in (first, second):
        (inside,) = node.client.containers.files.list(container.id)
        found = node.client.containers.files.retrieve(inside.id, container_id=container.id)
        assert found.to_dict() == inside.to_dict()
        assert (inside.path, read(node.client, container, inside)) == ("/mnt/data/out.txt", b"made")
    uploaded = second.client.containers.files.create(container.id, file=("in.bin", b"x" * 300_000))
    assert read(second.client, container, uploaded) == b"x" * 300_000
    project_file = second.client.files.create(file=("a.txt", b"hello"), purpose="user_data")
    added = second.client.containers.files.create(container.id, file_id=project_file.id)
    assert run_code(upstream, first.client, thread, coder, f"print(open('{added.path}').read(), x)") == "hello 41\n"
    second.client.containers.files.delete(uploaded.id, container_id=container.id)
    with pytest.raises(openai.NotFoundError):
        read(second.client, container, uploaded)
    with pytest.raises(openai.BadRequestError, match="no room left"):
        second.client.containers.files.create(container.id, file=("big.bin", b"x" * (8 << 20)))
    second.client.containers.delete(container.id)
    with pytest.raises(openai.NotFoundError):
        first.client.containers.files.list(container.id)


def test_a_container_of_a_killed_node_starts_again_with_its_files_and_a_note(nodes, upstream):
    first, second = nodes
    coder = first.client.beta.assistants.create(model="gpt-4o", tools=[CODE])
    thread = new_thread(first.client, "Write")
    file = first.client.files.create(file=("a.txt", b"hello"), purpose="user_data")
    run_code(upstream, first.client, thread, coder, "x = 1")
    (container,) = second.client.containers.list(extra_query={"name": thread.id})
    added = second.client.containers.files.create(container.id, file_id=file.id)
    uploaded = second.client.containers.files.create(container.id, file=("b.txt", b"uploaded"))
    first.kill()
    with pytest.raises(openai.InternalServerError) as refusal:
        second.client.containers.files.list(container.id)
    assert refusal.value.status_code == 503
    assert refusal.value.response.headers["retry-after"] == "2"
    code = f"print(open('{added.path}').read(), 'x' in globals(), open('b.txt').read())"
    logs = run_code(upstream, second.client, thread, coder, code)
    assert logs == (
        "The session ended meanwhile, and this is a new one. All variables, and all files that code made, are lost.\n"
        "hello False uploaded\n"
    )
    assert {one.id for one in second.client.containers.files.list(container.id)} == {added.id, uploaded.id}
    assert read(second.client, container, added) == b"hello"
    assert read(second.client, container, uploaded) == b"uploaded"


@pytest.mark.slow
def test_a_session_behind_a_gateway_survives_its_node(new_node, upstream, tmp_path):
    with jupyter_gateway(tmp_path, isolates=True) as (url, token):
        settings = {"sandbox__kind": "gateway", "sandbox__url": url, "sandbox__token": token}
        first, second = new_node(**settings).start(), new_node(**settings).start()
        coder = first.client.beta.assistants.create(model="gpt-4o", tools=[CODE])
        thread = new_thread(first.client, "Write")
        run_code(upstream, first.client, thread, coder, "x = 41; open('/mnt/data/out.txt', 'w').write('made')")
        assert run_code(upstream, second.client, thread, coder, "print(x + 1)") == "42\n"
        (container,) = second.client.containers.list(extra_query={"name": thread.id})
        (before,) = second.client.containers.files.list(container.id)
        first.kill()
        assert run_code(upstream, second.client, thread, coder, "print(x)") == "41\n"
        (after,) = second.client.containers.files.list(container.id)
        assert (after.id, read(second.client, container, after)) == (before.id, b"made")
