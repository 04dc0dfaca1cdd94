"""What a client of the toolkit returns where no server of this API answers, against real sockets."""

import asyncio
import contextlib
import ssl
import subprocess

import pytest

from serving import WAIT
from understudy_toolkit import AsyncToolkit

START_HINT = "Start the server with `understudy serve`"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    files = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *files, *names]
    subprocess.run(command, check=True, capture_output=True, timeout=WAIT)
    return folder


@contextlib.asynccontextmanager
async def listening(reply, context=None):
    """The address of a server that sends `reply` to whatever comes first, and closes."""

    async def answer(reader, writer):
        await reader.read(1024)
        writer.write(reply)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def failure(url):
    async with AsyncToolkit(url, "sk-secret") as toolkit:
        result = await toolkit.execute("AI_ML_API_LIST_MODELS", {})
    assert result["successful"] is False
    assert "sk-secret" not in result["error"]
    return result["error"]


async def test_an_unknown_host_is_named():
    error = await failure("http://nothing.invalid/v1")
    assert "Cannot reach a server at http://nothing.invalid: the host name was not found." in error
    assert START_HINT in error


async def test_a_server_without_tls_is_recognized():
    async with listening(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n") as place:
        error = await failure(f"https://{place}/v1")
    assert f"Cannot reach a server at https://{place}: the TLS handshake failed." in error
    assert "A server without TLS is reached by http://." in error


async def test_a_certificate_of_an_unknown_authority_is_refused(certificate):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    async with listening(b"", context) as place:
        error = await failure(f"https://{place}/v1")
    assert f"Cannot reach a server at https://{place}: its certificate was refused (self-signed certificate)." in error


async def test_another_protocol_is_recognized():
    async with listening(b"220 mail.example ESMTP\r\n") as place:
        error = await failure(f"http://{place}/v1")
    assert f"What answers at http://{place} does not speak HTTP as expected." in error


async def test_a_connection_that_is_closed_within_an_answer_is_an_error():
    async with listening(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{") as place:
        error = await failure(f"http://{place}/v1")
    assert f"The server at http://{place} closed the connection before its answer was complete." in error
