"""The ways to start a cluster: several processes behind one port, servers without jobs, workers without HTTP."""

import json
import signal
import socket
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import psutil
import pytest

from sandbox.machine import interpreter, require_sandbox
from scrapes import read_addresses, scrape
from upstream import Gate, call, calls, text
from waiting import WITHIN, eventually

WEATHER = [
    {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
]


@pytest.fixture
def group(new_server, postgres, redis_server):
    """Two processes behind one port."""
    server = new_server(database=postgres, broker=redis_server.url, metrics__port=0)
    server.flags = ("--processes", "2")
    return server.start()


@pytest.fixture
def web(new_server, postgres, redis_server):
    """A server without jobs."""
    server = new_server(database=postgres, broker=redis_server.url, blobs__shared="true")
    server.flags = ("--no-jobs",)
    return server.start()


@pytest.fixture
def start_worker(new_server, web, postgres, redis_server):
    """Starts workers, which have to stop without errors."""

    def start():
        worker = new_server(database=postgres, broker=redis_server.url, blobs__shared="true", metrics__port=0)
        return worker.share_files(web).start_worker()

    return start


def processes(server):
    return psutil.Process(server.process.pid).children()


def servers_of(server):
    """The processes that serve, without what they have started themselves."""
    return [child for child in processes(server) if is_server(child)]


def is_server(process):
    try:
        return "--child" in process.cmdline()
    except psutil.NoSuchProcess:  # it has ended
        return False


def start_run(server, **options):
    assistant = server.client.beta.assistants.create(model="gpt-4o", tools=options.pop("tools", []))
    return server.client.beta.threads.create_and_run(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "hello"}]}, **options
    )


def status(server, run):
    return server.client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id).status


# -- several processes ---------------------------------------------------------------------------------------------


def test_processes_share_a_port_and_a_data_directory(group):
    def use(_):
        with group.new_client() as client:
            file = client.files.create(file=("a.txt", b"contents"), purpose="assistants")
            return client.files.content(file.id).read()

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(use, range(32))) == [b"contents"] * 32
    # Each process has metrics of its own, which add up.
    addresses = read_addresses(group.log, count=2)
    requests = {"operation": "createFile", "status": "200"}
    eventually(
        lambda: sum(scrape(address).value("understudy_http_requests_total", **requests) for address in addresses) == 32
    )
    assert len(servers_of(group)) == 2
    run = start_run(group)
    eventually(lambda: status(group, run) == "completed")


def test_processes_have_about_as_many_connections_each(group):
    # Each process has a metrics server, from its start on.
    read_addresses(group.log, count=2)
    servers = servers_of(group)
    port = urlsplit(group.url).port
    clients = []
    try:
        for _ in range(24):
            clients.append(socket.create_connection(("127.0.0.1", port)))
            clients[-1].sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert clients[-1].recv(4096).startswith(b"HTTP/1.1 200")
        assert min(count_connections(server, port) for server in servers) >= 8
    finally:
        for client in clients:
            client.close()


def count_connections(process, port):
    return sum(one.status == "ESTABLISHED" and one.laddr.port == port for one in process.net_connections("tcp"))


@pytest.mark.slow
def test_every_process_serves_the_files_of_a_container(new_server, postgres, session_redis):
    require_sandbox()
    server = new_server(database=postgres, broker=session_redis, sandbox__python=interpreter(), sandbox__warm=0)
    server.flags = ("--processes", "2")
    container = server.start().client.containers.create(name="mine")
    eventually(lambda: len(servers_of(server)) == 2)
    path = f"/v1/containers/{container.id}/files"
    for number in range(6):
        # Each connection is accepted by either process.
        with server.new_client() as client:
            file = client.containers.files.create(container.id, file=("a.txt", b"%d" % number))
        assert server.ask("GET", f"{path}/{file.id}/content").body == b"%d" % number
    assert len(server.ask("GET", path).json["data"]) == 6


def test_a_process_that_dies_is_restarted_while_the_other_one_serves(group):
    eventually(lambda: len(servers_of(group)) == 2)
    for _ in range(2):
        killed = servers_of(group)[0]
        killed.kill()
        killed.wait(WITHIN)
        with group.new_client() as client:
            assert client.beta.assistants.create(model="gpt-4o").id
        eventually(lambda dead=killed.pid: len(servers_of(group)) == 2 and dead not in pids(group))
    assert "ended with exit code -9; restarting in" in group.log.read_text()


@pytest.mark.slow
def test_a_process_that_hangs_is_killed_and_restarted_under_a_watchdog(new_server, postgres, redis_server, tmp_path):
    server = new_server(database=postgres, broker=redis_server.url)
    server.flags = ("--processes", "2")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        server.variables = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "4000000"}
        server.start()
        hanging = eventually(lambda: len(servers_of(server)) == 2 and servers_of(server))[0]
        hanging.suspend()
        eventually(lambda: len(servers_of(server)) == 2 and hanging.pid not in pids(server))
        assert "process 0 has not reported for 4 s, killing it" in server.log.read_text()
        server.log.write_text("")


def test_processes_end_with_a_killed_parent(group):
    children = eventually(lambda: len(servers_of(group)) == 2 and servers_of(group))
    group.kill()
    _, alive = psutil.wait_procs(children, timeout=WITHIN)
    assert alive == []


def test_a_stop_drains_all_processes(group, upstream):
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo"), text("again"))
    run = start_run(group)
    upstream.wait_for(1)
    children = eventually(lambda: len(servers_of(group)) == 2 and servers_of(group))
    group.process.send_signal(signal.SIGTERM)
    group.ended()
    gate.open()
    _, alive = psutil.wait_procs(children, timeout=WITHIN)
    assert alive == []
    group.start()
    eventually(lambda: status(group, run) == "completed")


def pids(server):
    return [child.pid for child in servers_of(server)]


def test_a_start_that_fails_in_the_first_process_fails(new_server, redis_server, postgres):
    server = new_server(
        database=postgres.replace("postgresql://", "postgresql://nobody:x@", 1), broker=redis_server.url
    )
    server.flags = ("--processes", "2")
    assert "Error: " in server.refusal()


@pytest.mark.parametrize("arguments", [("serve", "--processes", "2"), ("serve", "--no-jobs"), ("worker",)])
def test_sqlite_refuses_other_processes(new_server, arguments):
    refusal = new_server().failure(*arguments, code=2)
    assert "SQLite is used by one process. Use PostgreSQL and Redis: set --database postgresql://…" in refusal


@pytest.mark.parametrize("arguments", [("serve", "--no-jobs"), ("worker",)])
def test_files_that_other_nodes_may_not_see_refuse_every_kind_of_node(new_server, session_redis, arguments):
    node = new_server(database="postgresql://nobody@127.0.0.1:1/none", broker=session_redis)
    assert "mount one directory there on every node and set `blobs.shared`" in node.failure(*arguments, code=2)


# -- servers without jobs, and workers -----------------------------------------------------------------------------


def test_a_worker_runs_what_a_server_without_jobs_has_accepted(web, start_worker):
    run = start_run(web)
    store = web.client.vector_stores.create(name="mine")
    file = web.client.files.create(file=("a.txt", b"contents"), purpose="assistants")
    web.client.vector_stores.files.create(store.id, file_id=file.id)
    assert status(web, run) == "queued"
    worker = start_worker()
    eventually(lambda: status(web, run) == "completed")
    eventually(lambda: web.client.vector_stores.retrieve(store.id).status == "completed")
    again = start_run(web)
    eventually(lambda: status(web, again) == "completed")
    (address,) = read_addresses(worker.log)
    eventually(lambda: scrape(address).value("understudy_jobs_total", queue="runs", outcome="ended") == 2)
    metrics = scrape(address)
    assert metrics.value("understudy_runs_total", kind="run", status="completed") == 2
    assert metrics.value("understudy_ingestion_files_total", status="completed") == 1
    assert metrics.value("understudy_build_info", role="worker", store="postgres", broker="redis") == 1
    assert metrics.value("understudy_store_pool_connections", state="limit") > 0
    assert metrics.value("understudy_store_transaction_seconds_count", kind="write") > 0
    with urllib.request.urlopen(address.replace("/metrics", "/health/ready")) as response:
        assert json.load(response) == {"status": "ok"}
    worker.stop()


def test_a_run_resumes_on_a_worker_with_the_outputs_of_its_client(web, start_worker, upstream):
    start_worker()
    upstream.answer(calls(call("get_weather")), text("18 degrees"))
    run = start_run(web, tools=WEATHER)
    eventually(lambda: status(web, run) == "requires_action")
    web.client.beta.threads.runs.submit_tool_outputs(
        run.id, thread_id=run.thread_id, tool_outputs=[{"tool_call_id": call_id(web, run), "output": "18"}]
    )
    eventually(lambda: status(web, run) == "completed")


def test_streams_of_a_server_without_jobs_end_where_a_run_waits_for_its_client(web, start_worker, upstream):
    start_worker()
    assistant = web.client.beta.assistants.create(model="gpt-4o", tools=WEATHER)
    thread = {"messages": [{"role": "user", "content": "weather?"}]}
    for _ in range(3):  # the run may wait before the server knows which worker has it
        upstream.answer(calls(call("get_weather")))
        with web.client.beta.threads.create_and_run_stream(assistant_id=assistant.id, thread=thread) as stream:
            assert [event.event for event in stream][-1] == "thread.run.requires_action"


def test_a_server_without_jobs_cancels_a_run_that_waits_for_its_client(web, start_worker, upstream):
    start_worker()
    upstream.answer(calls(call("get_weather")))
    run = start_run(web, tools=WEATHER)
    eventually(lambda: status(web, run) == "requires_action")
    web.client.beta.threads.runs.cancel(run.id, thread_id=run.thread_id)
    eventually(lambda: status(web, run) == "cancelled")


def call_id(server, run):
    waiting = server.client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
    return waiting.required_action.submit_tool_outputs.tool_calls[0].id
