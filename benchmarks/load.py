"""Load over keep-alive sockets: as many scripts at a time as asked, each again and again, until the time is over.

A script is a generator: it yields requests, is sent their answers, and returns its sample in seconds. It raises Failed
where an answer is not the one that it wants, so that wrong answers are never counted as fast ones.
"""

import asyncio
import gc
import math
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from typing import cast

from benchmarks.http import Answer, Reading, Request
from benchmarks.rounds import Round

Script = Generator[Request, Answer, float]
_GRACE = 20.0


class Failed(Exception):
    """Says what was wrong with an answer."""


class Load:
    """`begun` counts scripts; no new one begins after `deadline` (a performance counter) or beyond `limit` of them."""

    def __init__(self, script: Callable[[], Script], seconds: float, limit: float) -> None:
        self.script = script
        self.started = time.perf_counter()
        self.deadline = self.started + seconds
        self.samples: list[float] = []
        self.errors: Counter[str] = Counter()
        self.last = self.started
        self._left = limit
        self._open = 0
        self._done = asyncio.get_running_loop().create_future()

    async def run(self, port: int, concurrency: int) -> Round:
        loop = asyncio.get_running_loop()
        self._open = concurrency
        for _ in range(concurrency):
            await loop.create_connection(lambda: _Connection(self), "127.0.0.1", port)
        await asyncio.wait_for(self._done, max(0.0, self.deadline - time.perf_counter()) + _GRACE)
        return Round.of(self.samples, min(self.last, self.deadline) - self.started, self.errors)

    def begins(self) -> bool:
        """Whether another script may begin; takes its place where it may."""
        if self._left <= 0 or time.perf_counter() >= self.deadline:
            return False
        self._left -= 1
        return True

    def took(self, sample: float) -> None:
        self.last = time.perf_counter()
        if self.last <= self.deadline:
            self.samples.append(sample)

    def failed(self, reason: str) -> None:
        self.errors[reason] += 1

    def closed(self) -> None:
        self._open -= 1
        if not self._open and not self._done.done():
            self._done.set_result(None)


class _Connection(asyncio.Protocol):
    def __init__(self, load: Load) -> None:
        self._load = load
        self._script: Script
        self._reading = Reading()
        self._mark = b""
        self._sent = 0.0
        self._marked: float | None = None
        self._finished = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._begin()

    def data_received(self, data: bytes) -> None:
        whole = self._reading.feed(data)
        if self._mark and self._marked is None and self._reading.shows(self._mark, len(data)):
            self._marked = time.perf_counter()
        if whole:
            ended = time.perf_counter()
            self._go_on(Answer(self._reading.status, self._reading.body, self._sent, self._marked, ended))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._finished:
            self._load.failed(f"the connection was closed: {exc}")
        self._load.closed()

    def _begin(self) -> None:
        if self._load.begins():
            self._script = self._load.script()
            self._send(next(self._script))
        else:
            self._finished = True
            self._transport.close()

    def _go_on(self, answer: Answer) -> None:
        try:
            self._send(self._script.send(answer))
        except StopIteration as stop:
            self._load.took(stop.value)
            self._begin()
        except Failed as reason:
            self._load.failed(str(reason))
            self._begin()

    def _send(self, request: Request) -> None:
        self._reading = Reading()
        self._mark, self._marked = request.mark, None
        self._sent = time.perf_counter()
        self._transport.write(request.data)


async def run(
    script: Callable[[], Script], port: int, concurrency: int, seconds: float, limit: float = math.inf
) -> Round:
    """No collection of garbage in this process falls into a round."""
    gc.collect()
    gc.disable()
    try:
        return await Load(script, seconds, limit).run(port, concurrency)
    finally:
        gc.enable()


async def ask(port: int, requests: Sequence[Request], concurrency: int = 16) -> list[Answer]:
    """The answers to requests that only prepare something, in their order; SystemExit where one is refused."""
    waiting = iter(enumerate(requests))
    answers: dict[int, Answer] = {}

    def script() -> Script:
        place, request = next(waiting)
        answers[place] = expect((yield request))
        return answers[place].seconds

    done = await run(script, port, min(concurrency, len(requests)), 60.0, len(requests))
    if done.errors or len(answers) < len(requests):
        raise SystemExit(f"The preparation failed: {done.errors}")
    return [answers[place] for place in range(len(requests))]


def expect(answer: Answer, *, holds: bytes = b"") -> Answer:
    """The answer, if it is a 200 and its body holds these bytes; raises Failed."""
    if answer.status != 200:
        raise Failed(f"{answer.status}: {answer.body[:300]!r}")
    if holds not in answer.body:
        raise Failed(f"the answer ends with {answer.body[-300:]!r}")
    return answer


def once(request: Request, holds: bytes = b"") -> Callable[[], Script]:
    """The script of one request, timed until the end of its answer."""

    def script() -> Script:
        return expect((yield request), holds=holds).seconds

    return script
