"""Events of runs for the nodes that follow them, through a real Redis server."""

import asyncio
import contextlib
import secrets

import msgspec
import pytest

from engine import answers, histories
from serving import parse_events
from understudy.broker.opening import build_broker
from understudy.clock import SystemClock
from understudy.engine.run import events
from understudy.engine.run.event_codec import EventCodec
from understudy.engine.run.event_numbers import EVENTS_PER_EPOCH
from understudy.engine.run.feed import BATCH_TOPIC, EVENTS_TOPIC, FOLLOW_TOPIC, EventFeed, decode_batch, decode_sent
from understudy.engine.run.log_streams import LogStreams
from understudy.engine.run.logs import Logs
from understudy.engine.run.node_logs import NodeLogs
from understudy.engine.run.remote_logs import RemoteLogs
from understudy.engine.run.stored_logs import StoredLogs, append_entries
from understudy.engine.views.frames import ResponseEncoder, RunEncoder
from understudy.engine.views.origins import decode_origin
from understudy.store.run_state import RunOwner
from waiting import WITHIN

CODEC = EventCodec(decode_origin)
END = events.RunEnded("completed", histories.AT, histories.USAGE)


class Node:
    """A process with runs of its own, which follows those of other nodes."""

    def __init__(self, url):
        self.broker = build_broker(url, 3600)
        self.logs = Logs(SystemClock(), 60.0)
        self.owners = {}
        stored = StoredLogs(self.broker, CODEC)
        self.streams = LogStreams(self.broker, CODEC, stored, 3600, print)
        self.feed = EventFeed(self.broker, CODEC, self.logs, self.streams.flush)
        node_logs = NodeLogs(self.broker, CODEC, stored, None)
        self.remote = RemoteLogs(
            self.broker, CODEC, stored, node_logs, self.logs, self.find_owners, str, None, self.streams.untrack
        )

    async def find_owners(self, run_ids):
        return {run_id: RunOwner("in_progress", self.owners.get(run_id), 1) for run_id in run_ids}

    async def start(self):
        await self.broker.start()
        await self.streams.start()
        await self.remote.start()
        return self

    async def stop(self):
        await self.remote.stop()
        await self.streams.stop()
        await self.broker.stop()

    async def follow(self, run):
        self.owners[run.id] = run.node.broker.node_id
        async with asyncio.timeout(WITHIN):
            return await self.remote.follow(run.id, run.new_encoder)


class Run:
    def __init__(self, node, new_encoder=RunEncoder):
        self.id, self.node, self.new_encoder = f"run_{secrets.token_hex(8)}", node, new_encoder
        self.log, self.encoder = node.logs.create(self.id, new_encoder), new_encoder()
        node.streams.track(self.id, self.log)
        response = None if new_encoder is RunEncoder else answers.response(status="queued")
        made, _ = histories.run()
        self.append(histories.queued(made, response=response), events.RunStarted(histories.AT))
        self.append(events.MessageOpened("step_1", "msg_1", histories.AT))

    def append(self, *happened):
        for event in happened:
            self.log.append(event, self.encoder.encode(event))

    def write(self, *texts):
        self.append(*(events.TextDelta(text) for text in texts[:1]))
        if texts[1:]:
            self.log.append_texts(texts[1:], self.encoder.encode_texts(texts[1:]))

    def end(self):
        self.append(events.MessageClosed(histories.AT, histories.USAGE), END)
        self.log.close()


@pytest.fixture
async def join(session_redis):
    async with contextlib.AsyncExitStack() as stack:

        async def make(node_class=Node):
            node = await node_class(session_redis).start()
            stack.push_async_callback(node.stop)
            return node

        yield make


async def reach(log, length):
    async with asyncio.timeout(WITHIN):
        while log.length < length:  # noqa: ASYNC110 - another node's messages
            await asyncio.sleep(0.001)


def events_of(log, after=1):
    return [(one.number, one.event) for entry in log.entries() for one in entry.divide(0) if one.number > after]


def read(log, after=0):
    return list(parse_events(log.reader(after).read()))


class Messages:
    """What a node receives."""

    def __init__(self, node):
        self.received = []
        self.receivers = {BATCH_TOPIC: node.remote._receive_batch, EVENTS_TOPIC: node.remote._receive_undivided}
        for topic in self.receivers:
            node.broker.receive(topic, lambda sender, body, topic=topic: self._receive(topic, sender, body))

    def _receive(self, topic, sender, body):
        self.received.append((topic, body))
        self.receivers[topic](sender, body)


@pytest.mark.parametrize("new_encoder", [RunEncoder, ResponseEncoder])
async def test_a_copy_has_each_delta_as_an_event_of_its_own_and_all_runs_of_a_turn_in_one_message(join, new_encoder):
    owner, other = await join(), await join()
    runs = [Run(owner, new_encoder) for _ in range(20)]
    copies = [await other.follow(run) for run in runs]
    readers = [copy.reader() for copy in copies]
    for reader in readers:
        reader.read()
    messages = Messages(other)
    for run in runs:
        run.write("Hello", ", ", "wörld", "", "🙂")
        run.append(events.RefusalDelta("No"), events.RefusalDelta(" way"))
    for run, copy in zip(runs, copies, strict=True):
        await reach(copy, run.log.length)
        assert events_of(copy) == events_of(run.log)
        assert read(copy, 3) == read(run.log, 3)
    [(topic, body)] = messages.received
    assert topic == BATCH_TOPIC
    assert [sent.run_id for sent in decode_batch(body)] == [run.id for run in runs]
    for run, copy in zip(runs, copies, strict=True):
        run.end()
        await reach(copy, run.log.length)
        assert (copy.closed, copy.has_ended) == (True, True)


async def test_what_happens_while_a_message_is_on_its_way_is_in_one_message_afterwards(join):
    owner, other = await join(), await join()
    run = Run(owner)
    copy = await other.follow(run)
    messages = Messages(other)
    drained = asyncio.Event()
    drain, owner.broker.drain = owner.broker.drain, drained.wait
    run.write("first")
    await reach(copy, run.log.length)
    for number in range(50):
        run.write(f"{number} ")
        await asyncio.sleep(0)
    assert len(messages.received) == 1
    owner.broker.drain = drain
    drained.set()
    await reach(copy, run.log.length)
    assert len(messages.received) == 2
    assert events_of(copy) == events_of(run.log)


async def test_a_flood_is_divided_into_messages_of_bounded_sizes(join):
    owner, other = await join(), await join()
    run = Run(owner)
    copy = await other.follow(run)
    messages = Messages(other)
    run.write(*"x" * 20_000)
    run.write(*["long" * 1000] * 40)
    run.append(events.TextDelta("y" * 200_000))
    run.write("z")
    await reach(copy, run.log.length)
    assert (
        "".join(event.text for _, event in events_of(copy, 3)) == "x" * 20_000 + "long" * 40_000 + "y" * 200_000 + "z"
    )
    assert max(len(body) for _, body in messages.received) <= 50_000
    batches = [decode_batch(body) for topic, body in messages.received if topic == BATCH_TOPIC]
    assert max(sum(sent.last - sent.previous for sent in batch) for batch in batches) <= 2000


async def test_deltas_of_two_epochs_keep_their_numbers(join):
    owner, other = await join(), await join()
    run = Run(owner)
    copy = await other.follow(run)
    run.write("a", "b")
    run.log.begin_epoch(2)
    run.write("c", "d")
    await reach(copy, run.log.length)
    assert events_of(copy) == events_of(run.log)
    assert [number for number, _ in events_of(copy)][-2:] == [EVENTS_PER_EPOCH + 1, EVENTS_PER_EPOCH + 2]


async def test_a_lost_message_is_requested_again_and_no_event_is_doubled(join):
    owner, other = await join(), await join()
    run = Run(owner)
    copy = await other.follow(run)
    send, lost = owner.broker.send, []

    async def lose(node_id, topic, body):
        lost.append(topic)

    owner.broker.send = lose
    run.write("lost", " too")
    async with asyncio.timeout(WITHIN):
        while not lost:  # noqa: ASYNC110 - the feed's task
            await asyncio.sleep(0)
    owner.broker.send = send
    run.write(" found")
    await reach(copy, run.log.length)
    assert events_of(copy) == events_of(run.log)


async def test_messages_that_arrive_while_a_reply_is_awaited_are_applied_after_it(join):
    owner, other = await join(), await join()
    run = Run(owner)
    request, requested, replied = other.remote._node_logs.request, asyncio.Event(), asyncio.Event()
    requests = []

    async def hold(node_id, run_id, after):
        requests.append(after)
        reply = await request(node_id, run_id, after)
        requested.set()
        await replied.wait()
        return reply

    other.remote._node_logs.request = hold
    messages = Messages(other)
    following = asyncio.create_task(other.follow(run))
    async with asyncio.timeout(WITHIN):
        await requested.wait()
        for number in range(3):
            run.write(f"{number} ", "and ")
            while len(messages.received) <= number:  # noqa: ASYNC110 - another node's messages
                await asyncio.sleep(0.001)
    replied.set()
    copy = await following
    await reach(copy, run.log.length)
    assert events_of(copy) == events_of(run.log)
    assert requests == [0]


async def test_a_message_that_cannot_be_decoded_ends_the_streams_of_its_run_alone(join, caplog):
    owner, other = await join(), await join()
    broken, whole = Run(owner), Run(owner)
    copies = [await other.follow(run) for run in (broken, whole)]
    encode = owner.feed._codec.encode_entries
    owner.feed._codec = EventCodec(decode_origin)
    owner.feed._codec.encode_entries = lambda entries: (
        b"\xc1" if entries[0].event == events.TextDelta("broken") else encode(entries)
    )
    broken.write("broken")
    whole.write("whole")
    await reach(copies[1], whole.log.length)
    assert (copies[0].closed, copies[0].is_handed_over) == (True, True)
    assert f"run {broken.id}: received events cannot be decoded" in caplog.text


# -- nodes of earlier versions ---------------------------------------------------------------------------------------


class EarlierFollowRequest(msgspec.Struct, array_like=True):
    run_id: str
    after: int


async def test_a_node_of_an_earlier_version_gets_its_own_messages_while_others_get_batches(join):
    owner, other, earlier = await join(), await join(), await join()
    run = Run(owner)
    copy = await other.follow(run)
    sent = []
    earlier.broker.receive(EVENTS_TOPIC, lambda _, body: sent.append(decode_sent(body)))
    request = msgspec.msgpack.encode(EarlierFollowRequest(run.id, 0))
    reply = decode_sent(await earlier.broker.request(owner.broker.node_id, FOLLOW_TOPIC, request))
    log, encoder = earlier.logs.create(run.id, RunEncoder), RunEncoder()
    append_entries(log, encoder, CODEC.decode_entries(reply.entries))
    run.write("Hel", "lo")
    run.append(events.RefusalDelta("No"), events.RefusalDelta(" way"))
    run.end()
    await reach(copy, run.log.length)
    async with asyncio.timeout(WITHIN):
        while not sent or sent[-1].state != "ended":  # noqa: ASYNC110 - another node's messages
            await asyncio.sleep(0.001)
    for message in sent:
        entries = CODEC.decode_entries(message.entries)
        assert message.previous == log.length
        assert all(entry.ends is None for entry in entries)
        append_entries(log, encoder, entries)
    assert events_of(log) == events_of(run.log) == events_of(copy)


class EarlierNode(Node):
    """Its owner's side knows no batches, as it does not read that a node handles them."""

    def __init__(self, url):
        super().__init__(url)
        self.broker.handle(FOLLOW_TOPIC, self._reply)

    async def _reply(self, node_id, body):
        run_id, after, *_ = msgspec.msgpack.decode(body)
        return await self.feed._reply(node_id, msgspec.msgpack.encode(EarlierFollowRequest(run_id, after)))


async def test_a_run_of_a_node_of_an_earlier_version_is_followed(join):
    owner, other = await join(EarlierNode), await join()
    run = Run(owner)
    copy = await other.follow(run)
    messages = Messages(other)
    run.write("Hel", "lo")
    run.end()
    await reach(copy, run.log.length)
    assert {topic for topic, _ in messages.received} == {EVENTS_TOPIC}
    assert events_of(copy) == events_of(run.log)
