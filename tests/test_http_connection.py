"""A connection without a socket: how a response is written, what is refused, and that a request leaves nothing behind."""

import asyncio
import gc

import httptools
import pytest
import uvicorn
from uvicorn.server import ServerState

from serving import WAIT
from understudy.api.event_stream import WRITER
from understudy.cli import protocol
from understudy.cli.http_connection import split_target
from understudy.cli.protocol import FRAME_BYTES, BoundedProtocol
from understudy.cli.request_cycle import render_head


class Transport(asyncio.Transport):
    """Collects what is written."""

    def __init__(self):
        super().__init__()
        self.writes = []
        self.is_closed = False
        self.aborted = asyncio.Event()

    def write(self, data):
        self.writes.append(bytes(data))

    def is_closing(self):
        return self.is_closed

    def close(self):
        self.is_closed = True

    def abort(self):
        self.close()
        self.aborted.set()

    def get_protocol(self):
        return self.protocol

    def set_protocol(self, protocol):
        self.protocol = protocol

    def get_write_buffer_size(self):
        return 1

    def pause_reading(self):
        pass

    def resume_reading(self):
        pass


def respond(headers, *parts):
    """An application with this response."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for number, part in enumerate(parts, 1):
            await send({"type": "http.response.body", "body": part, "more_body": number < len(parts)})

    return app


class Exchange:
    """A connection to `app`."""

    def __init__(self, app):
        config = uvicorn.Config(app, lifespan="off", log_config=None, ws="none")
        config.load()
        self._state = ServerState()
        self.transport = Transport()
        self.connection = BoundedProtocol(config=config, server_state=self._state, app_state={})
        self.transport.set_protocol(self.connection)
        self.connection.connection_made(self.transport)

    def lose(self):
        self.connection.connection_lost(None)

    def feed(self, data):
        self.connection.data_received(data)

    async def send(self, data):
        """Returns what the server has written when all of its tasks have ended."""
        self.transport.writes.clear()
        self.feed(data)
        while self._state.tasks:
            await asyncio.wait(set(self._state.tasks))
        return self.transport.writes


GET = b"GET /v1/models?limit=1 HTTP/1.1\r\nhost: x\r\n\r\n"
LENGTH = [(b"content-length", b"2")]


async def test_a_whole_response_is_one_write():
    exchange = Exchange(respond(LENGTH, b"{}"))
    assert await exchange.send(GET) == [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"]
    assert not exchange.transport.is_closed


async def test_parts_that_are_sent_at_once_are_one_write():
    exchange = Exchange(respond([], b"one", b"two"))
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    assert await exchange.send(GET) == [head + b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"]


async def test_no_part_of_a_stream_waits_for_the_next_one():
    written = []

    async def app(scope, receive, send):
        async def pause():
            for _ in range(3):
                await asyncio.sleep(0)
            written.append(len(exchange.transport.writes))

        await send({"type": "http.response.start", "status": 200, "headers": []})
        await pause()
        for part in (b"one", b"two"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
            await pause()
        await send({"type": "http.response.body", "body": b""})

    exchange = Exchange(app)
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    assert await exchange.send(GET) == [head, b"3\r\none\r\n", b"3\r\ntwo\r\n", b"0\r\n\r\n"]
    assert written == [1, 2, 3]


async def test_a_response_to_head_has_no_body():
    exchange = Exchange(respond(LENGTH, b"{}"))
    assert await exchange.send(GET.replace(b"GET", b"HEAD")) == [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"]


@pytest.mark.parametrize(
    ("headers", "parts"),
    [(LENGTH, [b"{}}"]), (LENGTH, [b"{"]), ([(b"x-name", b"a\r\nset-cookie: b")], [b"{}"]), (LENGTH, [])],
)
async def test_a_response_that_cannot_be_framed_closes_the_connection(headers, parts):
    exchange = Exchange(respond(headers, *parts))
    await exchange.send(GET)
    assert exchange.transport.is_closed


async def test_an_application_that_fails_before_its_response_gets_an_error_response():
    async def fail(scope, receive, send):
        raise ValueError(scope["path"])

    (written,) = await Exchange(fail).send(GET)
    assert written.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")


async def test_requests_leave_nothing_to_the_garbage_collector():
    """A reference from a request to its scope and back would cost a fifth of a small request."""
    exchange = Exchange(respond(LENGTH, b"{}"))
    await exchange.send(GET)
    gc.collect()
    for _ in range(10):
        await exchange.send(GET)
    assert gc.collect() < 10


@pytest.mark.parametrize("value", [b"a\nb", b"a\rb", b"a\r\nb", b"a\0b", b"a\x7fb"])
def test_a_header_with_a_control_character_is_refused(value):
    with pytest.raises(ValueError, match="control character"):
        render_head(200, [(b"x-name", value)])


def test_a_head_without_headers_is_a_status_line():
    assert render_head(204, []) == b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.mark.parametrize(
    "target", [b"/", b"/v1/a%20b?x=1&y", b"/?", b"//host/path?x", b"http://host/path?x=1#f", b"/path?x#f", b"/path#f?x"]
)
def test_a_target_is_split_like_the_parser_does(target):
    url = httptools.parse_url(target)
    path, raw_path, query = split_target(target)
    assert (raw_path, query) == (url.path, url.query or b"")
    assert path == url.path.decode().replace("%20", " ")


def test_a_target_without_a_path_is_the_root():
    assert split_target(b"http://host?x=1") == ("/", b"/", b"x=1")


@pytest.mark.parametrize("behind", [b"", GET])
async def test_a_stream_ends_when_its_client_leaves(behind):
    """Without a task that waits for it, and with a request behind it."""
    left = asyncio.Event()

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        scope["extensions"][WRITER].watch(left.set)
        await left.wait()

    exchange = Exchange(app)
    sending = asyncio.create_task(exchange.send(GET + behind))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    exchange.lose()
    await asyncio.wait_for(sending, WAIT)


def hold(released, started=True):
    """An application that has begun its response, or not, until the event is set; then it responds with the headers."""

    async def app(scope, receive, send):
        start = {"type": "http.response.start", "status": 200, "headers": []}
        if started:
            await send(start)
        await released.wait()
        if not started:
            await send(start)
        await send({"type": "http.response.body", "body": repr(scope["headers"]).encode()})

    return app


async def test_what_a_stream_has_sent_as_its_client_leaves_is_not_written():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(3):
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        exchange.lose()

    exchange = Exchange(app)
    writes = await exchange.send(GET)
    await asyncio.sleep(0)
    assert writes == [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"]


@pytest.mark.parametrize("started", [True, False])
async def test_an_error_of_a_later_request_is_no_part_of_a_response(started):
    exchange = Exchange(hold(asyncio.Event(), started))
    exchange.feed(GET)
    await asyncio.sleep(0)
    exchange.feed(b"\0\r\n\r\n")
    assert exchange.transport.is_closed
    assert not any(b" 400 " in written for written in exchange.transport.writes)


async def test_requests_that_wait_for_a_response_are_limited():
    exchange = Exchange(hold(asyncio.Event()))
    exchange.feed(b"GET / HTTP/1.1\r\n\r\n" * 300)
    assert exchange.transport.aborted.is_set()


UPGRADE = GET[:-2] + b"connection: upgrade\r\nupgrade: websocket\r\n"


async def test_a_connection_that_has_a_response_to_send_is_not_upgraded():
    released = asyncio.Event()
    exchange = Exchange(hold(released))
    exchange.connection.ws_protocol_class = object  # type: ignore[assignment]
    exchange.feed(GET + UPGRADE + b"\r\n")
    released.set()
    assert len(await exchange.send(b"")) == 2
    assert exchange.transport.get_protocol() is exchange.connection


@pytest.mark.parametrize("field", [b"content-length: 2\r\n\r\n{}", b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n"])
async def test_a_request_with_a_body_is_not_upgraded(field):
    exchange = Exchange(respond(LENGTH, b"{}"))
    exchange.connection.ws_protocol_class = object  # type: ignore[assignment]
    assert await exchange.send(UPGRADE + field) == await exchange.send(GET)


CHUNKED = b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"


async def test_trailers_are_not_headers():
    released = asyncio.Event()
    exchange = Exchange(hold(released, started=False))
    exchange.feed(CHUNKED + b"1;x=y\r\n{\r\n0\r\nauthorization: x\r\n\r\n")
    released.set()
    assert b"authorization" not in b"".join(await exchange.send(b""))


@pytest.mark.parametrize("started", [True, False])
@pytest.mark.parametrize("endless", [b"1;", b"0\r\na: "])
async def test_extensions_and_trailers_are_limited(endless, started):
    """httptools collects them until they end."""
    exchange = Exchange(hold(asyncio.Event(), started))
    exchange.feed(CHUNKED + b"1\r\n{\r\n" + endless)
    await asyncio.sleep(0)
    for _ in range(3):
        exchange.feed(b"a" * (FRAME_BYTES // 2))
    assert exchange.transport.is_closed
    assert any(b" 431 " in written for written in exchange.transport.writes) is not started


async def test_a_body_that_was_not_asked_for_is_not_a_request():
    exchange = Exchange(respond(LENGTH, b"{}"))
    expecting = GET.replace(b"GET", b"POST")[:-2] + b"content-length: 30\r\nexpect: 100-continue\r\n\r\n"
    (written,) = await exchange.send(expecting)
    assert b"connection: close" in written
    assert exchange.transport.is_closed


async def test_a_connection_whose_client_reads_nothing_is_cut(monkeypatch):
    monkeypatch.setattr(protocol, "UNREAD_SECONDS", 0)
    exchange = Exchange(hold(asyncio.Event()))
    exchange.feed(GET)
    exchange.connection.pause_writing()
    await asyncio.wait_for(exchange.transport.aborted.wait(), WAIT)
    exchange.lose()
