"""A cluster of a server without jobs and a worker without HTTP: what the worker executes, clients of the server see."""

import pytest

from e2e.assistants_client import new_thread, reached, run_of, steps_of, texts
from e2e.batching import chat_line, create_batch, results_of, wait_for_batch
from mcp_server import McpProcess
from receiver import Receiver
from sandbox.machine import interpreter, require_sandbox
from serving import Server, parse_events
from upstream import HANG, Gate, call, calls, text
from waiting import eventually

CODE = {"type": "code_interpreter"}


@pytest.fixture(scope="module")
def dice(tmp_path_factory):
    with McpProcess(tmp_path_factory.mktemp("mcp")) as running:
        yield running


@pytest.fixture(scope="module")
def web(session_upstream, tmp_path_factory, session_postgres, session_redis, dice):
    require_sandbox()
    settings = {
        "database": session_postgres(),
        "broker": session_redis,
        "blobs__shared": "true",
        "sandbox__disk_mb": 8,
        # The server has no sandbox.
        "sandbox__python": "/nowhere/python",
        "webhooks__allow_private": "true",
        "mcp__allowed": dice.url,
    }
    server = Server(tmp_path_factory.mktemp("web"), session_upstream.url, **settings)
    server.flags = ("--no-jobs",)
    able = settings | {"sandbox__python": interpreter()}
    worker = Server(tmp_path_factory.mktemp("worker"), session_upstream.url, **able)
    try:
        server.start()
        worker.share_files(server).start_worker()
        yield server
        worker.stop()
        server.stop()
    finally:
        worker.kill()
        server.kill()


@pytest.fixture
def client(web):
    return web.client


def read(client, container, file):
    return client.containers.files.content.retrieve(file.id, container_id=container.id).read()


def test_code_of_a_run_leaves_files_that_the_server_lists_and_reads(client, upstream):
    coder = client.beta.assistants.create(model="gpt-4o", tools=[CODE])
    thread = new_thread(client, "Write")
    code = "open('/mnt/data/out.txt', 'w').write('made'); print('done')"
    upstream.answer(calls(call("code_interpreter", code=code)), text("Done."))
    run = run_of(client, thread, coder)
    assert run.status == "completed"
    details = next(step.step_details for step in steps_of(client, run) if step.type == "tool_calls")
    assert details.tool_calls[0].code_interpreter.outputs[0].logs == "done\n"
    (container,) = client.containers.list(extra_query={"name": thread.id})
    (inside,) = client.containers.files.list(container.id)
    assert read(client, container, inside) == b"made"
    added = client.containers.files.create(container.id, file=("in.txt", b"uploaded"))
    upstream.answer(calls(call("code_interpreter", code=f"print(open('{added.path}').read())")), text("Done."))
    again = run_of(client, thread, coder)
    details = next(step.step_details for step in steps_of(client, again) if step.type == "tool_calls")
    assert details.tool_calls[0].code_interpreter.outputs[0].logs == "uploaded\n"


def test_a_response_runs_code_in_a_container_that_the_server_has_created(client, upstream):
    file = client.files.create(file=("a.txt", b"hello"), purpose="user_data")
    container = client.containers.create(name="mine", file_ids=[file.id])
    (inside,) = client.containers.files.list(container.id)
    added = client.containers.files.create(container.id, file=("b.txt", b"uploaded"))
    code = f"print(open('{inside.path}').read(), open('{added.path}').read())"
    upstream.answer(calls(call("code_interpreter", code=code)), text("Done."))
    response = client.responses.create(
        model="gpt-4o",
        input="Read",
        tools=[{"type": "code_interpreter", "container": container.id}],
        include=["code_interpreter_call.outputs"],
    )
    executed = next(item for item in response.output if item.type == "code_interpreter_call")
    assert executed.outputs[0].logs == "hello uploaded\n"
    assert {found.id for found in client.containers.files.list(container.id)} == {inside.id, added.id}
    client.containers.delete(container.id)


def test_approvals_reach_the_worker(web, client, upstream, dice):
    tool = {"type": "mcp", "server_label": "dice", "server_url": dice.url, "require_approval": "always"}
    upstream.answer(calls(call("roll", expression="2d4+1")), text("You rolled 7."))
    thread = new_thread(client, "Roll 2d4+1")
    run = run_of(client, thread, client.beta.assistants.create(model="gpt-4o", tools=[tool]))
    (pending,) = run.required_action.to_dict()["submit_tool_approval"]["tool_calls"]
    approvals = [{"tool_call_id": pending["id"], "approve": True}]
    path = f"/v1/threads/{thread.id}/runs/{run.id}/submit_tool_outputs"
    assert web.ask("POST", path, {"tool_approvals": approvals}).status == 200
    assert reached(client, run).status == "completed"
    assert texts(client, thread)[-1] == "You rolled 7."


def test_a_background_response_is_streamed_and_cancelled(web, client, upstream):
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo"), text("Hel", HANG))
    response = client.responses.create(model="gpt-4o", input="Hello", background=True)
    with web.opened("GET", f"/v1/responses/{response.id}?stream=true") as live:
        gate.open()
        streamed = [data for _, data in parse_events(live.read())]
    assert streamed[-1]["type"] == "response.completed"
    assert "".join(data["delta"] for data in streamed if data["type"] == "response.output_text.delta") == "Hello"
    other = client.responses.create(model="gpt-4o", input="Hello", background=True)
    upstream.wait_for(2)
    assert client.responses.cancel(other.id).status == "cancelled"


def test_batches_and_webhooks_are_done_by_the_worker(web, client, upstream):
    with Receiver() as receiver:
        made = client.webhooks.create(name="hook", url=receiver.url, event_types=["batch.completed"])
        batch = create_batch(web, [chat_line("a", "Hello"), chat_line("b", "Hello")])
        ended = wait_for_batch(web, batch)
        assert set(results_of(web, ended.output_file_id)) == {"a", "b"}
        assert receiver.next().json["data"]["id"] == batch.id
        client.webhooks.delete(made.id)


def test_files_are_indexed_by_the_worker_and_searched_by_the_server(client):
    store = client.vector_stores.create(name="mine")
    client.vector_stores.files.upload(vector_store_id=store.id, file=("a.txt", b"Otters sleep on their backs."))
    eventually(lambda: client.vector_stores.retrieve(store.id).file_counts.completed == 1)
    (found,) = client.vector_stores.search(store.id, query="otters").data
    assert "Otters" in found.content[0].text
