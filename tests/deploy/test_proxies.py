"""Streams pass the configured proxies part by part."""

import contextlib
import http.client
import json
import socket
import ssl

import pytest

from deploy.proxies import caddy, nginx
from serving import KEY, WAIT
from upstream import Gate, text

BODY = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}], "stream": True}


@pytest.fixture(params=[caddy, nginx])
def connect(request, server, tmp_path):
    """Opens connections to a proxy in front of the shared server."""
    address = server.url.removeprefix("http://").removesuffix("/v1")
    with request.param(tmp_path, address) as port, contextlib.ExitStack() as stack:

        def make():
            if request.param is caddy:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT)
            else:
                connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=WAIT, context=_insecure())
            return stack.enter_context(contextlib.closing(connection))

        yield make


def _insecure():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def send(connection, method, path, body=None):
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json", "Accept-Encoding": "gzip"}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    return connection.getresponse()


def test_parts_of_a_stream_arrive_before_its_end(connect, upstream):
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo"))
    response = send(connect(), "POST", "/v1/chat/completions", BODY)
    assert response.status == 200
    assert response.getheader("content-encoding") is None
    received = b""
    while b"Hel" not in received:
        received += response.read1()
    assert b"[DONE]" not in received
    gate.open()
    assert b"[DONE]" in response.read()


def test_metrics_are_private_and_all_else_is_public(connect):
    connection = connect()
    response = send(connection, "GET", "/metrics")
    assert (response.status, response.getheader("x-request-id"), response.read())[:2] == (404, None)
    response = send(connection, "GET", "/v1/models")
    assert response.status == 200
    assert response.getheader("strict-transport-security")
    assert json.loads(response.read())["data"]


def test_nginx_speaks_http_2(server, tmp_path):
    context = _insecure()
    context.set_alpn_protocols(["h2", "http/1.1"])
    address = server.url.removeprefix("http://").removesuffix("/v1")
    with (
        nginx(tmp_path, address) as port,
        socket.create_connection(("127.0.0.1", port), WAIT) as plain,
        context.wrap_socket(plain) as encrypted,
    ):
        assert encrypted.selected_alpn_protocol() == "h2"
