"""The broker on a real Redis server: messages, wake-ups and streams, and what happens when the server fails."""

import asyncio
import contextlib
import logging
import subprocess
import sys
from functools import partial
from types import SimpleNamespace

import pytest
import redis as sync_redis

from redis_servers import RedisServer
from understudy.broker import (
    EVENTS_PER_ATTEMPT,
    MAX_MESSAGE_BYTES,
    BrokerUnavailable,
    CellCost,
    EventBatch,
    EventsMissing,
    NoReply,
)
from understudy.broker.opening import build_broker
from understudy.broker.redis import connection
from understudy.clock import SystemClock
from understudy.engine.limits.limiter import RateLimiter
from understudy.engine.limits.policies import Policies
from understudy.errors import SettingsError
from understudy.settings import LimitSettings
from understudy.store.permissions import UNRESTRICTED
from waiting import WITHIN, eventually


async def echo(sender, body):
    return sender.encode() + b" " + body


async def fail(sender, body):
    raise ValueError("broken")


class Reconnects:
    """What the callback of a broker was called with."""

    def __init__(self, broker):
        self.seen = asyncio.Queue()
        broker.on_reconnect(self.seen.put)

    async def next(self):
        async with asyncio.timeout(WITHIN):
            return await self.seen.get()


@pytest.fixture
async def join():
    """Adds nodes to the cluster of a Redis server."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(url, *, expire_seconds=3600):
            broker = build_broker(url, expire_seconds)
            broker.handle("echo", echo)
            broker.handle("fail", fail)
            broker.reconnects = Reconnects(broker)
            stack.push_async_callback(broker.stop)
            await broker.start()
            return broker

        yield make


def batch(first, last, previous=0, body=b"events", run_id="run_1", attempt=1):
    base = (attempt - 1) * EVENTS_PER_ATTEMPT
    return EventBatch(run_id, base + first, base + last, previous, body)


def blocked_on(client, count):
    """Whether so many connections of the server are blocked."""
    return client.info("clients")["blocked_clients"] == count


async def unavailable(broker):
    async with asyncio.timeout(WITHIN):
        while broker.is_available:  # noqa: ASYNC110 - the end of a state that has no event
            await asyncio.sleep(0.01)


# -- messages ------------------------------------------------------------------------------------------------------


async def test_a_request_reaches_the_handler_of_another_node(join, session_redis):
    one, other = await join(session_redis), await join(session_redis)
    assert await one.request(other.node_id, "echo", b"hello") == f"{one.node_id} hello".encode()


async def test_messages_of_a_node_arrive_in_their_order(join, session_redis):
    one, other = await join(session_redis), await join(session_redis)
    received = []

    async def note(sender, body):
        received.append(body)

    other.handle("note", note)
    for number in range(500):
        await one.send(other.node_id, "note", b"%d" % number)
    await one.request(other.node_id, "echo", b"")
    assert received == [b"%d" % number for number in range(500)]


async def test_a_receiver_gets_messages_in_their_order_also_after_one_at_which_it_fails(join, session_redis, caplog):
    one, other = await join(session_redis), await join(session_redis)
    received = []

    def receive(sender, body):
        received.append((sender, body))
        if body == b"1":
            raise ValueError("broken")

    other.receive("note", receive)
    for number in range(3):
        await one.send(other.node_id, "note", b"%d" % number)
    await one.request(other.node_id, "echo", b"")
    assert received == [(one.node_id, b"%d" % number) for number in range(3)]
    assert f"message 'note' of node {one.node_id}: receiver failed" in caplog.text
    with pytest.raises(NoReply, match=f"Node {other.node_id} has not handled"):
        await one.request(other.node_id, "note", b"")


async def test_what_was_sent_has_left_after_a_drain_which_an_unavailable_server_does_not_delay(join, redis_server):
    one = await join(redis_server.url)
    with sync_redis.Redis.from_url(redis_server.url) as client:
        before = client.info("commandstats").get("cmdstat_publish", {}).get("calls", 0)
        for _ in range(10):
            await one.send("node_gone", "echo", b"")
        await one.drain()
        assert client.info("commandstats")["cmdstat_publish"]["calls"] == before + 10
    redis_server.kill()
    await one.send("node_gone", "echo", b"")
    async with asyncio.timeout(WITHIN):
        await one.drain()
        await unavailable(one)
        await one.send("node_gone", "echo", b"")
        await one.drain()


async def test_a_broadcast_reaches_every_node(join, redis_server):
    nodes = [await join(redis_server.url) for _ in range(3)]
    received = asyncio.Queue()
    for number, node in enumerate(nodes):

        async def note(sender, body, number=number):
            await received.put((number, sender, body))

        node.handle("note", note)
    await nodes[1].broadcast("note", b"hello")
    async with asyncio.timeout(WITHIN):
        seen = {await received.get() for _ in nodes}
    assert seen == {(number, nodes[1].node_id, b"hello") for number in range(3)}


@pytest.mark.parametrize("topic", ["fail", "unknown"])
async def test_a_request_without_a_reply_raises(join, session_redis, topic):
    one, other = await join(session_redis), await join(session_redis)
    with pytest.raises(NoReply, match=f"Node {other.node_id} has not handled"):
        await one.request(other.node_id, topic, b"", seconds=WITHIN)


async def test_a_request_to_a_node_that_is_gone_fails_at_once(join, session_redis):
    one = await join(session_redis)
    with pytest.raises(NoReply, match="not connected"):
        await one.request("node_gone", "echo", b"", seconds=WITHIN)


async def test_a_request_that_is_handled_too_slowly_times_out(join, session_redis):
    one, other = await join(session_redis), await join(session_redis)

    async def wait(sender, body):
        await asyncio.Event().wait()

    other.handle("wait", wait)
    with pytest.raises(NoReply, match=r"timed out after 0\.05 s"):
        await one.request(other.node_id, "wait", b"", seconds=0.05)


async def test_a_body_above_the_limit_is_refused(join, session_redis):
    one = await join(session_redis)
    with pytest.raises(ValueError, match="the limit is 65536"):
        await one.send(one.node_id, "echo", bytes(MAX_MESSAGE_BYTES + 1))


# -- wake-ups ------------------------------------------------------------------------------------------------------


async def test_a_wake_up_wakes_one_of_the_waiting_nodes(join, redis_server):
    nodes = [await join(redis_server.url) for _ in range(3)]
    waiting = [asyncio.create_task(node.wait_woken("run")) for node in nodes]
    nodes[0].wake("run")
    done, pending = await asyncio.wait(waiting, timeout=WITHIN, return_when=asyncio.FIRST_COMPLETED)
    assert len(done) == 1
    nodes[0].wake("run")
    nodes[0].wake("run")
    await asyncio.wait(pending, timeout=WITHIN)
    assert all(task.done() for task in waiting)


async def test_a_wake_up_that_comes_before_the_wait_is_not_lost(join, redis_server):
    one, other = await join(redis_server.url), await join(redis_server.url)
    one.wake("run")
    async with asyncio.timeout(WITHIN):
        await other.wait_woken("run")


async def test_all_kinds_wait_on_one_connection_also_those_that_begin_while_it_blocks(join, redis_server):
    one, other = await join(redis_server.url), await join(redis_server.url)
    with sync_redis.Redis.from_url(redis_server.url) as client:
        for kind in ("run", "batch", "file", "video"):
            waiting = asyncio.create_task(one.wait_woken(kind))
            async with asyncio.timeout(WITHIN):
                while not blocked_on(client, 1):  # noqa: ASYNC110 - the server reports no change
                    await asyncio.sleep(0.001)
            for late in ("late", "later"):
                awaited = asyncio.create_task(one.wait_woken(late))
                other.wake(late)
                await asyncio.wait_for(awaited, WITHIN)
            other.wake(kind)
            await asyncio.wait_for(waiting, WITHIN)


async def test_a_token_of_a_kind_that_waits_no_longer_is_passed_on(join, redis_server):
    one, other = await join(redis_server.url), await join(redis_server.url)
    gone, staying = (asyncio.create_task(one.wait_woken(kind)) for kind in ("run", "batch"))
    with sync_redis.Redis.from_url(redis_server.url) as client:
        async with asyncio.timeout(WITHIN):
            while not blocked_on(client, 1):  # noqa: ASYNC110 - likewise
                await asyncio.sleep(0.001)
    gone.cancel()
    other.wake("run")
    await asyncio.wait_for(other.wait_woken("run"), WITHIN)
    other.wake("batch")
    await asyncio.wait_for(staying, WITHIN)


async def test_tokens_of_a_kind_are_bounded_and_expire(join, redis_server):
    one = await join(redis_server.url)
    for _ in range(3):
        for _ in range(600):
            one.wake("run")
        await one.request(one.node_id, "echo", b"")
    with sync_redis.Redis.from_url(redis_server.url) as client:
        assert client.llen("u:{wake}:run") == 1000
        assert 0 < client.ttl("u:{wake}:run") <= 60


# -- streams -------------------------------------------------------------------------------------------------------


async def test_another_node_reads_the_events_of_a_run_from_any_number(join, redis_server):
    writer, reader = await join(redis_server.url), await join(redis_server.url)
    batches = [batch(1, 3), batch(4, 4, previous=3, body=b"\0\xff"), batch(5, 9, previous=4)]
    assert await writer.write_events(batches[:2]) == ()
    assert await writer.write_events(batches[2:]) == ()
    assert await reader.read_events("run_1", 0) == batches
    assert await reader.read_events("run_1", 3) == batches[1:]
    assert await reader.read_events("run_1", 9) == []
    assert await reader.last_numbers(["run_1", "run_2"]) == {"run_1": 9, "run_2": 0}


async def test_more_batches_than_a_page_are_read(join, redis_server):
    one = await join(redis_server.url)
    batches = [batch(number, number, previous=number - 1) for number in range(1, 1202)]
    await one.write_events(batches)
    assert await one.read_events("run_1", 0) == batches


async def test_writing_a_batch_again_changes_nothing(join, redis_server):
    one = await join(redis_server.url)
    batches = [batch(1, 3), batch(4, 5, previous=3)]
    await one.write_events(batches)
    assert list(await one.write_events(batches)) == []
    assert await one.read_events("run_1", 0) == batches


async def test_a_process_that_lost_its_run_cannot_write_after_its_successor(join, redis_server):
    late, successor = await join(redis_server.url), await join(redis_server.url)
    await late.write_events([batch(1, 3), batch(1, 2, run_id="run_2")])
    restored = batch(1, 1, previous=3, attempt=2)
    await successor.write_events([restored])
    mine = batch(3, 4, previous=2, run_id="run_2")
    assert await late.write_events([batch(4, 6, previous=3), mine]) == ["run_1"]
    assert await successor.read_events("run_1", 0) == [batch(1, 3), restored]
    assert await successor.read_events("run_2", 2) == [mine]


async def test_a_deleted_stream_is_not_continued(join, redis_server):
    one = await join(redis_server.url)
    await one.write_events([batch(1, 3)])
    await one.delete_events("run_1")
    with pytest.raises(EventsMissing):
        await one.write_events([batch(4, 5, previous=3), batch(1, 2, run_id="run_2")])
    assert await one.last_numbers(["run_1", "run_2"]) == {"run_1": 0, "run_2": 2}


async def test_events_expire_unless_they_are_renewed(join, redis_server):
    one = await join(redis_server.url, expire_seconds=50)
    await one.write_events([batch(1, 3), batch(1, 3, run_id="run_2"), batch(1, 3, run_id="run_3")])
    await one.store_log("run_1", b"log", 3, 50)
    await one.delete_events("run_3")
    assert await one.keep_events(["run_1", "run_3"], 500) == ["run_3"]
    with sync_redis.Redis.from_url(redis_server.url) as client:
        for key in ("u:{run_1}:ev", "u:{run_1}:log"):
            assert 400 < client.ttl(key) <= 500
        assert 0 < client.ttl("u:{run_2}:ev") <= 50
        assert not client.exists("u:{run_3}:ev")


async def test_a_stored_log_replaces_the_events_before_its_last_one(join, redis_server):
    one, other = await join(redis_server.url), await join(redis_server.url)
    batches = [batch(1, 3), batch(4, 5, previous=3), batch(6, 6, previous=5)]
    await one.write_events(batches)
    await one.store_log("run_1", b"log", 6, 500)
    assert await other.load_log("run_1") == b"log"
    assert await other.load_log("run_2") is None
    assert await other.read_events("run_1", 0) == batches[2:]
    await one.store_log("run_1", b"whole log", 9, 500)
    assert await other.read_events("run_1", 0) == []
    late = batch(4, 6, previous=3)
    assert list(await other.write_events([late])) == []
    assert await other.read_events("run_1", 0) == []
    with sync_redis.Redis.from_url(redis_server.url) as client:
        assert 400 < client.ttl("u:{run_1}:log") <= 500
    await one.delete_events("run_1")
    assert await other.load_log("run_1") is None


async def test_earlier_owners_do_not_write_behind_the_stored_log_of_a_later_one(join, redis_server):
    one, other = await join(redis_server.url), await join(redis_server.url)
    await one.write_events([batch(1, 6)])
    # The last owner could write no events, as Redis was unreachable, and has stored the log in the end.
    last = batch(1, 19, attempt=4).last
    await other.store_log("run_1", b"whole log", last, 500)
    with sync_redis.Redis.from_url(redis_server.url) as client:
        assert 400 < client.ttl("u:{run_1}:ev") <= 500
    assert await one.last_numbers(["run_1"]) == {"run_1": last}
    assert list(await one.write_events([batch(1, 14, attempt=2)])) == ["run_1"]
    assert await one.load_log("run_1") == b"whole log"
    assert await one.read_events("run_1", last) == []
    # Without the log, the stream does not pass for the whole one.
    [mark] = await one.read_events("run_1", 0)
    assert mark.previous == mark.last == last


async def test_an_owner_that_was_stopped_replaces_no_log_of_a_later_one(join, redis_server):
    late, successor = await join(redis_server.url), await join(redis_server.url)
    await late.write_events([batch(1, 6)])
    await successor.write_events([batch(1, 4, previous=6, attempt=2)])
    # Neither a part nor the end of what it has.
    for is_whole in (False, True):
        assert not await late.store_log("run_1", b"earlier log", 6, 500, is_whole=is_whole)
    assert await successor.load_log("run_1") is None
    assert await successor.read_events("run_1", 0) == [batch(1, 6), batch(1, 4, previous=6, attempt=2)]
    last = batch(1, 9, attempt=2).last
    assert await successor.store_log("run_1", b"whole log", last, 500)
    assert not await late.store_log("run_1", b"earlier log", 6, 500)
    assert await late.load_log("run_1") == b"whole log"
    # After a reconnect it may store it again.
    assert await successor.store_log("run_1", b"whole log", last, 500)


@pytest.mark.parametrize("attempt", [1, 2])
async def test_a_shortened_stream_does_not_replace_the_log_of_the_end(join, redis_server, attempt):
    one = await join(redis_server.url)
    await one.write_events([batch(1, 6, attempt=attempt), batch(7, 8, previous=6, attempt=attempt)])
    part, last = batch(7, 8, attempt=attempt).last, batch(9, 9, attempt=attempt).last
    assert await one.store_log("run_1", b"part", part, 500, is_whole=False)
    assert await one.store_log("run_1", b"whole log", last, 500)
    assert not await one.store_log("run_1", b"part", part, 500, is_whole=False)
    assert await one.load_log("run_1") == b"whole log"


async def test_a_log_is_not_shortened_whose_stream_is_lost(join, redis_server):
    one = await join(redis_server.url)
    await one.write_events([batch(1, 6)])
    await one.delete_events("run_1")
    assert not await one.store_log("run_1", b"part", 6, 500, is_whole=False)
    assert await one.load_log("run_1") is None
    assert await one.store_log("run_1", b"whole log", 9, 500)
    assert await one.load_log("run_1") == b"whole log"


# -- failures ------------------------------------------------------------------------------------------------------


async def test_nodes_count_together_to_the_last_unit_and_take_from_all_cells_or_none(join, redis_server):
    nodes = [await join(redis_server.url) for _ in range(2)]

    def cells(*limits, cost=1):
        return [CellCost(f"cell {number}", limit, limit / 86_400, cost) for number, limit in enumerate(limits)]

    taken = await asyncio.gather(*(nodes[n % 2].take_cells("proj_1", cells(40, 1000)) for n in range(200)))
    assert [fits for fits, _ in taken].count(True) == 40
    assert min(levels for fits, levels in taken if fits) == [1.0, 1.0]
    fits, levels = await nodes[0].take_cells("proj_1", cells(1000, 1000, cost=0))
    assert (fits, [round(level) for level in levels]) == (True, [40, 40])
    assert (await nodes[0].take_cells("proj_2", cells(40)))[0]
    # What is given back can be taken again.
    await nodes[1].add_to_cells("proj_1", cells(40, cost=-2))
    retaken = [(await nodes[0].take_cells("proj_1", cells(40)))[0] for _ in range(3)]
    assert retaken == [True, True, False]
    # The server forgets its scripts when it restarts.
    with sync_redis.Redis.from_url(redis_server.url) as redis:
        redis.script_flush()
        assert not (await nodes[0].take_cells("proj_1", cells(40)))[0]
        assert 0 < redis.ttl("u:{proj_1}:limit:cell 0") <= 86_401
        redis.set("u:{proj_3}:limit:cell 0", "not a cell")
    with pytest.raises(BrokerUnavailable, match="refused"):
        await nodes[0].take_cells("proj_3", cells(1))


async def test_what_a_higher_limit_admitted_blocks_for_at_most_one_window_of_a_lower_one(join, redis_server):
    nodes = [await join(redis_server.url) for _ in range(2)]

    def cell(limit, cost=1):
        return [CellCost("cell", limit, limit / 60, cost)]

    assert (await nodes[0].take_cells("proj_4", cell(50, cost=50)))[0]
    for node in nodes:
        fits, (level,) = await node.take_cells("proj_4", cell(3))
        assert not fits
        assert level == pytest.approx(3, abs=0.5)
    # Also if the first to see the lower limit only adds tokens that were used.
    assert (await nodes[0].take_cells("proj_6", cell(50, cost=50)))[0]
    await nodes[0].add_to_cells("proj_6", cell(3, cost=1))
    fits, (level,) = await nodes[1].take_cells("proj_6", cell(3))
    assert not fits
    assert level == pytest.approx(4, abs=0.5)
    # A debt of tokens stays, since the limit is the same.
    await nodes[0].add_to_cells("proj_5", cell(60, cost=600))
    for node in nodes:
        fits, (level,) = await node.take_cells("proj_5", cell(60, cost=1))
        assert not fits
        assert level == pytest.approx(600, abs=30)


async def test_places_are_taken_to_the_last_one_and_are_free_once_nobody_renews_them(join, redis_server):
    nodes = [await join(redis_server.url) for _ in range(2)]
    taken = await asyncio.gather(*(nodes[n % 2].take_place("group", f"holder-{n}", 3, 60) for n in range(10)))
    assert taken.count(True) == 3
    await nodes[1].free_place("group", f"holder-{taken.index(True)}")
    assert await nodes[1].take_place("group", "next", 3, 60)
    assert await nodes[0].take_place("other", "holder", 1, 0.05)
    with sync_redis.Redis.from_url(redis_server.url) as redis:
        await asyncio.to_thread(eventually, lambda: not redis.exists("u:{other}:places"))
        assert await nodes[1].take_place("other", "heir", 1, 60)
        # Holders have their places again after the server has lost them.
        redis.flushall()
        await nodes[0].keep_places("group", ["next", "holder"], 60)
        assert not await nodes[1].take_place("group", "late", 2, 60)
        redis.set("u:{broken}:places", "no set")
    with pytest.raises(BrokerUnavailable, match="refused"):
        await nodes[0].take_place("broken", "holder", 1, 60)


async def test_a_node_admits_its_share_while_the_counts_are_unavailable(join, redis_server, caplog):
    broker = await join(redis_server.url)
    policies = Policies(LiveNodes(), broker, LimitSettings(key_requests_per_day=10))
    await policies.refresh()
    models = SimpleNamespace(names_and_url=lambda model: ((model,), None))
    limiter = RateLimiter(policies, broker, models, SystemClock())

    async def admit():
        reservation = await limiter.reserve("proj_1", "key_1", "gpt", None)
        return reservation.refusal is None

    assert await admit()
    redis_server.kill()
    assert [await admit() for _ in range(5)].count(True) == 3
    assert "this node admits 1/3 of each limit" in caplog.text
    redis_server.start()
    await broker.reconnects.next()
    assert [await admit() for _ in range(11)].count(True) == 10


async def test_a_changed_limit_counts_on_every_node_once_it_is_announced(join, redis_server):
    brokers = [await join(redis_server.url) for _ in range(3)]
    live = LiveNodes(*(one.node_id for one in brokers), "node_gone")
    nodes = [Policies(live, broker, LimitSettings()) for broker in brokers]
    changed = []
    for number, node in enumerate(nodes):
        node.listeners.append(partial(changed.append, number))

    await nodes[0].announce()

    assert sorted(changed) == [0, 1, 2]


class LiveNodes:
    """A store without limits, on which three nodes work."""

    def __init__(self, *ids):
        self.limits = self.nodes = self.permissions = self
        self._ids = ids

    async def list_live(self):
        return self._ids

    async def list(self, scopes=None):
        return [] if scopes else [SimpleNamespace(is_live=True)] * 3 + [SimpleNamespace(is_live=False)]

    async def count_changes(self):
        return 0

    async def get(self, project_id):
        return UNRESTRICTED


async def test_a_restart_without_data_is_reported_and_everything_works_again(join, redis_server, caplog):
    caplog.set_level(logging.INFO, "understudy.broker")
    one, other = await join(redis_server.url), await join(redis_server.url)
    await one.write_events([batch(1, 3)])
    redis_server.kill()
    await unavailable(one)
    with pytest.raises(BrokerUnavailable):
        await one.write_events([batch(4, 5, previous=3)])
    with pytest.raises(NoReply):
        await one.request(other.node_id, "echo", b"")
    one.wake("run")
    await one.send(other.node_id, "echo", b"")
    await one.keep_events(["run_1"], 10)
    redis_server.start()
    assert await one.reconnects.next() is True
    assert await other.reconnects.next() is True
    assert await one.last_numbers(["run_1"]) == {"run_1": 0}
    assert await one.request(other.node_id, "echo", b"again") == f"{one.node_id} again".encode()
    woken = asyncio.create_task(other.wait_woken("run"))
    one.wake("run")
    await asyncio.wait_for(woken, WITHIN)
    lines = [record.message for record in caplog.records]
    address = f"Redis at 127.0.0.1:{redis_server.port}"
    assert len([line for line in lines if line.startswith(f"{address}: unavailable, reconnecting: ")]) == 2
    assert lines.count(f"{address}: connected again, without its data") == 2
    assert len(lines) == 4


async def test_a_server_whose_data_is_deleted_while_it_runs_is_reported(join, redis_server, monkeypatch):
    monkeypatch.setattr(connection, "_PING_SECONDS", 0.01)
    nodes = [await join(redis_server.url) for _ in range(2)]
    with sync_redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    for node in nodes:
        assert await node.reconnects.next() is True
        assert node.is_available
        # Later checks find the same data.
        assert await node.request(node.node_id, "echo", b"") == f"{node.node_id} ".encode()
        assert node.reconnects.seen.empty()


async def test_a_restart_with_its_data_keeps_the_events(join, tmp_path):
    server = RedisServer(tmp_path, appendonly="yes", appendfsync="always").start()
    try:
        one = await join(server.url)
        await one.write_events([batch(1, 3)])
        server.kill()
        await unavailable(one)
        server.start()
        assert await one.reconnects.next() is False
        assert await one.read_events("run_1", 0) == [batch(1, 3)]
    finally:
        server.kill()


async def test_a_waiting_node_is_woken_after_a_restart(join, redis_server):
    one, other = await join(redis_server.url), await join(redis_server.url)
    woken = asyncio.create_task(other.wait_woken("run"))
    redis_server.kill()
    await unavailable(one)
    redis_server.start()
    await one.reconnects.next()
    one.wake("run")
    await asyncio.wait_for(woken, WITHIN)


async def test_a_silent_server_is_unavailable_until_it_replies_and_a_retried_write_is_not_doubled(join, redis_server):
    one = await join(redis_server.url)
    redis_server.pause()
    with pytest.raises(BrokerUnavailable):
        await one.write_events([batch(1, 3)])
    assert not one.is_available
    with pytest.raises(BrokerUnavailable):
        await one.read_events("run_1", 0)
    redis_server.resume()
    assert await one.reconnects.next() is False
    await one.write_events([batch(1, 3), batch(4, 5, previous=3)])
    assert await one.read_events("run_1", 0) == [batch(1, 3), batch(4, 5, previous=3)]


async def test_a_node_whose_inbox_is_cut_connects_again(join, redis_server):
    one, other = await join(redis_server.url), await join(redis_server.url)
    with sync_redis.Redis.from_url(redis_server.url) as client:
        client.client_kill_filter(_type="pubsub")
    assert await other.reconnects.next() is False
    assert await one.reconnects.next() is False
    assert await one.request(other.node_id, "echo", b"") == f"{one.node_id} ".encode()


async def test_connections_that_the_server_has_closed_are_replaced_without_an_error(join, redis_server, caplog):
    one = await join(redis_server.url)
    await one.write_events([batch(1, 3)])
    with sync_redis.Redis.from_url(redis_server.url) as client:
        client.client_kill_filter(_type="normal", skipme=True)
    await one.write_events([batch(4, 5, previous=3)])
    assert await one.read_events("run_1", 0) == [batch(1, 3), batch(4, 5, previous=3)]
    assert one.is_available
    assert not caplog.records


async def test_a_node_starts_without_the_server_and_connects_later(join, redis_server, caplog):
    redis_server.kill()
    one = await join(redis_server.url)
    assert not one.is_available
    assert "unavailable, reconnecting" in caplog.text
    redis_server.start()
    assert await one.reconnects.next() is False
    await one.write_events([batch(1, 3)])


async def test_a_full_server_refuses_events_and_stays_connected(join, redis_server):
    one = await join(redis_server.url)
    with sync_redis.Redis.from_url(redis_server.url) as client:
        client.config_set("maxmemory", "1")
        client.config_set("maxmemory-policy", "noeviction")
    with pytest.raises(BrokerUnavailable, match="Redis refused to store events"):
        await one.write_events([batch(1, 3)])
    assert one.is_available


async def test_a_node_that_does_not_read_is_cut_off_and_connects_again(join, redis_server):
    one, other = await join(redis_server.url), await join(redis_server.url)
    channel = f"u:in:{{{other.node_id}}}"
    with sync_redis.Redis.from_url(redis_server.url) as client:
        client.config_set("client-output-buffer-limit", "pubsub 1mb 1mb 1")
        # The event loop reads nothing meanwhile.
        while client.publish(channel, bytes(1 << 20)):
            pass
    assert await other.reconnects.next() is False
    assert await one.request(other.node_id, "echo", b"again", seconds=WITHIN) == f"{one.node_id} again".encode()


# -- URLs ----------------------------------------------------------------------------------------------------------


async def test_a_password_is_needed_and_never_in_an_error(join, tmp_path, caplog):
    server = RedisServer(tmp_path, requirepass="s3cret").start()
    try:
        with pytest.raises(SettingsError, match="refused the connection") as refused:
            await join(server.url.replace("//", "//:wr0ng@"))
        assert "wr0ng" not in str(refused.value)
        one = await join(server.url.replace("//", "//:s3cret@"))
        server.kill()
        await unavailable(one)
        assert "s3cret" not in caplog.text
        assert "s3cret" not in repr(one.__dict__)
    finally:
        server.kill()


async def test_a_unix_socket_and_another_database(join, tmp_path):
    server = RedisServer(tmp_path, unixsocket=str(tmp_path / "s")).start()
    try:
        one = await join(f"unix://{tmp_path}/s?db=2")
        await one.write_events([batch(1, 3)])
        with sync_redis.Redis.from_url(f"{server.url}/2") as client:
            assert client.exists("u:{run_1}:ev")
    finally:
        server.kill()


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://host", "its scheme must be one of redis, rediss, unix"),
        ("redis://host/x", "its path must be the number of a database"),
        ("redis://host:0x", "the port of a host must be a number"),
        ("redis://host?tls=1", "unknown parameter 'tls'"),
        ("redis+sentinel://host", "it must name the service"),
        ("redis+cluster://host/1", "Cluster has only database 0"),
        ("redis://u:se#cret@host", "must be percent-encoded"),
    ],
)
def test_a_malformed_url_is_refused_without_its_secrets(url, problem):
    with pytest.raises(SettingsError, match=problem) as refused:
        build_broker(url, 60)
    assert "cret" not in str(refused.value)


def test_without_its_packages_a_broker_names_the_extra():
    program = (
        "import sys; sys.modules['redis'] = None\n"
        "from understudy.broker.opening import build_broker\n"
        "build_broker('redis://host', 60)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "run `pip install 'understudy[redis]'`" in done.stderr
