"""How fast one large file goes in and comes out, against hashing, copying and syncing it on the same disk."""

import hashlib
import json
import os
import socket
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import report, server
from benchmarks.http import KEY
from benchmarks.process import WAIT
from benchmarks.report import Report
from benchmarks.stage import Service, Stage

_MIB = 1024 * 1024
_SIZE = 500
_RATIO = 0.7
_MEMORY = 64
_BOUNDARY = "boundary-of-a-benchmark"
_CHUNK = _MIB
_COPY, _POST, _GET = "copy, hash and fsync", "POST /files", "GET /files/{file_id}/content"


async def measure(stage: Stage) -> Report:
    tested = server.start(stage, stage.upstream())
    idle = server.settled_rss(tested)
    path = stage.directory / "large.bin"
    _fill(path)
    taken: dict[str, list[float]] = {_COPY: [], _POST: [], _GET: []}
    for _ in range(stage.options.rounds):
        for name, seconds in _round(tested, path, stage.directory / "copy.bin").items():
            taken[name].append(seconds)
    return _report(taken, tested.process.rss() - idle)


def _round(tested: Service, path: Path, copy: Path) -> dict[str, float]:
    """Seconds of each case."""
    begun = time.perf_counter()
    _copy(path, copy)
    copied = time.perf_counter()
    file_id = _upload(tested, path)
    uploaded = time.perf_counter()
    _download(tested, file_id)
    return {_COPY: copied - begun, _POST: uploaded - copied, _GET: time.perf_counter() - uploaded}


def _report(taken: dict[str, list[float]], grown: int) -> Report:
    done = Report("uploads", ["case", "MiB/s", "seconds", "of the copy"])
    copy = statistics.median(taken[_COPY])
    for name, seconds in taken.items():
        median = statistics.median(seconds)
        goals = [report.at_least(_RATIO, copy / median)] if name == _POST else []
        done.add(name, f"{_SIZE / median:.0f}", f"{median:.2f}", f"{copy / median:.2f}", goals=goals)
    done.add("memory that stays, MB", f"{grown / 1e6:.0f}", "", "", goals=[report.at_most(_MEMORY, grown / 1e6, " MB")])
    done.notes.append(f"One file of {_SIZE} MiB at a time.")
    done.raw = {"seconds": taken, "grown": grown}
    return done


def _fill(path: Path) -> None:
    with path.open("wb") as file:
        for _ in range(_SIZE):
            file.write(os.urandom(_MIB))


def _copy(path: Path, target: Path) -> None:
    digest = hashlib.sha256()
    with path.open("rb") as source, target.open("wb") as copy:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            copy.write(chunk)
        copy.flush()
        os.fsync(copy.fileno())
    target.unlink()


def _upload(tested: Service, path: Path) -> str:
    """The id of the file that was made."""
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n--{_BOUNDARY}\r\n'
        'Content-Disposition: form-data; name="file"; filename="large.bin"\r\n\r\n'
    ).encode()
    tail = f"\r\n--{_BOUNDARY}--\r\n".encode()
    length = len(head) + path.stat().st_size + len(tail)
    with _request(tested, "POST /v1/files", f"Content-Length: {length}\r\n") as connection, path.open("rb") as file:
        connection.sendall(head)
        connection.sendfile(file)
        connection.sendall(tail)
        with connection.makefile("rb") as answer:
            return str(json.loads(answer.read(_begun(answer.readline)))["id"])


def _download(tested: Service, file_id: str) -> None:
    with _request(tested, f"GET /v1/files/{file_id}/content", "") as connection, connection.makefile("rb") as answer:
        left = _begun(answer.readline)
        while left:
            left -= len(answer.read(min(_CHUNK, left)))


def _request(tested: Service, line: str, more: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", tested.port), timeout=WAIT)
    form = f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\n" if more else ""
    connection.sendall(f"{line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n{form}{more}\r\n".encode())
    return connection


def _begun(readline: Callable[[], bytes]) -> int:
    """The length of an answer's body; SystemExit where it is not 200."""
    status, length = readline(), 0
    while line := readline().strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    if b" 200 " not in status:
        raise SystemExit(f"The server answered {status!r}.")
    return length
