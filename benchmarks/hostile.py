"""What one request does to everybody else: the longest silence of `/health/live` while the server works on it."""

import asyncio
import contextlib
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from benchmarks import hostile_bodies, hostile_inputs, hostile_schemas, hostile_texts, hostile_urls, report, server
from benchmarks.hostile_inputs import Input, Prepared
from benchmarks.http import KEY
from benchmarks.report import Report
from benchmarks.stage import Service, Stage

_GOAL_MS = 50.0
_PAUSE = 0.001
_USUAL_SECONDS = 2.0
# How long the probe continues once the request has its answer: what runs behind an answer is the request's work, too.
_AFTER = 0.3
_WAIT = 120.0
_READ = 1 << 20
_COLUMNS = ("input", "bytes", "status", "answered in ms", "longest silence ms", "server's CPU ms")
_PROBE = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Silence:
    """Seconds that the answers of the probe took: the longest, and the one in the middle.

    `work` is the most processor time that the server had during one of them. On a busy machine it says more of the
    server than the time on the clock does.
    """

    longest: float
    usual: float
    work: float


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    seconds: float


@dataclass(frozen=True, slots=True)
class _Measured:
    name: str
    status: int
    seconds: float
    silence: float
    work: float


async def measure(stage: Stage) -> Report:
    """In a thread, as all of it waits for sockets and for time."""
    return await asyncio.to_thread(_measured, stage)


def _measured(stage: Stage) -> Report:
    service = server.start(stage, stage.upstream())
    prepared = hostile_inputs.prepare(service.port)
    with _probing(service) as probe:
        time.sleep(_USUAL_SECONDS)
    usual = probe.silence()
    done = Report("hostile", _COLUMNS, conditions="One request at a time, beside a probe of /health/live.")
    done.notes.append(
        f"Without load /health/live answers in {report.ms(usual.usual)} ms, at the slowest in"
        f" {report.ms(usual.longest)} ms. The goal is {_GOAL_MS:g} ms above the former; where the server had less"
        " processor time during a silence, that counts."
    )
    measured = [_measure(one, service, usual, done) for one in _inputs(prepared) if stage.options.inputs in one.name]
    done.raw["inputs"] = msgspec.to_builtins(measured)
    worst = max(one.silence for one in measured)
    done.notes.append(f"The longest silence of all: {worst * 1000:.1f} ms.")
    return done


def _inputs(prepared: Prepared) -> Iterator[Input]:
    yield from hostile_schemas.every()
    yield from hostile_bodies.malformed()
    yield from hostile_bodies.lists(prepared)
    yield from hostile_texts.chats()
    yield from hostile_texts.other_dialects()
    yield from hostile_texts.objects(prepared)
    yield from hostile_texts.files()
    yield from hostile_urls.urls()


def _measure(one: Input, service: Service, usual: Silence, done: Report) -> _Measured:
    with _probing(service) as probe:
        reply = _send(service.port, one)
        time.sleep(_AFTER)
    silence = probe.silence()
    longest = silence.longest
    # On a busy machine the clock runs while others work; no silence of the server's own is longer than its work.
    above = (min(longest, silence.work) - usual.usual) * 1000
    done.add(
        one.name,
        f"{len(one.body):,}",
        reply.status,
        f"{reply.seconds * 1000:.0f}",
        f"{longest * 1000:.1f}",
        f"{silence.work * 1000:.1f}",
        goals=[report.at_most(_GOAL_MS, above, " ms above")],
    )
    return _Measured(one.name, reply.status, reply.seconds, longest, silence.work)


@contextlib.contextmanager
def _probing(service: Service) -> Iterator["_Probe"]:
    probe = _Probe(service)
    probe.start()
    try:
        yield probe
    finally:
        probe.stop()


class _Probe:
    """Asks `/health/live` again and again, in a thread of its own that mostly waits for the socket."""

    def __init__(self, service: Service) -> None:
        self._port = service.port
        self._process = service.process
        self._times: list[float] = []
        self._work: list[float] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(_WAIT)

    def silence(self) -> Silence:
        return Silence(max(self._times), statistics.median(self._times), max(self._work))

    def _run(self) -> None:
        with socket.create_connection(("127.0.0.1", self._port), _WAIT) as connection:
            while not self._stopped.is_set():
                asked, worked = time.perf_counter(), self._process.worked()
                with contextlib.suppress(TimeoutError):
                    connection.sendall(_PROBE)
                    connection.recv(65_536)
                self._times.append(time.perf_counter() - asked)
                self._work.append(self._process.worked() - worked)
                time.sleep(_PAUSE)


def _send(port: int, one: Input) -> Reply:
    """The status line is read, and the rest of the answer until its end; a connection cut early has status 0."""
    head = (
        f"{one.method} {one.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n"
        f"Content-Type: {one.media_type}\r\nContent-Length: {len(one.body)}\r\n{one.headers}\r\n"
    )
    started = time.perf_counter()
    first = b""
    with socket.create_connection(("127.0.0.1", port), _WAIT) as connection:
        # What is refused before it was read breaks the pipe; the answer may be there all the same.
        with contextlib.suppress(OSError):
            connection.sendall(head.encode() + one.body)
        with contextlib.suppress(OSError):
            while data := connection.recv(_READ):
                first = first or data
    status = int(first[9:12]) if first.startswith(b"HTTP/1.1 ") else 0
    return Reply(status, time.perf_counter() - started)
