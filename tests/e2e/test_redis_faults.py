"""Redis fails while runs are streamed on two nodes: local streams continue, and followers elsewhere miss nothing."""

import contextlib
import json

import pytest

from e2e.assistants_client import new_thread
from e2e.test_two_nodes import data_of, joined, numbers_of, path_of, read_until
from redis_servers import RedisServer
from serving import Server
from upstream import Gate, text
from waiting import eventually


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    """It keeps its data: a test that wants it empty deletes the directory's files."""
    server = RedisServer(tmp_path_factory.mktemp("redis"), appendonly="yes", appendfsync="always").start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, session_upstream, session_postgres, redis):
    settings = {"database": session_postgres(), "broker": redis.url, "blobs__shared": "true"}
    with contextlib.ExitStack() as stack:
        nodes = []
        for _ in range(2):
            node = Server(tmp_path_factory.mktemp("node"), session_upstream.url, **settings)
            stack.callback(node.kill)
            nodes.append((node.share_files(nodes[0]) if nodes else node).start())
        yield nodes
        for node in nodes:
            node.stop()


def status_of(node):
    return json.loads(node.ask("GET", "/health/ready").body)["status"]


def restart_empty(redis):
    redis.kill()
    for path in redis.directory.rglob("*.aof"):
        path.unlink()
    for path in redis.directory.rglob("*.manifest"):
        path.unlink()


KEEP_ALIVE = b": keep-alive\n\n"
FAULTS = {
    "killed with its data": (RedisServer.kill, RedisServer.start),
    "killed and empty": (restart_empty, RedisServer.start),
    "stopped and continued": (RedisServer.pause, RedisServer.resume),
}


@pytest.mark.parametrize(
    "fault", [name if name == "killed and empty" else pytest.param(name, marks=pytest.mark.slow) for name in FAULTS]
)
def test_a_follower_on_the_other_node_misses_nothing(cluster, redis, upstream, fault):
    begin, end = FAULTS[fault]
    first, second = cluster
    thread = new_thread(first.client, "Hello")
    assistant = first.client.beta.assistants.create(model="gpt-4o")
    during, afterwards = Gate(), Gate()
    upstream.answer(text("One ", during, "two ", afterwards, "three."))
    run = first.client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    with first.opened("GET", path_of(run)) as local, second.opened("GET", path_of(run)) as remote:
        heads = [read_until(live, b'"One "') for live in (local, remote)]
        begin(redis)
        during.open()
        heads[0] += read_until(local, b'"two "')
        eventually(lambda: [status_of(node) for node in cluster] == ["degraded", "degraded"])
        end(redis)
        heads[1] += read_until(remote, b'"two "')
        eventually(lambda: [status_of(node) for node in cluster] == ["ok", "ok"])
        afterwards.open()
        whole = [head + live.read() for head, live in zip(heads, (local, remote), strict=True)]
    assert joined(data_of(whole[1])) == joined(data_of(whole[0]))
    assert data_of(whole[0])[-1][0] == "done"
    for frames in whole:
        assert numbers_of(frames) == sorted({*numbers_of(frames)})
    for node in cluster:
        assert joined(data_of(node.ask("GET", path_of(run)).body)) == joined(data_of(whole[0]))


@pytest.mark.slow
def test_a_follower_gets_an_error_if_redis_stays_away_and_the_run_completes(cluster, redis, upstream):
    first, second = cluster
    thread = new_thread(first.client, "Hello")
    assistant = first.client.beta.assistants.create(model="gpt-4o")
    gate = Gate()
    upstream.answer(text("One ", gate, "two."))
    run = first.client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    with first.opened("GET", path_of(run)) as local, second.opened("GET", path_of(run)) as remote:
        heads = [read_until(live, b'"One "') for live in (local, remote)]
        redis.kill()
        rest = remote.read()
        gate.open()
        whole = (heads[0] + local.read()).replace(KEEP_ALIVE, b"")
    assert b"event: error" in rest
    assert data_of(whole)[-1][0] == "done"
    redis.start()
    eventually(lambda: [status_of(node) for node in cluster] == ["ok", "ok"])
    after = numbers_of(heads[1])[-1]
    resumed = second.ask("GET", f"{path_of(run)}?starting_after={after}").body
    assert joined(data_of(resumed)) == joined(data_of(first.ask("GET", f"{path_of(run)}?starting_after={after}").body))
