"""The broker on Redis with TLS, found by Sentinel, and on Cluster: real servers of each kind."""

import asyncio
import contextlib

import pytest

from redis_topologies import cluster_redis, sentinel_redis, tls_redis
from understudy.broker import CellCost, EventBatch
from understudy.broker.opening import build_broker
from understudy.errors import SettingsError
from waiting import WITHIN

pytestmark = pytest.mark.slow

FAILOVER = 30.0


async def echo(sender, body):
    return body


@contextlib.asynccontextmanager
async def nodes(url):
    """Two nodes that are connected to one Redis."""
    async with contextlib.AsyncExitStack() as stack:
        made = []
        for _ in range(2):
            broker = build_broker(url, 60)
            broker.handle("echo", echo)
            stack.push_async_callback(broker.stop)
            await broker.start()
            made.append(broker)
        yield made


async def exchange(one, other, run_id):
    """Everything that nodes do over a broker."""
    assert await one.request(other.node_id, "echo", b"hello", seconds=WITHIN) == b"hello"
    woken = asyncio.create_task(other.wait_woken("run"))
    one.wake("run")
    await asyncio.wait_for(woken, WITHIN)
    # Of many runs, which are on several servers of a Cluster.
    batches = [EventBatch(f"{run_id}_{number}", 1, 3, 0, b"events") for number in range(20)]
    assert await one.write_events(batches) == ()
    assert list(await one.write_events(batches)) == []
    for batch in batches:
        assert await other.read_events(batch.run_id, 0) == [batch]
    run_ids = [batch.run_id for batch in batches]
    assert await other.last_numbers(run_ids) == dict.fromkeys(run_ids, 3)
    await one.keep_events(run_ids, 60)
    await one.store_log(run_id, b"log", 3, 60)
    assert await other.load_log(run_id) == b"log"
    cells = [CellCost(f"{run_id}/{number}", 3, 0.001, 2) for number in range(8)]
    assert (await one.take_cells("proj_1", cells))[0]
    assert not (await other.take_cells("proj_1", cells))[0]
    received = asyncio.Queue()
    other.handle("note", lambda _, body: received.put(body))
    await one.broadcast("note", b"hello")
    assert await asyncio.wait_for(received.get(), WITHIN) == b"hello"


async def test_tls_with_a_certificate_that_is_verified(tmp_path):
    with tls_redis(tmp_path) as (verified, unknown):
        async with nodes(verified) as (one, other):
            await exchange(one, other, "run")
        unverified = build_broker(unknown, 60)
        with pytest.raises(SettingsError, match="CERTIFICATE_VERIFY_FAILED"):
            await unverified.start()
        await unverified.stop()


@pytest.fixture
def sentinel(tmp_path):
    with sentinel_redis(tmp_path) as made:
        yield made


async def test_nodes_follow_a_failover_of_sentinel(sentinel):
    url, primary = sentinel
    async with nodes(url) as (one, other):
        async with asyncio.timeout(FAILOVER):
            await asyncio.gather(one._connection.available.wait(), other._connection.available.wait())
        await exchange(one, other, "before")
        reconnected = [asyncio.Event(), asyncio.Event()]
        for node, event in zip((one, other), reconnected, strict=True):

            async def note(_, event=event):
                event.set()

            node.on_reconnect(note)
        await asyncio.sleep(1)  # until Sentinel knows the replica
        primary.kill()
        async with asyncio.timeout(FAILOVER):
            for event in reconnected:
                await event.wait()
        await exchange(one, other, "after")


@pytest.fixture
def cluster(tmp_path):
    with cluster_redis(tmp_path) as url:
        yield url


async def test_nodes_share_a_cluster(cluster):
    async with nodes(cluster) as (one, other):
        async with asyncio.timeout(FAILOVER):
            await asyncio.gather(one._connection.available.wait(), other._connection.available.wait())
        await exchange(one, other, "run")
