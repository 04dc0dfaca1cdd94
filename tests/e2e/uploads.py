"""Files as clients send them: with the official package, as bare forms, and over sockets that a test can stop."""

import contextlib
import socket

from serving import KEY, WAIT

BOUNDARY = "boundary-0123456789"
HEAD = f"multipart/form-data; boundary={BOUNDARY}"


def field(name, text):
    return _part(f'form-data; name="{name}"', text.encode())


def file_part(content, filename="a.txt", name="file", content_type="text/plain"):
    disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
    return _part(disposition, content, content_type)


def _part(disposition, content, content_type=None):
    head = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n"
    if content_type is not None:
        head += f"Content-Type: {content_type}\r\n"
    return head.encode() + b"\r\n" + content + b"\r\n"


def form(*parts):
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def send(server, path, *parts, key=KEY):
    """The reply to a form."""
    return server.ask("POST", path, form(*parts), {"Content-Type": HEAD}, key)


def upload(server, content=b"Hello", purpose="assistants", filename="a.txt", key=KEY, **fields):
    """The file that was made."""
    parts = [field(name, text) for name, text in {"purpose": purpose, **fields}.items()]
    reply = send(server, "/v1/files", *parts, file_part(content, filename), key=key)
    assert reply.status == 200, reply.body
    return reply.json


@contextlib.contextmanager
def open_request(server, path, length):
    """A socket on which the head of a form of `length` bytes was sent."""
    host, port = server.url.removeprefix("http://").removesuffix("/v1").split(":")
    with socket.create_connection((host, int(port)), timeout=WAIT) as connection:
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Type: {HEAD}\r\n"
            f"Content-Length: {length}\r\n\r\n".encode()
        )
        yield connection


def stored(server):
    """Every file with bytes below the data directory: placed blobs, and unfinished ones."""
    return [path for path in (server.data / "blobs").rglob("*") if path.is_file() and path.name != "store-id"]
