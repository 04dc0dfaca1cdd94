"""The HTTP client for providers, against a server that sends whatever bytes the test wants."""

import asyncio
import gzip
import math
import random
import socket
import ssl
import subprocess
import zlib
from pathlib import Path

import pytest

from net.raw_server import CLOSE, EARLY, HANG, RESET, WAIT, RawServer, until
from understudy.net.http import origin
from understudy.net.http.errors import ConnectionFailed, ConnectionLost, HttpError, MalformedResponse, TimedOut
from understudy.net.http.pool import Pool

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\r\nhello world"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;name=value\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: late\r\n\r\n"
)
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + LENGTH
ZIPPED = gzip.compress(b"hello ") + gzip.compress(b"world")
GZIP = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(ZIPPED), ZIPPED)
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\n\r\nhello world"
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.fixture
async def pool():
    made = Pool({"user-agent": "test"}, connect_timeout=5.0)
    yield made
    await made.close()
    assert made.size == 0


async def send(pool, server, method="POST", *, body=b"{}", seconds=WAIT, total=math.inf, **headers):
    deadline = asyncio.get_running_loop().time() + seconds
    return await pool.request(
        method, server.url, headers=headers, size=len(body), body=body, deadline=deadline, total=total
    )


async def read(response, seconds=WAIT):
    body = b""
    while True:
        data = response.read_available()
        body += data
        if not data:
            if response.at_eof:
                return body
            await response.wait(asyncio.get_running_loop().time() + seconds)


async def exchange(pool, server, **options):
    """The body of a response, or the error in place of it."""
    try:
        response = await send(pool, server, **options)
    except HttpError as error:
        return error
    try:
        return await read(response)
    except HttpError as error:
        return error
    finally:
        response.close()


class TestAResponse:
    @pytest.mark.parametrize("whole", [LENGTH, CHUNKED, INTERIM, GZIP], ids=["length", "chunked", "interim", "gzip"])
    async def test_is_the_same_however_its_bytes_are_cut(self, pool, whole):
        async with RawServer(*([whole[:cut], whole[cut:]] for cut in range(1, len(whole)))) as server:
            for _ in range(1, len(whole)):
                assert await exchange(pool, server) == b"hello world"
            assert server.connections == 1

    @pytest.mark.parametrize("whole", [LENGTH, CHUNKED, INTERIM, GZIP], ids=["length", "chunked", "interim", "gzip"])
    async def test_that_is_cut_off_at_any_byte_is_an_error(self, pool, whole):
        async with RawServer(*([whole[:cut], CLOSE] for cut in range(len(whole)))) as server:
            for _ in range(len(whole)):
                assert isinstance(await exchange(pool, server), ConnectionLost)
            assert pool.size == 0

    async def test_without_a_length_ends_with_its_connection(self, pool):
        async with RawServer([UNTIL_CLOSE, CLOSE], [EMPTY], [LENGTH]) as server:
            assert await exchange(pool, server) == b"hello world"
            assert await exchange(pool, server) == b""
            assert await exchange(pool, server) == b"hello world"
            assert server.connections == 2

    async def test_without_a_length_is_an_error_after_a_reset(self, pool):
        async with RawServer([UNTIL_CLOSE, RESET]) as server:
            # Depending on the moment, the bytes before the reset arrive or not.
            assert isinstance(await exchange(pool, server), ConnectionLost | bytes)

    async def test_has_its_headers_in_lower_case(self, pool):
        async with RawServer([b"HTTP/1.1 429 Slow\r\nRETRY-After: 7\r\nContent-Length: 0\r\n\r\n"]) as server:
            response = await send(pool, server)
            assert (response.status, response.header(b"retry-after")) == (429, "7")
            assert response.headers() == {"retry-after": "7", "content-length": "0"}

    @pytest.mark.parametrize(
        "data", [zlib.compress(b"hello world"), zlib.compress(b"hello world")[2:-4]], ids=["zlib", "bare"]
    )
    async def test_is_decoded_although_no_encoding_was_accepted(self, pool, data):
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: %d\r\n\r\n" % len(data)
        async with RawServer([head + data]) as server:
            assert await exchange(pool, server) == b"hello world"
        assert b"accept-encoding" not in server.requests[0]

    async def test_that_decodes_to_more_is_read_in_steps(self, pool):
        data = gzip.compress(bytes(50_000_000))
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(data)
        async with RawServer([head + data]) as server:
            response = await send(pool, server)
            sizes = []
            while not response.at_eof:
                if size := len(response.read_available()):
                    sizes.append(size)
                else:
                    await response.wait(math.inf)
        assert sum(sizes) == 50_000_000
        assert max(sizes) <= 256 * 1024

    @pytest.mark.parametrize("end", [CLOSE, RESET], ids=["whole", "cut off"])
    async def test_is_decoded_in_order_while_it_arrives(self, pool, end):
        data = b"".join([random.randbytes(0x8000) + b"x" * 0x80000 for _ in range(40)])
        encoded = gzip.compress(data, 1)
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
        pieces = [encoded[start : start + 0x10000] for start in range(0, len(encoded), 0x10000)]
        async with RawServer([head, *(pieces if end is CLOSE else pieces[:-1]), end]) as server:
            response = await send(pool, server)
            received, error = bytearray(), None
            try:
                while not response.at_eof:
                    received += response.read_available()
                    await response.wait(asyncio.get_running_loop().time() + WAIT)
            except ConnectionLost as lost:
                error = lost
            # What a reset connection had received without being read is lost.
            assert data[: len(received)] == received
            assert (received == data, error is None) == ((True, True) if end is CLOSE else (False, False))

    async def test_that_decodes_to_much_more_lets_others_run(self, pool):
        encoded = gzip.compress(bytes(50 << 20), 1)
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(encoded)
        turns = 0

        async def count_turns():
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        async with RawServer([head + encoded]) as server:
            response = await send(pool, server)
            await until(lambda: response.is_received)
            others = asyncio.create_task(count_turns())
            assert len(await read(response)) == 50 << 20
            others.cancel()
            assert turns > 100

    async def test_that_nobody_reads_stops_its_server(self, pool):
        pieces = [b"10000\r\n" + bytes(0x10000) + b"\r\n"] * 400
        reply = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *pieces, b"0\r\n\r\n"]
        async with RawServer(reply, [LENGTH]) as server:
            response = await send(pool, server)
            last = -1
            while last != server.sent_bytes:
                last = server.sent_bytes
                await asyncio.sleep(0.1)
            # What the buffers of both sockets hold, and those of the two event loops.
            assert server.sent_bytes < 16_000_000
            received = 0
            while not response.at_eof:
                if size := len(response.read_available()):
                    received += size
                else:
                    await response.wait(math.inf)
            assert received == 0x10000 * 400
            assert await exchange(pool, server) == b"hello world"
            assert server.connections == 1


class TestALie:
    @pytest.mark.parametrize(
        "lie",
        [
            b"SSH-2.0-OpenSSH_9.6\r\n",
            b"HTTP/1.1 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx",
            b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 300 + b"Content-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000,
            b"HTTP/1.1 100 Continue\r\n\r\n" * 5000,
            b"<html>502 Bad Gateway</html>" * 100,
        ],
    )
    async def test_in_the_head_is_no_response(self, pool, lie):
        async with RawServer([lie, HANG]) as server:
            assert isinstance(await exchange(pool, server), MalformedResponse)
            assert pool.size == 0

    @pytest.mark.parametrize(
        "lie",
        [
            b"zz\r\nhello\r\n0\r\n\r\n",
            b"3\r\nhello\r\n0\r\n\r\n",
            b"ffffffffffffffffff\r\nhello",
            b"5" + b";x=" + b"y" * 1_000_000,
            b"5\r\nhello\r\n0\r\n" + b"A: b\r\n" * 200_000,
        ],
    )
    async def test_in_the_body_ends_it(self, pool, lie):
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        async with RawServer([head, lie, HANG]) as server:
            assert isinstance(await exchange(pool, server), ConnectionLost)
            assert pool.size == 0

    @pytest.mark.parametrize("excess", [b"!", LENGTH, b"\r\n" + LENGTH, b"HTTP/1.1 500 No\r\n\r\n"])
    async def test_behind_the_body_ends_the_connection(self, pool, excess):
        async with RawServer([LENGTH + excess, HANG], [LENGTH]) as server:
            assert await exchange(pool, server) == b"hello world"
            assert await exchange(pool, server) == b"hello world"
            assert server.connections == 2

    async def test_without_a_request_ends_the_connection(self, pool):
        async with RawServer([LENGTH, *[b""] * 5, LENGTH, HANG], [LENGTH]) as server:
            assert await exchange(pool, server) == b"hello world"
            await until(lambda: not pool.size)
            assert await exchange(pool, server) == b"hello world"

    async def test_of_an_upgrade_is_its_status(self, pool):
        upgrade = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
        async with RawServer([upgrade, HANG], [LENGTH]) as server:
            response = await send(pool, server)
            assert (response.status, await read(response)) == (101, b"")
            assert await exchange(pool, server) == b"hello world"

    async def test_of_random_bytes_ends_in_a_response_or_an_error(self, pool):
        chance = random.Random(11)
        whole = [LENGTH, CHUNKED, INTERIM, GZIP, UNTIL_CLOSE]
        replies = []
        for _ in range(400):
            data = bytearray(chance.choice(whole))
            for _ in range(chance.randrange(1, 4)):
                position = chance.randrange(len(data))
                change = chance.randrange(3)
                if change == 0:
                    data[position] = chance.randrange(256)
                elif change == 1:
                    del data[position : position + chance.randrange(1, 9)]
                else:
                    data[position:position] = bytes([chance.randrange(256)]) * chance.randrange(1, 9)
                if not data:
                    break
            cut = chance.randrange(len(data) + 1)
            replies.append([bytes(data[:cut]), bytes(data[cut:]), CLOSE])
        async with RawServer(*replies) as server:
            for _ in replies:
                assert isinstance(await exchange(pool, server), bytes | HttpError)


class TestAConnection:
    async def test_serves_one_request_after_another(self, pool):
        async with RawServer(*[[LENGTH]] * 5) as server:
            for _ in range(5):
                assert await exchange(pool, server) == b"hello world"
            assert (server.connections, pool.size) == (1, 1)

    async def test_is_opened_for_each_request_at_the_same_time(self, pool):
        async with RawServer(*[[CHUNKED]] * 60) as server:
            for _ in range(2):
                bodies = await asyncio.gather(*(exchange(pool, server) for _ in range(30)))
                assert bodies == [b"hello world"] * 30
            assert server.connections <= 30
            assert pool.size == server.connections

    @pytest.mark.parametrize("version", [b"HTTP/1.0 200 OK", b"HTTP/1.1 200 OK\r\nConnection: close"])
    async def test_is_not_reused_against_the_will_of_the_server(self, pool, version):
        reply = version + b"\r\nContent-Length: 2\r\n\r\nhi"
        async with RawServer([reply, HANG], [reply, HANG]) as server:
            assert await exchange(pool, server) == b"hi"
            assert await exchange(pool, server) == b"hi"
            assert (server.connections, pool.size) == (2, 0)

    async def test_that_the_server_has_closed_is_forgotten(self, pool):
        async with RawServer([LENGTH, CLOSE], [LENGTH]) as server:
            assert await exchange(pool, server) == b"hello world"
            await until(lambda: not pool.size)
            assert await exchange(pool, server) == b"hello world"

    async def test_that_is_stale_is_replaced_for_a_request_that_changes_nothing(self, pool):
        async with RawServer([LENGTH], [CLOSE], [LENGTH]) as server:
            assert await exchange(pool, server, method="GET") == b"hello world"
            assert await exchange(pool, server, method="GET") == b"hello world"
            assert [request.split()[0] for request in server.requests] == [b"GET"] * 3

    async def test_that_is_stale_fails_a_request_that_may_have_been_read(self, pool):
        async with RawServer([LENGTH], [CLOSE], [LENGTH]) as server:
            assert await exchange(pool, server) == b"hello world"
            assert isinstance(await exchange(pool, server), ConnectionLost)
            assert len(server.requests) == 2

    async def test_ends_with_a_response_that_is_closed_early(self, pool):
        async with RawServer([LENGTH[:-1], HANG], [LENGTH]) as server:
            response = await send(pool, server)
            response.close()
            await until(lambda: not server.open)
            assert await exchange(pool, server) == b"hello world"

    async def test_ends_with_a_request_that_is_cancelled(self, pool):
        async with RawServer([HANG]) as server:
            task = asyncio.create_task(send(pool, server))
            await until(lambda: bool(server.requests))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(lambda: not server.open)
            assert pool.size == 0

    async def test_is_opened_to_each_address_of_its_host_in_turn(self, pool, monkeypatch):
        async with RawServer(*[[UNTIL_CLOSE, CLOSE]] * 2) as one, RawServer(*[[UNTIL_CLOSE, CLOSE]] * 2) as other:
            addresses = [_address(one.port), _address(other.port)]
            monkeypatch.setattr(origin, "resolve", _resolver(addresses))
            for _ in range(4):
                assert await exchange(pool, one) == b"hello world"
            assert (one.connections, other.connections) == (2, 2)

    async def test_that_times_out_is_not_opened_to_the_same_addresses(self, monkeypatch):
        # Connections wait in its queue for a handshake.
        with socket.create_server(("127.0.0.1", 0)) as server:
            resolve = _resolver([_address(server.getsockname()[1])])
            monkeypatch.setattr(origin, "resolve", resolve)
            pool = Pool({}, connect_timeout=0.1)
            for _ in range(2):
                with pytest.raises(TimedOut, match="connect"):
                    await pool.request("GET", "https://127.0.0.1/", headers={})
            assert resolve.calls == 2

    async def test_leaves_no_file_open(self, pool):
        async with RawServer(*[[CHUNKED], [LENGTH[:-1], CLOSE], [b"junk"], [LENGTH + b"!"]] * 20) as server:
            before = _count_files()
            for _ in range(80):
                await exchange(pool, server)
            await pool.close()
            await until(lambda: not server.open)
            assert _count_files() <= before

    async def test_that_is_refused_says_why(self, pool):
        async with RawServer() as server:
            pass
        with pytest.raises(ConnectionFailed, match="Connection refused"):
            await send(pool, server)

    async def test_to_an_unknown_host_says_so(self, pool):
        with pytest.raises(ConnectionFailed, match="host name not found"):
            await pool.request("GET", "http://understudy.invalid/", headers={})

    @pytest.mark.parametrize("late", [LENGTH, b""], ids=["response", "end"])
    async def test_is_not_used_again_after_what_the_loop_has_not_read_yet(self, pool, late):
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            listener.setblocking(False)

            async def answer(data):
                asked = asyncio.create_task(pool.request("POST", url, headers={}, deadline=loop.time() + WAIT))
                async with asyncio.timeout(WAIT):
                    served, _ = await loop.sock_accept(listener)
                    await loop.sock_recv(served, 4096)
                    await loop.sock_sendall(served, data)
                    return served, await read(await asked)

            first, body = await answer(LENGTH)
            assert body == b"hello world"
            # Without a turn of the event loop.
            first.setblocking(True)
            first.sendall(late)
            first.close()
            second, body = await answer(EMPTY)
            second.close()
            assert body == b""


def _count_files():
    return len(list(Path("/proc/self/fd").iterdir()))


class TestARequest:
    async def test_has_the_headers_of_all_and_its_own(self, pool):
        async with RawServer([LENGTH], [LENGTH]) as server:
            await exchange(pool, server, body=b"body", trace="1")
            await exchange(pool, server, method="GET", body=b"")
            head = b"host: 127.0.0.1:%d\r\naccept: */*\r\nuser-agent: test\r\n" % server.port
            assert server.requests == [
                b"POST /v1 HTTP/1.1\r\n" + head + b"trace: 1\r\ncontent-length: 4\r\n\r\nbody",
                b"GET /v1 HTTP/1.1\r\n" + head + b"\r\n",
            ]

    @pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\rb", "a\x00b"])
    async def test_has_no_header_with_a_line_end(self, pool, value):
        async with RawServer() as server:
            with pytest.raises(ValueError, match="line end"):
                await send(pool, server, beta=value)
            assert server.connections == 0

    @pytest.mark.parametrize("url", ["ftp://host/", "http:///", "http://a b/", "http://host/\u00e9", "http://h:99999/"])
    async def test_to_an_invalid_url_is_refused(self, pool, url):
        with pytest.raises(ValueError, match=r".+"):
            await pool.request("GET", url, headers={})

    async def test_sends_the_credentials_of_its_url(self, pool):
        async with RawServer([LENGTH]) as server:
            await pool.request("GET", server.url.replace("//", "//us%40er:pass@"), headers={})
        assert b"authorization: Basic dXNAZXI6cGFzcw==\r\n" in server.requests[0]

    async def test_streams_its_body(self, pool):
        async def pieces():
            for piece in (b"a" * 100_000, b"b" * 100_000):
                yield piece

        async with RawServer([LENGTH], [LENGTH]) as server:
            response = await pool.request("POST", server.url, headers={}, size=200_000, body=pieces())
            assert await read(response) == b"hello world"
            assert server.requests[0].endswith(b"a" * 100_000 + b"b" * 100_000)
            assert await exchange(pool, server, body=bytes(3_000_000)) == b"hello world"
            assert len(server.requests[1]) > 3_000_000
            assert server.connections == 1

    async def test_whose_body_fails_is_lost(self, pool):
        async def pieces():
            yield b"a"
            raise OSError("disk")

        async with RawServer([LENGTH]) as server:
            with pytest.raises(ConnectionLost):
                await pool.request("POST", server.url, headers={}, size=2, body=pieces())
            assert pool.size == 0

    async def test_with_a_response_before_its_end_closes_the_connection(self, pool):
        reply = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"
        async with RawServer([EARLY, reply, HANG]) as server:
            response = await send(pool, server, body=bytes(20_000_000))
            assert (response.status, await read(response)) == (413, b"no")
            assert pool.size == 0


class TestADeadline:
    async def test_ends_the_wait_for_a_response(self, pool):
        async with RawServer([HANG]) as server:
            error = await exchange(pool, server, seconds=0.05)
        assert isinstance(error, TimedOut)
        assert error.wait == "response"

    async def test_ends_the_wait_for_more_of_it(self, pool):
        async with RawServer([LENGTH[:-3], HANG]) as server:
            response = await send(pool, server)
            with pytest.raises(TimedOut) as caught:
                await read(response, seconds=0.05)
        assert caught.value.wait == "data"

    async def test_of_the_whole_response_counts_from_the_beginning(self, pool):
        async with RawServer([LENGTH[:-3], HANG]) as server:
            error = await exchange(pool, server, total=asyncio.get_running_loop().time() + 0.05)
        assert isinstance(error, TimedOut)
        assert error.wait == "total"

    async def test_of_an_earlier_request_ends_no_later_one(self, pool):
        async with RawServer([LENGTH], [LENGTH, *[b""] * 20], [LENGTH]) as server:
            assert await exchange(pool, server, seconds=0.3) == b"hello world"
            await asyncio.sleep(0.4)
            assert await exchange(pool, server, total=asyncio.get_running_loop().time() + 0.5) == b"hello world"
            await asyncio.sleep(0.6)
            assert await exchange(pool, server) == b"hello world"
            assert server.connections == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tls")
    files = ["-keyout", str(directory / "key.pem"), "-out", str(directory / "cert.pem")]
    names = ["-subj", "/CN=understudy", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *files, *names]
    subprocess.run(command, check=True, capture_output=True)
    return directory


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    return context


class TestTLS:
    @pytest.fixture(autouse=True)
    def _contexts(self):
        origin.tls_context.cache_clear()
        yield
        origin.tls_context.cache_clear()

    async def test_with_a_known_authority_is_reused(self, pool, tls, certificate, monkeypatch):
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
        async with RawServer([LENGTH], [CHUNKED], tls=tls) as server:
            assert await exchange(pool, server) == b"hello world"
            assert await exchange(pool, server) == b"hello world"
            assert server.connections == 1
            await pool.close()

    async def test_with_an_unknown_authority_is_refused(self, pool, tls):
        async with RawServer([LENGTH], tls=tls) as server:
            with pytest.raises(ConnectionFailed, match="TLS certificate or handshake rejected"):
                await send(pool, server)
        assert (pool.size, server.requests) == (0, [])

    async def test_with_the_name_of_another_host_is_refused(self, pool, tls, certificate, monkeypatch):
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
        async with RawServer([LENGTH], tls=tls) as server:
            with pytest.raises(ConnectionFailed, match="TLS certificate or handshake rejected"):
                await pool.request("GET", server.url.replace("127.0.0.1", "localhost"), headers={})

    async def test_with_a_server_of_plain_text_is_refused(self, pool):
        async with await asyncio.start_server(_write_plain_text, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(ConnectionFailed):
                await pool.request("GET", f"https://127.0.0.1:{port}/", headers={})
        assert pool.size == 0


def _address(port):
    return (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))


def _resolver(addresses):
    async def resolve(_):
        resolve.calls += 1
        return addresses

    resolve.calls = 0
    return resolve


async def _write_plain_text(_, writer):
    writer.write(LENGTH)
    writer.close()
