"""One call of a model: its attempts, their retries and fallbacks, its deadline and its span. Knows no dialect.

Each attempt is reported as telemetry. A stream counts for its model's circuit once it has ended: one that dies midway
is a fault, which no attempt repeats.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from understudy import telemetry, tracing
from understudy.errors import UpstreamError
from understudy.llm import faults
from understudy.llm.attempts import Attempts
from understudy.llm.call_span import CallSpan, Operation, TracedStream, start_call
from understudy.llm.circuits import Circuits
from understudy.llm.deadlines import DeadlineExceeded, Deadlines
from understudy.llm.models import Target
from understudy.llm.stream import Opening, WatchedStream, read_until_content

T = TypeVar("T")
StartStream = Callable[[Target], AsyncIterator[Sequence[bytes]]]


class Calls:
    """`circuits` are those of all calls; `chance` and `sleep` serve the backoff between attempts."""

    def __init__(
        self, circuits: Circuits, chance: random.Random, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self.circuits = circuits
        self.deadlines = Deadlines()
        self._chance = chance
        self._sleep = sleep

    async def call(
        self,
        targets: tuple[Target, ...],
        attempt: Callable[[Target], Awaitable[T]],
        body: Mapping[str, Any],
        operation: Operation = "chat",
    ) -> T:
        """The reply of the first attempt that succeeds, in a span of the call if that is traced.

        Raises UpstreamError: that of the first attempt, after the last one.
        """
        call = start_call(operation, targets, body)
        # Without an endpoint for it, tokens are counted here.
        circuits = None if operation == "count_tokens" else self.circuits
        if call is None:
            return await self._attempt_all(targets, attempt, circuits)
        try:
            with tracing.Scope(call.span):
                reply = await self._attempt_all(targets, attempt, circuits, call)
            if isinstance(reply, bytes):
                call.record_reply(reply)
        except BaseException as error:
            call.fail(error)
            raise
        finally:
            call.end()
        return reply

    async def open_stream(
        self,
        targets: tuple[Target, ...],
        start: StartStream,
        is_content: Callable[[bytes], bool],
        body: Mapping[str, Any],
    ) -> Opening:
        """Opens a stream up to its first content: the chunks so far, and the rest. Raises as `call` does."""

        async def read_opening(target: Target) -> Opening:
            stream = start(target)
            opening = await read_until_content(stream, is_content)
            return opening, self._watch(stream, target) if len(targets) > 1 else stream

        call = start_call("chat", targets, {**body, "stream": True}) if tracing.is_enabled() else None
        if call is None:
            return await self._attempt_all(targets, read_opening, self.circuits, streamed=True)
        return await self._open_traced(targets, read_opening, call)

    def _watch(self, stream: AsyncIterator[Sequence[bytes]], target: Target) -> WatchedStream:
        def end(error: Exception | None) -> None:
            if error is None:
                if self.circuits.failing:
                    self.circuits.record_success(target)
            elif isinstance(error, UpstreamError) and not isinstance(error, DeadlineExceeded):
                self.circuits.record_broken_stream(target, error)

        return WatchedStream(stream, end)

    async def _open_traced(
        self, targets: tuple[Target, ...], read_opening: Callable[[Target], Awaitable[Opening]], call: CallSpan
    ) -> Opening:
        """The opening, and the rest of the stream, which ends the call's span."""
        started = time.perf_counter()
        try:
            with tracing.Scope(call.span):
                opening, rest = await self._attempt_all(targets, read_opening, self.circuits, call, streamed=True)
        except BaseException as error:
            call.fail(error)
            call.end()
            raise
        call.span.set("gen_ai.response.time_to_first_chunk", telemetry.elapsed(started))
        return opening, TracedStream(call, opening, rest)

    async def _attempt_all(
        self,
        targets: tuple[Target, ...],
        attempt: Callable[[Target], Awaitable[T]],
        circuits: Circuits | None,
        call: CallSpan | None = None,
        *,
        streamed: bool = False,
    ) -> T:
        attempts, count = Attempts(targets, self._chance, circuits), 0
        for target in attempts:
            started, count = time.perf_counter(), count + 1
            try:
                result = await attempt(target)
            except UpstreamError as error:
                _emit_called(target, error.kind, started, streamed=streamed, retry=count > 1)
                faults.log_fault(target.provider.name, target.model, error)
                delay = attempts.record_failure(error)
            else:
                _emit_called(target, "ok", started, streamed=streamed, retry=count > 1)
                attempts.record_success(is_opening=streamed)
                if call is not None:
                    call.record_attempts(count)
                return result
            await self._sleep(delay)
        raise attempts.error


def _emit_called(target: Target, status: str, started: float, *, streamed: bool, retry: bool) -> None:
    telemetry.publish(
        telemetry.ModelCalled(
            provider=target.provider.name,
            model=target.model,
            status=status,
            duration=telemetry.elapsed(started),
            streamed=streamed,
            retry=retry,
        )
    )
