"""Uploads of files: as forms over bare HTTP, and over sockets that a test can stop."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from serving import KEY, WAIT, Reply, Server

BOUNDARY = "boundary-0123456789"
HEAD = f"multipart/form-data; boundary={BOUNDARY}"


def field(name: str, text: str) -> bytes:
    return _part(f'form-data; name="{name}"', text.encode())


def file_part(
    content: bytes, filename: str | None = "a.txt", name: str = "file", content_type: str | None = "text/plain"
) -> bytes:
    disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
    return _part(disposition, content, content_type)


def _part(disposition: str, content: bytes, content_type: str | None = None) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n"
    if content_type is not None:
        head += f"Content-Type: {content_type}\r\n"
    return head.encode() + b"\r\n" + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def send(server: Server, path: str, *parts: bytes, key: str | None = KEY) -> Reply:
    """The reply to a form."""
    return server.ask("POST", path, form(*parts), {"Content-Type": HEAD}, key)


def upload(
    server: Server,
    content: bytes = b"Hello",
    purpose: str = "assistants",
    filename: str = "a.txt",
    key: str | None = KEY,
    **fields: str,
) -> Any:
    """Creates a file."""
    parts = [field(name, text) for name, text in {"purpose": purpose, **fields}.items()]
    reply = send(server, "/v1/files", *parts, file_part(content, filename), key=key)
    assert reply.status == 200, reply.body
    return reply.json


@contextlib.contextmanager
def open_request(server: Server, path: str, length: int) -> Iterator[socket.socket]:
    """A connection on which the head of a form of `length` bytes was sent."""
    host, port = server.url.removeprefix("http://").removesuffix("/v1").split(":")
    with socket.create_connection((host, int(port)), timeout=WAIT) as connection:
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Type: {HEAD}\r\n"
            f"Content-Length: {length}\r\n\r\n".encode()
        )
        yield connection


def stored(server: Server) -> list[Path]:
    """Every file with bytes below the data directory: placed blobs, and unfinished ones."""
    return [path for path in (server.data / "blobs").rglob("*") if path.is_file() and path.name != "store-id"]
