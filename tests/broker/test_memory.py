"""The broker of a single process: wake-ups, and messages that a process sends to itself."""

import asyncio

import pytest

from understudy.broker import MAX_MESSAGE_BYTES, NoReply
from understudy.broker.memory import MemoryBroker
from waiting import WITHIN


async def echo(sender, body):
    return sender.encode() + b" " + body


async def fail(sender, body):
    raise ValueError("broken")


@pytest.fixture
async def broker():
    made = MemoryBroker()
    made.handle("echo", echo)
    made.handle("fail", fail)
    await made.start()
    yield made
    await made.stop()


async def test_a_wake_up_that_comes_before_the_wait_is_not_lost(broker):
    broker.wake("run")
    async with asyncio.timeout(WITHIN):
        await broker.wait_woken("run")


async def test_a_wake_up_wakes_its_kind_only(broker):
    other = asyncio.create_task(broker.wait_woken("video"))
    woken = asyncio.create_task(broker.wait_woken("run"))
    broker.wake("run")
    async with asyncio.timeout(WITHIN):
        await woken
    assert not other.done()
    other.cancel()


async def test_a_request_to_the_own_node_returns_the_reply_of_its_handler(broker):
    assert await broker.request(broker.node_id, "echo", b"hello") == f"{broker.node_id} hello".encode()


async def test_a_message_to_the_own_node_reaches_its_handler(broker):
    received = asyncio.get_running_loop().create_future()

    async def receive(sender, body):
        received.set_result((sender, body))

    broker.handle("note", receive)
    await broker.send(broker.node_id, "note", b"hello")
    async with asyncio.timeout(WITHIN):
        assert await received == (broker.node_id, b"hello")


@pytest.mark.parametrize("topic", ["fail", "unknown"])
async def test_a_request_without_a_reply_raises(broker, topic):
    with pytest.raises(NoReply):
        await broker.request(broker.node_id, topic, b"")


async def test_a_request_to_another_node_raises(broker):
    with pytest.raises(NoReply, match="within one process"):
        await broker.request("node_elsewhere", "echo", b"")


async def test_a_body_above_the_limit_is_refused(broker):
    with pytest.raises(ValueError, match="the limit is 65536"):
        await broker.send(broker.node_id, "echo", bytes(MAX_MESSAGE_BYTES + 1))


async def test_a_message_to_the_own_node_reaches_its_receiver(broker):
    received = asyncio.get_running_loop().create_future()
    broker.receive("note", lambda sender, body: received.set_result((sender, body)))
    await broker.send("node_elsewhere", "note", b"not here")
    await broker.send(broker.node_id, "note", b"hello")
    await broker.drain()
    async with asyncio.timeout(WITHIN):
        assert await received == (broker.node_id, b"hello")
