"""The logs of runs on a real Redis server: another node has every event, from any number, whatever Redis has lost."""

import asyncio
import contextlib
import secrets

import pytest
import redis as sync_redis

from engine import histories
from engine.histories import join_deltas
from understudy.broker import BrokerUnavailable
from understudy.broker.memory import MemoryBroker
from understudy.broker.opening import build_broker
from understudy.clock import SystemClock
from understudy.engine.jobs.run_logs import RunLogs
from understudy.engine.run import ended_logs, events, log_streams
from understudy.engine.run.event_codec import EventCodec
from understudy.engine.run.event_numbers import EVENTS_PER_EPOCH
from understudy.engine.run.log import RunLog
from understudy.engine.run.log_streams import LogStreams
from understudy.engine.run.logs import Logs
from understudy.engine.run.stored_logs import StoredLogs, build_log
from understudy.engine.views.frames import RunEncoder
from understudy.engine.views.origins import decode_origin
from waiting import WITHIN

END = events.RunEnded("completed", histories.AT, histories.USAGE)


class Node:
    """A process that writes the logs of its runs, and reads those of others."""

    def __init__(self, url):
        codec = EventCodec(decode_origin)
        self.broker = build_broker(url, 3600)
        self.stored = StoredLogs(self.broker, codec)
        self.lost = []
        self.streams = LogStreams(self.broker, codec, self.stored, 3600, self.lost.append)

    async def start(self):
        await self.broker.start()
        await self.streams.start()
        return self

    async def stop(self):
        await self.streams.stop()
        await self.broker.stop()


class Run:
    """A run with a log that is filled as its owner does it."""

    def __init__(self, epoch=1, run_id=None):
        made, _ = histories.run()
        self.id = run_id or f"run_{secrets.token_hex(8)}"
        self.log, self.encoder = RunLog(RunEncoder), RunEncoder()
        self.log.begin_epoch(epoch)
        self.append(histories.queued(made), events.RunStarted(histories.AT))
        self.append(events.MessageOpened("step_1", "msg_1", histories.AT))

    def append(self, *happened):
        for event in happened:
            self.log.append(event, self.encoder.encode(event))

    def write(self, *pieces):
        self.append(*(events.TextDelta(piece) for piece in pieces))

    async def frames(self, after=0):
        self.log.closed = True
        return b"".join([frames async for frames in self.log.follow(after)])


@pytest.fixture
async def join():
    async with contextlib.AsyncExitStack() as stack:

        async def make(url):
            node = await Node(url).start()
            stack.push_async_callback(node.stop)
            return node

        yield make


async def load_until(node, run, after=0):
    """What another node reads of the run, once it is all there."""
    async with asyncio.timeout(WITHIN):
        while True:
            with contextlib.suppress(BrokerUnavailable):
                entries = await node.stored.load(run.id, after)
                if entries and entries[-1].number == run.log.length:
                    return entries
            await asyncio.sleep(0.01)


async def assert_whole(node, run):
    """Another node renders the same from any number on."""
    entries = await load_until(node, run)
    copy = build_log(RunEncoder, entries)
    copy.close()
    for after in range(run.log.length + 1):
        frames = b"".join([frames async for frames in copy.follow(after)])
        assert join_deltas(frames) == join_deltas(await run.frames(after)), after


def batches_of(url, run):
    with sync_redis.Redis.from_url(url) as client:
        return client.xlen(f"u:{{{run.id}}}:ev")


async def test_another_node_has_every_event_from_any_number(join, session_redis):
    one, other = await join(session_redis), await join(session_redis)
    run = Run()
    one.streams.track(run.id, run.log)
    run.write("Hel", "lo, ")
    await load_until(other, run)
    run.write("wor", "ld.")
    assert await one.streams.flush(run.id, run.log.length)
    run.append(events.MessageClosed(histories.AT, histories.USAGE))
    await assert_whole(other, run)
    run.append(END)
    one.streams.end(run.id, run.log)
    await assert_whole(other, run)


async def test_deltas_of_a_quarter_of_a_second_are_one_batch(join, session_redis):
    one, other = await join(session_redis), await join(session_redis)
    run = Run()
    one.streams.track(run.id, run.log)
    await load_until(other, run)
    before = batches_of(session_redis, run)
    for _ in range(100):
        run.write(*"ab")
        await asyncio.sleep(0)
    await load_until(other, run)
    assert batches_of(session_redis, run) - before == 1
    run.write("x" * 5000)
    run.append(events.MessageClosed(histories.AT, histories.USAGE))
    await load_until(other, run)
    assert batches_of(session_redis, run) - before == 2


async def test_a_long_log_is_stored_whole_and_its_stream_trimmed(join, session_redis, monkeypatch):
    monkeypatch.setattr(log_streams, "_MAX_BATCHES", 5)
    one, other = await join(session_redis), await join(session_redis)
    run = Run()
    one.streams.track(run.id, run.log)
    for number in range(30):
        run.write(f"{number} ")
        assert await one.streams.flush(run.id, run.log.length)
    assert batches_of(session_redis, run) <= 6
    await assert_whole(other, run)


async def test_an_event_and_a_text_above_the_limit_of_a_batch_are_stored(join, session_redis):
    one, other = await join(session_redis), await join(session_redis)
    run = Run()
    one.streams.track(run.id, run.log)
    run.write(*["x" * 1000] * 700)
    run.write("y" * 3_000_000)
    assert await one.streams.flush(run.id, run.log.length)
    entries = await load_until(other, run)
    assert sum(len(entry.event.text) for entry in entries[3:]) == 3_700_000
    assert entries[-1].number == run.log.length


async def test_an_owner_that_lost_its_run_writes_nothing_more(join, session_redis):
    late, successor, other = [await join(session_redis) for _ in range(3)]
    run = Run()
    late.streams.track(run.id, run.log)
    await load_until(other, run)
    next_log = Run(epoch=2, run_id=run.id)
    successor.streams.track(run.id, next_log.log)
    await load_until(other, next_log)
    run.write("stale")
    assert not await late.streams.flush(run.id, run.log.length)
    assert late.lost == [run.id]
    entries = await other.stored.load(run.id)
    assert [entry.number for entry in entries] == [1, 2, 3, *range(EVENTS_PER_EPOCH + 1, EVENTS_PER_EPOCH + 4)]


async def test_the_log_of_a_queued_run_is_dropped_once_it_is_stored_and_nobody_reads_it(join, session_redis):
    one, other = await join(session_redis), await join(session_redis)
    logs = Logs(SystemClock(), 60.0)
    run_logs = RunLogs(None, logs, SystemClock(), MemoryBroker(), 60.0, print)
    run_logs.streams = one.streams
    run = Run()
    log = run.log = logs.create(run.id, RunEncoder)
    run.encoder = RunEncoder()
    run.append(histories.queued(histories.run()[0]))
    one.streams.track(run.id, log)
    assert not run_logs.drop_unread(run.id)
    await one.streams.flush(run.id, log.length)
    with log.reader():
        assert not run_logs.drop_unread(run.id)
    assert run_logs.drop_unread(run.id)
    assert (logs.get(run.id), one.streams.is_tracked(run.id), log.followers) == (None, False, [])
    assert [entry.number for entry in await other.stored.load(run.id)] == [1]


async def test_events_of_a_private_run_are_stored_only_where_another_node_needs_them_and_until_the_end(
    join, session_redis
):
    one, other = await join(session_redis), await join(session_redis)
    private, plain = Run(), Run()
    one.streams.track(private.id, private.log, is_private=True)
    one.streams.track(plain.id, plain.log)
    for run in (private, plain):
        run.write("Hello")
        run.append(events.MessageClosed(histories.AT, histories.USAGE))
    await load_until(other, plain)
    assert await other.stored.load(private.id) == []
    assert await one.streams.flush(private.id, private.log.length)
    await assert_whole(other, private)
    private.append(END)
    one.streams.end(private.id, private.log)
    # It waits for what the end has started.
    await one.streams.flush(private.id, 0)
    assert await other.stored.load(private.id) == []


async def test_what_comes_after_a_hole_is_not_read(join, session_redis):
    one, other = await join(session_redis), await join(session_redis)
    run = Run()
    one.streams.track(run.id, run.log)
    for piece in ("a", "b", "c"):
        run.write(piece)
        assert await one.streams.flush(run.id, run.log.length)
    with sync_redis.Redis.from_url(session_redis) as client:
        key = f"u:{{{run.id}}}:ev"
        client.xdel(key, client.xrange(key)[-2][0])
    assert [entry.number for entry in await other.stored.load(run.id)][-1] == run.log.length - 2


async def test_a_reader_of_a_lost_log_reads_what_the_next_owner_added_and_not_its_beginning_again(join, session_redis):
    one, other = await join(session_redis), await join(session_redis)
    # It begins with what is rebuilt of the events of the first owner.
    run = Run(epoch=2)
    for event in (histories.restored(histories.run()[0], ()), events.TextDelta("Hello")):
        run.log.append(event, ())
    one.streams.track(run.id, run.log)
    whole = await load_until(other, run)
    assert [entry.number - EVENTS_PER_EPOCH for entry in whole] == [1, 2, 3, 4, 5]
    for after, first in ((1, 4), (3, 4), (EVENTS_PER_EPOCH + 1, 2), (EVENTS_PER_EPOCH + 4, 5)):
        entries = await other.stored.load(run.id, after)
        assert entries[0].number - EVENTS_PER_EPOCH == first
        assert entries[-1].number == run.log.length


async def test_after_a_restart_without_data_every_event_is_stored_again(join, redis_server):
    one, other = await join(redis_server.url), await join(redis_server.url)
    run, ending = Run(), Run()
    for some in (run, ending):
        one.streams.track(some.id, some.log)
        await load_until(other, some)
    redis_server.kill()
    run.write("meanwhile")
    ending.append(events.MessageClosed(histories.AT, histories.USAGE), END)
    one.streams.end(ending.id, ending.log)
    assert not await one.streams.flush(run.id, run.log.length)
    redis_server.start()
    await assert_whole(other, run)
    await assert_whole(other, ending)
    run.write(" and afterwards")
    await assert_whole(other, run)


async def test_the_logs_of_runs_that_ended_are_stored_again_after_a_restart_without_data(join, redis_server):
    one, other = await join(redis_server.url), await join(redis_server.url)
    runs, deleted, private = [Run(epoch) for epoch in (1, 2) for _ in range(15)], Run(), Run()
    for run in (*runs, deleted, private):
        one.streams.track(run.id, run.log, is_private=run is private)
        run.append(events.MessageClosed(histories.AT, histories.USAGE), END)
        one.streams.end(run.id, run.log)
        if run is not private:
            await load_until(other, run)
    one.streams.erase(deleted.id)
    redis_server.kill()
    redis_server.start()
    for run in runs:
        entries = await load_until(other, run)
        assert [entry.number for entry in entries] == [entry.number for entry in run.log.entries()]
    assert [await other.stored.load(run.id) for run in (deleted, private)] == [[], []]


async def test_a_reconnect_behind_a_loss_of_data_does_not_stop_that_logs_are_stored_again(
    join, session_redis, monkeypatch
):
    monkeypatch.setattr(ended_logs, "_AT_ONCE", 1)
    one, other = await join(session_redis), await join(session_redis)
    runs = [Run() for _ in range(3)]
    for run in runs:
        one.streams.track(run.id, run.log)
        run.append(events.MessageClosed(histories.AT, histories.USAGE), END)
        one.streams.end(run.id, run.log)
        await load_until(other, run)
        await other.broker.delete_events(run.id)
    await one.streams._recover(True)
    await asyncio.sleep(0)
    await one.streams._recover(False)
    for run in runs:
        await load_until(other, run)


async def test_events_of_a_run_that_waits_are_stored_again_at_the_next_renewal_after_an_eviction(join, session_redis):
    one, other = await join(session_redis), await join(session_redis)
    run, fresh = Run(), Run()
    for some in (run, fresh):
        one.streams.track(some.id, some.log)
    assert await one.streams.flush(run.id, run.log.length)
    await other.broker.delete_events(run.id)
    await one.streams._renew()
    await assert_whole(other, run)


async def test_an_owner_that_was_stopped_before_it_stored_its_log_does_not_replace_its_successors(
    join, session_redis, monkeypatch
):
    monkeypatch.setattr(log_streams, "_MAX_BATCHES", 1)
    late, successor, other = [await join(session_redis) for _ in range(3)]
    run = Run()
    store, stopped, continued = late.broker.store_log, asyncio.Event(), asyncio.Event()

    async def stop(*arguments, **options):
        stopped.set()
        await continued.wait()
        return await store(*arguments, **options)

    late.broker.store_log = stop
    late.streams.track(run.id, run.log)
    flushing = asyncio.create_task(late.streams.flush(run.id, run.log.length))
    async with asyncio.timeout(WITHIN):
        await stopped.wait()
        following = Run(epoch=2, run_id=run.id)
        successor.streams.track(run.id, following.log)
        following.append(events.MessageClosed(histories.AT, histories.USAGE), END)
        successor.streams.end(run.id, following.log)
        await load_until(other, following)
        continued.set()
        await flushing
    entries = await other.stored.load(run.id)
    assert [entry.number for entry in entries] == [entry.number for entry in following.log.entries()]
    run.append(events.MessageClosed(histories.AT, histories.USAGE))
    assert not await late.streams.flush(run.id, run.log.length)
    assert late.lost == [run.id]


async def test_events_that_were_evicted_are_stored_again(join, session_redis):
    one, other = await join(session_redis), await join(session_redis)
    run = Run()
    one.streams.track(run.id, run.log)
    assert await one.streams.flush(run.id, run.log.length)
    await other.broker.delete_events(run.id)
    run.write("afterwards")
    assert await one.streams.flush(run.id, run.log.length)
    await assert_whole(other, run)


async def test_a_full_server_is_reported_once_and_has_each_event_afterwards(join, redis_server, caplog):
    one, other = await join(redis_server.url), await join(redis_server.url)
    run = Run()
    one.streams.track(run.id, run.log)
    await load_until(other, run)
    with sync_redis.Redis.from_url(redis_server.url) as client:
        client.config_set("maxmemory", 1)
        for piece in ("a", "b"):
            run.write(piece)
            assert not await one.streams.flush(run.id, run.log.length)
            # A flush without events fails on no server.
            one.streams.track("run_empty", RunLog(RunEncoder))
            await one.streams.flush("run_empty", 1)
        assert [record.message[:40] for record in caplog.records] == ["events of runs are not stored for other "]
        client.config_set("maxmemory", 0)
    assert await one.streams.flush(run.id, run.log.length)
    await assert_whole(other, run)


@pytest.mark.parametrize("reconnected", [False, True])
async def test_the_log_of_a_run_that_ended_at_a_full_server_is_stored_once_that_has_room(
    join, redis_server, monkeypatch, reconnected
):
    monkeypatch.setattr(ended_logs, "_FIRST_RETRY_SECONDS", 0.01)
    one, other = await join(redis_server.url), await join(redis_server.url)
    if reconnected:
        await one.streams._recover(False)
    run = Run()
    one.streams.track(run.id, run.log)
    await load_until(other, run)
    run.append(events.MessageClosed(histories.AT, histories.USAGE), END)
    with sync_redis.Redis.from_url(redis_server.url) as client:
        client.config_set("maxmemory", 1)
        one.streams.end(run.id, run.log)
        assert not await one.streams.flush(run.id, run.log.length)
        client.config_set("maxmemory", 0)
    await assert_whole(other, run)


async def test_a_silent_server_delays_nothing_and_has_each_event_once_afterwards(join, redis_server):
    one, other = await join(redis_server.url), await join(redis_server.url)
    run = Run()
    one.streams.track(run.id, run.log)
    await load_until(other, run)
    redis_server.pause()
    run.append(events.TextDelta("a"), events.MessageClosed(histories.AT, histories.USAGE))
    assert not await one.streams.flush(run.id, run.log.length)
    run.append(events.MessageOpened("step_2", "msg_2", histories.AT))
    run.write("b")
    redis_server.resume()
    await assert_whole(other, run)
    with sync_redis.Redis.from_url(redis_server.url) as client:
        ids = [entry_id for entry_id, _ in client.xrange(f"u:{{{run.id}}}:ev")]
    assert len(ids) == len({*ids})
