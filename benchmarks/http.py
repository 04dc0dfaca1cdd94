"""HTTP/1.1 as far as a load needs it: requests made into bytes beforehand, and where an answer ends.

Knows Content-Length and chunks. A chunked body is left in its chunks: its end is the empty chunk, which can stand
nowhere else, since JSON and the events made of it hold no bare carriage return.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KEY = "sk-understudy-benchmark-0123456789abcdef"
_HEAD = f"Host: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\nAccept: */*\r\n"
_BOUNDARY = "boundary-of-a-benchmark"
_LAST_CHUNK = b"\r\n0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Request:
    """`mark` is what the answer is watched for, to know when its first interesting byte came."""

    data: bytes
    mark: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """Times in seconds of the performance counter; `marked` is None where the mark never came."""

    status: int
    body: bytes
    sent: float
    marked: float | None
    ended: float

    @property
    def seconds(self) -> float:
        return self.ended - self.sent

    def json(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


def get(path: str) -> Request:
    return Request(f"GET {path} HTTP/1.1\r\n{_HEAD}\r\n".encode())


def post(path: str, body: Mapping[str, Any], mark: bytes = b"") -> Request:
    data = json.dumps(body, separators=(",", ":")).encode()
    head = f"POST {path} HTTP/1.1\r\n{_HEAD}Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    return Request(head.encode() + data, mark)


def upload(filename: str, data: bytes) -> Request:
    """`POST /v1/files` with one file. The name must not have quotation marks or line breaks."""
    fields = (
        ('name="purpose"', b"assistants"),
        (f'name="file"; filename="{filename}"', data),
    )
    parts = [
        f"--{_BOUNDARY}\r\nContent-Disposition: form-data; {field}\r\n\r\n".encode() + value + b"\r\n"
        for field, value in fields
    ]
    body = b"".join([*parts, f"--{_BOUNDARY}--\r\n".encode()])
    form = f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\nContent-Length: {len(body)}\r\n\r\n"
    return Request(f"POST /v1/files HTTP/1.1\r\n{_HEAD}{form}".encode() + body)


def unchunked(body: bytes) -> bytes:
    """What a chunked body says."""
    pieces = []
    at = 0
    while size := int(body[at : (start := body.index(b"\r\n", at) + 2)], 16):
        pieces.append(body[start : start + size])
        at = start + size + 2
    return b"".join(pieces)


class Reading:
    """One answer as it comes in."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._start = 0
        self._end: int | None = None

    def feed(self, data: bytes) -> bool:
        """Whether the answer is whole now."""
        self._data += data
        if not self._start and not self._read_head():
            return False
        if self._end is None:
            return self._data.endswith(_LAST_CHUNK)
        return len(self._data) >= self._end

    def shows(self, mark: bytes, new: int) -> bool:
        """Whether the mark is there, where its last byte is among the `new` newest."""
        return self._data.find(mark, max(0, len(self._data) - new - len(mark))) >= 0

    @property
    def status(self) -> int:
        return int(self._data[9:12])

    @property
    def body(self) -> bytes:
        return bytes(self._data[self._start :])

    def _read_head(self) -> bool:
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return False
        self._start = end + 4
        head = bytes(self._data[:end]).lower()
        at = head.find(b"\r\ncontent-length:")
        if at >= 0:
            self._end = self._start + int(head[at + 17 :].split(b"\r\n", 1)[0])
        return True
