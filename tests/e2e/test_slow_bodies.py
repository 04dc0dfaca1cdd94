"""Clients that send the body of a request slowly: they get an error in bounded time, and delay nobody else."""

import json
import select
import socket

import pytest

from serving import KEY, WAIT, Server, serve

SILENCE = 0.5
JSON = "Content-Type: application/json\r\nContent-Length: 100000\r\n"
CHUNKED = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
FORM = "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n"


@pytest.fixture(scope="module")
def patient(session_upstream, tmp_path_factory):
    yield from serve(Server(tmp_path_factory.mktemp("slow"), session_upstream.url, limits__upload_silence=SILENCE))


def connect(server, path, headers):
    host, port = server.url.removeprefix("http://").removesuffix("/v1").split(":")
    connection = socket.create_connection((host, int(port)), timeout=WAIT)
    connection.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n{headers}\r\n".encode())
    return connection


def trickle(connection, piece):
    """Sends the piece again and again, with pauses, until the server disconnects; returns what it has replied."""
    received = b""
    while True:
        if not select.select([connection], [], [], SILENCE / 10)[0]:
            connection.sendall(piece)
        elif part := connection.recv(4096):
            received += part
        else:
            return received


@pytest.mark.parametrize(
    ("path", "headers", "piece", "status"),
    [
        ("/v1/threads", JSON, b" ", 408),
        ("/v1/threads", JSON, b"", 408),
        ("/v1/threads", CHUNKED, b"1\r\n \r\n", 408),
        ("/v1/files", FORM, b"-", 408),
        ("/v1/nowhere", JSON, b" ", 404),
    ],
)
def test_a_body_that_trickles_is_refused_while_others_are_served(patient, path, headers, piece, status):
    with connect(patient, path, headers) as connection:
        reply = trickle(connection, piece)
        assert patient.ask("POST", "/v1/threads", {}).status == 200
    head, _, body = reply.partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status
    assert json.loads(body)["error"]["type"] == "invalid_request_error"


def test_a_slow_body_above_the_minimum_rate_is_accepted(patient):
    body = b'{"metadata": {}}'.ljust(4_000)
    with connect(patient, "/v1/threads", f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n") as slow:
        for at in range(0, len(body), 400):
            assert not select.select([slow], [], [], SILENCE / 4)[0]
            slow.sendall(body[at : at + 400])
        assert slow.recv(100).startswith(b"HTTP/1.1 200 ")
