"""The lines of a batch: executed by an endpoint, retried, charged, and each result stored when it arrives.

A line is executed by the endpoint that the application provides: project and body in, status and body out.
"""

import asyncio
import itertools
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from understudy import ids
from understudy.blobs import Blobs
from understudy.engine.accounting import Accounting
from understudy.engine.jobs import batch_input, batch_output
from understudy.engine.jobs.backoff import Backoff
from understudy.engine.jobs.fair_places import FairPlaces
from understudy.engine.limits.refusals import ORGANIZATION
from understudy.engine.spending_holds import Hold, released_after
from understudy.llm.prices import Tokens
from understudy.llm.usage import count_images, parse_usage
from understudy.store.batch_jobs import BatchClaim, BatchJobs, LineResult, PendingLine, ResultAlreadyStored
from understudy.store.charges import Kind


@dataclass(frozen=True, slots=True)
class EndpointResult:
    """An HTTP status, and a body that is JSON. `retry_after` are the seconds that an error names, `code` is its code,
    which not every dialect's body has.

    `hold` is what the line holds of the funds, which the caller releases.
    """

    status: int
    body: bytes
    retry_after: float = 0.0
    code: str = ""
    hold: Hold | None = None


Endpoint = Callable[[str, str, bytes], Awaitable[EndpointResult]]
"""Executes a request of a project and of the key that created the batch. Raises nothing but CancelledError."""

MESSAGES: Final = "/v1/messages"
RESPONSES: Final = "/v1/responses"
"""A response is charged by itself, turn by turn."""
LINE_KINDS: Final[Mapping[str, Kind]] = {
    "/v1/embeddings": "embedding",
    "/v1/moderations": "moderation",
    "/v1/images/generations": "image",
    "/v1/images/edits": "image",
}
"""What a line is charged as, by its endpoint; else as a completion."""
_READ_CHUNK: Final = 100
_RETRYABLE_STATUSES: Final = frozenset({408, 425, 429, 502, 503, 504, 529})
_BACKOFF: Final = Backoff(first=1.0, longest=60.0, max_attempts=12, jitter=(0.5, 1.0))
# A proxy's error page is transient; a provider that ignores the request is not.
_MALFORMED: Final = b'"upstream_malformed"'
_MALFORMED_ATTEMPTS: Final = 3
_PERMANENT_ERRORS: Final = (b'"insufficient_quota"', b'"billing_error"')
# Errors of this server's limit of images, and of funds that other work holds: a line waits as long as the batch lasts.
_AWAITED: Final = f"organization {ORGANIZATION} on images per".encode()
_AWAITED_CODE: Final = "funds_reserved"
_AWAITED_ATTEMPTS: Final = 6
_RELEASE_SECONDS: Final = 1.0
_RELAYED_KINDS: Final = frozenset({"image", "moderation"})
# Bytes of JSON a token, where a provider reports no usage.
_BYTES_PER_TOKEN: Final = 4
logger = logging.getLogger(__name__)


class LeaseLost(Exception):
    """Another worker has the batch, or its status has changed."""


def require_lease(changed: bool) -> None:
    """Raises LeaseLost unless a guarded write has changed its row."""
    if not changed:
        raise LeaseLost


def line_endpoint(claimed: BatchClaim) -> str | None:
    """The endpoint that each line must name; None where this server wrote the lines."""
    return claimed.batch.job.endpoint if claimed.dialect == "openai" else None


class LineExecutor:
    def __init__(self, work: BatchJobs, blobs: Blobs, accounting: Accounting, places: int) -> None:
        """At most `places` lines of all batches are executed at a time."""
        self._work = work
        self._blobs = blobs
        self._accounting = accounting
        self._places = places
        self._free = FairPlaces(places)
        self._turn = asyncio.Lock()

    async def execute(
        self, claimed: BatchClaim, owner: str, endpoint: Endpoint, is_released: Callable[[], bool] = lambda: False
    ) -> None:
        """Executes the lines without a result; once `is_released`, only those that have a place. Raises LeaseLost."""
        window = asyncio.Semaphore(self._places)
        try:
            async with asyncio.TaskGroup() as group, aclosing(self._iterate_open_lines(claimed.seq)) as lines:
                async for line in lines:
                    await window.acquire()
                    if is_released():
                        break
                    group.create_task(self._execute_line(claimed, line, owner, endpoint, window, is_released))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _iterate_open_lines(self, seq: int) -> AsyncGenerator[PendingLine, None]:
        after = 0
        while lines := await self._work.pending_lines(seq, after, _READ_CHUNK):
            for line in lines:
                yield line
            after = lines[-1].line

    async def _execute_line(
        self,
        claimed: BatchClaim,
        line: PendingLine,
        owner: str,
        endpoint: Endpoint,
        window: asyncio.Semaphore,
        is_released: Callable[[], bool],
    ) -> None:
        try:
            body = batch_input.request_body(await self._load_request(claimed, line), line_endpoint(claimed))
            called = await self._call_with_retries(claimed, endpoint, body, is_released)
            if called is None:
                return
            with released_after(called.hold):
                answer = await self._with_usage(claimed, line, body, called)
                try:
                    require_lease(await self._work.store_result(claimed.seq, owner, line.line, answer))
                except ResultAlreadyStored:
                    logger.warning("batch %s: line %d has a result already", claimed.batch.job.id, line.line)
        finally:
            window.release()

    async def _with_usage(
        self, claimed: BatchClaim, line: PendingLine, body: bytes, called: EndpointResult
    ) -> LineResult:
        """The result with its charge, whose reference is the line's: it is charged once."""
        job, charge, answered = claimed.batch.job, None, called.body
        if 200 <= called.status < 300 and job.endpoint != RESPONSES:
            kind = LINE_KINDS.get(job.endpoint, "completion")
            tokens = parse_usage(answered) or _estimate_tokens(kind, body, answered)
            units = count_images(answered) if kind == "image" else 0
            reference, model = f"{job.id}:{line.line}", batch_input.requested_model(body)
            charge = await self._accounting.usage(
                reference, kind, model, tokens, key_id=job.key_id, units=units, batch=True
            )
            if called.hold is not None:
                self._accounting.settle_hold(called.hold, charge)
        usage = batch_output.parse_usage(answered)
        return LineResult(ids.request(), called.status, answered.decode("utf-8", "replace"), usage, charge)

    async def _load_request(self, claimed: BatchClaim, line: PendingLine) -> bytes:
        async with self._blobs.reading(claimed.input, line.place, line.place + line.length) as chunks:
            return b"".join([chunk async for chunk in chunks])

    async def _call_with_retries(
        self, claimed: BatchClaim, endpoint: Endpoint, body: bytes, is_released: Callable[[], bool]
    ) -> EndpointResult | None:
        """The response after as many attempts as necessary; a backoff holds no place. None once it `is_released`."""
        for attempts in itertools.count(1):
            async with self._free.place(claimed.project_id, claimed.seq):
                if is_released():
                    return None
                # A model that responds without waiting would execute every place's line before other tasks run.
                async with self._turn:
                    await asyncio.sleep(0)
                result = await endpoint(claimed.project_id, claimed.batch.job.key_id, body)
            if (delay := _find_delay(result, attempts)) is None:
                break
            await _wait(delay, is_released)
        return result


def _estimate_tokens(kind: Kind, body: bytes, answered: bytes) -> Tokens:
    """Estimates the usage of a line whose provider reports none, as for the same request outside a batch."""
    if kind in _RELAYED_KINDS:
        return Tokens()
    return Tokens(len(body) // _BYTES_PER_TOKEN, len(answered) // _BYTES_PER_TOKEN if kind == "completion" else 0)


def _find_delay(result: EndpointResult, attempts: int) -> float | None:
    """Seconds until the next attempt, at least those that the provider has named; None after the last one."""
    if result.status not in _RETRYABLE_STATUSES or any(sign in result.body for sign in _PERMANENT_ERRORS):
        return None
    if _MALFORMED in result.body and attempts >= _MALFORMED_ATTEMPTS:
        return None
    is_awaited = result.code == _AWAITED_CODE or _AWAITED in result.body
    if result.status == HTTPStatus.TOO_MANY_REQUESTS and is_awaited:
        attempts = min(attempts, _AWAITED_ATTEMPTS)
    return _BACKOFF.delay(attempts, result.retry_after)


async def _wait(seconds: float, is_released: Callable[[], bool]) -> None:
    """Ends early once the batch is released, which other batches wait for."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while (left := end - loop.time()) > 0 and not is_released():  # noqa: ASYNC110 - a release sets no event
        await asyncio.sleep(min(left, _RELEASE_SECONDS))
