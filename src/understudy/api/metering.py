"""Admission and usage of a request. The cost goes to headers and, in the AI/ML dialect, to `meta.usage`.

Usage is recorded before the last byte is sent, so that every complete response is counted. Prices nothing.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from understudy.api import stand_in
from understudy.api.parts import key_of, parts_of, project_of
from understudy.api.rate_limit_headers import render_headers
from understudy.api.requests import add_headers, json_response
from understudy.engine.accounting import Work, usd
from understudy.engine.limits.demand import Demand
from understudy.engine.limits.limiter import Reservation
from understudy.engine.spending_holds import Hold
from understudy.errors.objects import storage_limit_exceeded
from understudy.llm.prices import Tokens
from understudy.llm.provider import ChatBody
from understudy.llm.usage import parse_usage
from understudy.store.attachments import VectorStoreUpload
from understudy.store.charges import Kind, Usage
from understudy.wire.messages import MessageObject

# Estimated bytes of JSON per token, for providers that report no usage.
_BYTES_PER_TOKEN: Final = 4
_INLINE_BYTES: Final = 64 * 1024


async def admit(request: Request) -> None:
    """Called before new billable work. Raises OutOfFunds and FundsReserved."""
    await parts_of(request).admission.check_funds(project_of(request), key_of(request))


async def admit_unstored(request: Request) -> None:
    """As `admit`, for work whose response is not stored: it is decided from memory."""
    await parts_of(request).accounting.admit(project_of(request), request.state.key_id, is_journaled=True)


async def hold_funds(request: Request, work: Work) -> Hold | None:
    """Called before each billable call, which holds its estimated cost until it is charged, at most until the request
    ends. None without limits. Raises OutOfFunds and FundsReserved."""
    accounting, project_id, key_id = parts_of(request).accounting, project_of(request), key_of(request)
    end_with_key(request)
    if work.measure is not None and not accounting.is_unlimited(project_id, key_id):
        work = msgspec.structs.replace(work, measure=await _measure_aside(request, work.measure))
    hold = await accounting.hold(project_id, key_id, work)
    if hold is not None:
        request.scope["state"]["hold"] = hold
    return hold


def end_with_key(request: Request) -> None:
    """Called before a request waits for a model: it ends when its key is revoked."""
    state = request.scope["state"]
    if "ends_with_key" not in state:
        state["ends_with_key"] = True
        parts_of(request).streams.add_request(key_of(request))


def finish_with_answer(request: Request) -> None:
    """Called once a model has answered: the answer is stored, charged and sent, also if the key is revoked now."""
    parts_of(request).streams.finish_request()


def hold_indexing(request: Request, file_ids: Sequence[str]) -> AbstractAsyncContextManager[None]:
    """As `hold_funds`, around the addition of files to vector stores, whose embedder may be a provider's model."""
    return parts_of(request).vector_stores.holding_funds(project_of(request), key_of(request), file_ids)


def hold_fillings(request: Request, fillings: Sequence[VectorStoreUpload]) -> AbstractAsyncContextManager[None]:
    """As `hold_indexing`, for vector stores that are created or filled together with an object."""
    return hold_indexing(request, [file_id for filling in fillings for file_id in filling.file_ids])


def hold_attachments(request: Request, messages: Sequence[MessageObject]) -> AbstractAsyncContextManager[None]:
    """As `hold_indexing`, for the files of messages."""
    attached = [one.file_id for message in messages for one in message.attachments]
    return hold_indexing(request, [file_id for file_id in attached if isinstance(file_id, str)])


async def admit_model(request: Request, model: str) -> None:
    """As `admit`, for a model of videos.

    Also raises PermissionDenied if the project may not use it, and InvalidRequest if it stores as many bytes as it may.
    """
    await admit(request)
    await parts_of(request).limiter.permissions.check_model(project_of(request), model)
    await check_storage(request, 1)


async def check_storage(request: Request, added: int) -> None:
    """Called before bytes are stored outside the Files of the project.

    Raises InvalidRequest if its Files and these bytes are more than it may store.
    """
    parts, project_id = parts_of(request), project_of(request)
    limit = await parts.limiter.size_limit(project_id, "stored_bytes")
    if limit is None:
        return
    size = await parts.store.project_sizes.get(project_id)
    if size.bytes + added > limit:
        raise storage_limit_exceeded(limit, size.bytes, added)


async def reserve_tokens(request: Request, model: str, measure: Callable[[], Demand]) -> Reservation | None:
    """Called before each request of a model, whose limits it takes from: the tokens that `measure` estimates.

    None without limits. Raises RateLimitExceeded.

    Also raises PermissionDenied for a model that the project may not use.
    """
    parts = parts_of(request)
    if parts.limiter.policies.is_unused:
        # They have the permissions as well.
        return None
    await parts.limiter.permissions.check_model(project_of(request), model)
    measure = await _measure_aside(request, measure)
    reservation = await parts.limiter.reserve(project_of(request), key_of(request), model, measure)
    if reservation is None:
        return None
    add_headers(request, render_headers(reservation, request.scope["state"]["dialect"], parts.clock.now()))
    if reservation.refusal is not None:
        raise reservation.refusal
    request.scope["state"]["reservation"] = reservation
    return reservation


async def _measure_aside(request: Request, measure: Callable[[], Demand]) -> Callable[[], Demand]:
    """Counts the tokens of a large request in a thread, as others would wait; returns a function with the result."""
    length = request.headers.get("content-length")
    if length is not None and int(length) <= _INLINE_BYTES:
        return measure
    demand = await asyncio.to_thread(measure)
    return lambda: demand


def wants_meta(request: Request) -> bool:
    """Whether the response needs the AI/ML API's `meta` member."""
    dialect: str = request.scope["state"]["dialect"]
    return dialect == "aimlapi"


class UsageMeter:
    """Counts the usage of one model response, whole or streamed; in a transaction if the response `is_stored`."""

    def __init__(self, request: Request, kind: Kind, body: ChatBody, *, is_stored: bool = False) -> None:
        self.wants_meta = kind == "completion" and wants_meta(request)
        self._request = request
        self._accounting = parts_of(request).accounting
        self._is_stored = is_stored
        self._project_id = project_of(request)
        self._key_id = key_of(request)
        self._reference: str = request.scope["state"]["inference_id"]
        self._kind = kind
        self._body = body
        self._last = b""
        self._chunks = 0
        self._settled = False
        self._reservation: Reservation | None = request.scope["state"].get("reservation")
        self._hold: Hold | None = request.scope["state"].get("hold")
        self._accounting.prefetch_price(str(body["model"]))
        stand_in.mark_response(request, str(body["model"]))

    async def charge(self, body: bytes) -> Usage:
        """Counts a whole response, before it is sent."""
        finish_with_answer(self._request)
        self._settled = True
        output_tokens = 0 if self._kind == "embedding" else len(body) // _BYTES_PER_TOKEN
        return await self._record_usage(parse_usage(body) or self._estimate_tokens(output_tokens))

    def observe(self, chunks: Sequence[bytes]) -> None:
        """Remembers the last chunk with usage. Called for every delta, so it must stay fast."""
        self._chunks += len(chunks)
        for chunk in chunks:
            if b'"usage"' in chunk and b'"usage":null' not in chunk and b'"usage": null' not in chunk:
                self._last = chunk

    def count(self, chunks: int) -> None:
        """As `observe`, for so many chunks without usage."""
        self._chunks += chunks

    async def settle(self) -> Usage:
        """Counts a finished stream, before its end is sent."""
        self._settled = True
        return await self._record_usage(self._counted_tokens())

    def settle_abandoned(self) -> None:
        """Counts a stream whose client disconnected, unless it is already counted."""
        if not self._settled and self._chunks:
            self._settled = True
            tokens = self._counted_tokens()
            self._settle_reservation(tokens)
            self._accounting.record_in_background(self._project_id, self._build_usage(tokens), self._hold)

    def _counted_tokens(self) -> Tokens:
        return parse_usage(self._last) or self._estimate_tokens(self._chunks)

    def _estimate_tokens(self, output_tokens: int) -> Tokens:
        prompt = self._body.get("messages") or self._body.get("input") or ""
        return Tokens(len(msgspec.json.encode(prompt)) // _BYTES_PER_TOKEN, output_tokens)

    async def _build_usage(self, tokens: Tokens) -> Usage:
        model = str(self._body["model"])
        return await self._accounting.usage(self._reference, self._kind, model, tokens, key_id=self._key_id)

    def _settle_reservation(self, tokens: Tokens) -> None:
        if self._reservation is not None:
            self._reservation.settle(tokens.input + tokens.output)

    async def _record_usage(self, tokens: Tokens) -> Usage:
        self._settle_reservation(tokens)
        usage = await self._build_usage(tokens)
        if self._is_stored:
            await self._accounting.record(self._project_id, usage)
        else:
            await self._accounting.charge(self._project_id, usage)
        if self._hold is not None:
            self._accounting.note_cost(usage)
            if self._is_stored:
                self._hold.charge(usage.credits)
            self._hold.release()
        return usage


def render_charged(meter: UsageMeter, body: bytes, usage: Usage) -> Response:
    """The response with its cost."""
    response = json_response(with_meta(body, usage) if meter.wants_meta else body)
    add_cost(response, usage)
    return response


def add_cost(response: Response, usage: Usage) -> None:
    """Adds the AI/ML API's headers of the cost. Written as bytes: the headers of most responses are never parsed."""
    response.raw_headers += [
        (b"x-aimlapi-credits-used", b"%d" % usage.credits),
        (b"x-aimlapi-usd-spent", _format_cost(usage).encode()),
    ]


def with_meta(payload: bytes, usage: Usage) -> bytes:
    """An object's JSON with `meta.usage` as its last member."""
    meta = {"usage": {"credits_used": usage.credits, "usd_spent": usd(usage.credits)}}
    plain = payload.rstrip()
    if b'"meta"' in plain or not plain.endswith(b"}") or plain == b"{}":
        document: dict[str, Any] = msgspec.json.decode(plain)
        return msgspec.json.encode({**document, "meta": meta})
    return plain[:-1] + b',"meta":' + msgspec.json.encode(meta) + b"}"


def _format_cost(usage: Usage) -> str:
    """The US dollars of a charge, in plain digits."""
    return f"{usd(usage.credits):.7f}".rstrip("0").rstrip(".")


class StreamTail:
    """Buffers the end of a stream, from the chunk with a finish reason on, until the cost is known."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def push(self, chunks: Sequence[bytes]) -> Sequence[bytes]:
        """The chunks that may be sent now."""
        if not self._chunks:
            first = next((number for number, chunk in enumerate(chunks) if _is_final_chunk(chunk)), None)
            if first is None:
                return chunks
            self._chunks += chunks[first:]
            return chunks[:first]
        self._chunks += chunks
        return ()

    def flush(self, usage: Usage) -> list[bytes]:
        if not self._chunks:
            return []
        *others, last = self._chunks
        return [*others, with_meta(last, usage)]


def _is_final_chunk(chunk: bytes) -> bool:
    if b'"finish_reason"' not in chunk:
        return b'"choices":[]' in chunk or b'"choices": []' in chunk
    return b'"finish_reason":null' not in chunk and b'"finish_reason": null' not in chunk
