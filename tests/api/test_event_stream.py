"""Streams of server-sent events beside the clock: what a silence of many seconds does, without waiting for it."""

import asyncio
from types import SimpleNamespace

import pytest

from understudy.api.event_stream import KEEP_ALIVE_SECONDS, WRITER, EventStream
from understudy.api.open_streams import OpenStreams
from understudy.engine.run.events import TextDelta
from understudy.engine.run.log import RunLog
from understudy.errors import Unavailable


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock a test puts forward."""

    ahead = 0.0

    def time(self):
        return super().time() + self.ahead


class Writer:
    """The connection of a stream, whose writes a test sees."""

    def __init__(self):
        self.ready = True
        self.written = []

    def write(self, body):
        self.written.append(body)

    def watch(self, on_disconnect):
        pass


def parts_of_stream(frames, writer=None):
    """The messages that an ASGI server is sent for a stream of these frames."""
    parts = SimpleNamespace(streams=OpenStreams())
    state = {"parts": parts, "dialect": "openai", "key_id": "", "request_id": "req_1"}
    request = SimpleNamespace(scope={"state": state, "extensions": {WRITER: writer}})
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        await asyncio.Event().wait()

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(EventStream(request, frames())(request.scope, receive, send))
    return sent


async def step():
    """Lets the event loop look at its timers."""
    for _ in range(3):
        await asyncio.sleep(0)


def test_a_long_silence_is_broken_by_a_comment():
    async def frames():
        yield b"data: 1\n\n"
        asyncio.get_running_loop().ahead += KEEP_ALIVE_SECONDS
        await step()
        yield b"data: 2\n\n"

    bodies = [message["body"] for message in parts_of_stream(frames)[1:]]
    assert bodies == [b"data: 1\n\n", b": keep-alive\n\n", b"data: 2\n\n", b""]


@pytest.mark.parametrize(("ready", "comments"), [(True, [b": keep-alive\n\n"]), (False, [])])
def test_a_comment_is_written_only_to_a_connection_that_accepts_data(ready, comments):
    writer = Writer()

    async def frames():
        yield b"data: 1\n\n"
        writer.ready = ready
        asyncio.get_running_loop().ahead += KEEP_ALIVE_SECONDS
        await step()
        yield b"data: 2\n\n"

    bodies = [message["body"] for message in parts_of_stream(frames, writer)[1:]]
    assert bodies == [b"data: 1\n\n", b"data: 2\n\n", b""]
    assert writer.written == comments


def test_frames_that_cannot_be_written_end_their_stream():
    log, writer = RunLog(None), Writer()

    def fail(body):
        raise ValueError(body)

    def append_soon(_):
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, log.append, TextDelta("x"), (b"data: 1\n\n",))

    writer.write, writer.watch = fail, append_soon
    with pytest.raises(ValueError, match="data: 1"):
        parts_of_stream(log.reader, writer)


@pytest.mark.parametrize("is_live", [True, False])
def test_the_last_frames_of_a_log_are_sent_with_the_end_of_the_response(is_live):
    log, writer = RunLog(None), Writer()

    def end():
        log.append(TextDelta("y"), (b"data: 2\n\n",))
        log.close()

    def end_soon(_):
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, end)

    log.append(TextDelta("x"), (b"data: 1\n\n",))
    if is_live:
        writer.watch = end_soon
    else:
        end()
    messages = parts_of_stream(log.reader, writer)[1:]
    assert [message["body"] for message in messages] == (
        [b"data: 1\n\n", b"data: 2\n\n"] if is_live else [b"data: 1\n\ndata: 2\n\n"]
    )
    assert writer.written == []


def test_nothing_is_sent_after_the_end_where_the_silence_ends_the_stream():
    async def frames():
        yield b"data: 1\n\n"
        asyncio.get_running_loop().ahead += KEEP_ALIVE_SECONDS
        await asyncio.sleep(0)

    sent = parts_of_stream(frames)
    assert [message.get("more_body") for message in sent] == [None, True, False]


async def test_streams_that_begin_after_those_of_a_stop_have_ended_end_too():
    streams = OpenStreams()
    await streams.finish(0)

    async def serve():
        with streams.waiting("key_1"):
            await asyncio.Event().wait()

    with pytest.raises(Unavailable, match="stopping"):
        await serve()


async def test_streams_that_begin_while_a_stop_waits_have_the_rest_of_its_time():
    streams, began, gate = OpenStreams(), asyncio.Event(), asyncio.Event()

    async def serve(wait):
        with streams.waiting("key_1"):
            began.set()
            await wait

    first = asyncio.create_task(serve(gate.wait()))
    await began.wait()
    finish = asyncio.create_task(streams.finish(0.2))
    await step()
    second = asyncio.create_task(serve(asyncio.Event().wait()))
    await step()
    gate.set()
    await first
    with pytest.raises(Unavailable, match="stopping"):
        await second
    await finish
