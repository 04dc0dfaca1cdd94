"""What the relayed endpoints share: sends a request to the model's provider, charges the response and passes it on.

The usage is recorded before the last byte, like that of chat completions.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from understudy import ids
from understudy.api.errors import envelope, to_api_error
from understudy.api.event_stream import EventStream
from understudy.api.metering import add_cost, admit_unstored, hold_funds, reserve_tokens, wants_meta, with_meta
from understudy.api.parts import Parts, parts_of, project_of
from understudy.api.relayed_limits import estimate_work, measure, reserve_units
from understudy.engine.accounting import Accounting
from understudy.engine.limits.limiter import Reservation
from understudy.engine.spending_holds import Hold
from understudy.errors import UpstreamError
from understudy.llm.prices import Tokens
from understudy.llm.relay import RelayBody, Relayed
from understudy.llm.usage import parse_usage
from understudy.net import sse
from understudy.store.charges import Kind, Usage

T = TypeVar("T")
_MAX_EVENT_BYTES: Final = 64 * 1024 * 1024
"""Bytes of one event: a partial image is base64 in one event."""


@dataclass(frozen=True, slots=True)
class RelayRequest:
    """`operation` is the path below the base URL, `kind` what is charged.

    `units` counts what a unit price is for, in the whole response or the last event of a stream.
    """

    operation: str
    kind: Kind
    body: RelayBody
    units: Callable[[bytes], int]


def named_model(request: Request) -> str:
    """The model in the path of an Azure deployment; empty for any other path."""
    model: str = request.path_params.get("model", "")
    return model


async def relay(request: Request, relayed: RelayRequest) -> Response:
    """The provider's response to a request over HTTP.

    Raises OutOfFunds, FundsReserved, RateLimitExceeded, PermissionDenied and UpstreamError.
    """
    meter = await _open_meter(request, relayed)
    response = await _send(request, relayed, meter)
    if response.whole is not None:
        usage = await meter.charge(response.whole)
        body = with_meta(response.whole, usage) if _needs_meta(request, relayed, response) else response.whole
        rendered = Response(body, media_type=response.content_type)
        add_cost(rendered, usage)
        return rendered
    if response.is_event_stream:
        return EventStream(request, _relay_events(response, meter, request.state.request_id))
    return StreamingResponse(_relay_bytes(response, meter), media_type=response.content_type)


def _needs_meta(request: Request, relayed: RelayRequest, response: Relayed) -> bool:
    return wants_meta(request) and relayed.kind != "moderation" and response.is_json


async def relay_into(
    request: Request,
    relayed: RelayRequest,
    write: Callable[[bytes], Awaitable[object]],
    finish: Callable[[str], Awaitable[T]],
) -> tuple[T, Usage]:
    """Passes the provider's response to `write`, and its content type to `finish`; returns the result of that, and the
    usage, which is recorded.

    What cannot be delivered is not charged, unless the client has disconnected. Raises what `relay` does.
    """
    meter = await _open_meter(request, relayed)
    response = await _send(request, relayed, meter)
    try:
        if response.whole is not None:
            await write(response.whole)
        else:
            async with aclosing(response.chunks) as chunks:
                async for chunk in chunks:
                    meter.sent_bytes += len(chunk)
                    await write(chunk)
        finished = await finish(response.content_type)
    except Exception:
        meter.release()
        raise
    except asyncio.CancelledError:
        meter.charge_abandoned(response.whole or b"")
        raise
    return finished, await meter.charge(response.whole or b"")


@dataclass(frozen=True, slots=True)
class Admitted:
    """What a request has taken of the limits of tokens, of images or audio, and of the funds; None without limits."""

    tokens: Reservation | None
    units: Reservation | None
    hold: Hold | None


async def admit_relay(request: Request, kind: Kind, body: RelayBody) -> Admitted:
    """Called before a request is relayed.

    Raises OutOfFunds, FundsReserved, RateLimitExceeded and PermissionDenied.
    """
    await admit_unstored(request)
    tokens = await reserve_tokens(request, body.model, partial(measure, body))
    hold = await hold_funds(request, estimate_work(kind, body))
    limiter, key_id = parts_of(request).limiter, request.state.key_id
    return Admitted(tokens, await reserve_units(limiter, project_of(request), key_id, kind, body), hold)


async def _send(request: Request, relayed: RelayRequest, meter: "_Meter") -> Relayed:
    try:
        return await parts_of(request).models.relay(relayed.operation, relayed.body)
    except BaseException:
        meter.release()
        raise


async def _open_meter(request: Request, relayed: RelayRequest) -> "_Meter":
    admitted = await admit_relay(request, relayed.kind, relayed.body)
    return _Meter(
        parts_of(request).accounting,
        relayed,
        project_of(request),
        request.state.key_id,
        request.state.inference_id,
        admitted,
    )


async def relay_line(parts: Parts, project_id: str, key_id: str, relayed: RelayRequest) -> bytes:
    """The JSON of the response to a line of a batch, which the batch charges.

    Raises PermissionDenied for the default model of a line without one, RateLimitExceeded for its images, and
    UpstreamError.
    """
    await parts.limiter.permissions.check_model(project_id, relayed.body.model)
    units = await reserve_units(parts.limiter, project_id, key_id, relayed.kind, relayed.body)
    used = 0
    try:
        response = await parts.models.relay(relayed.operation, relayed.body)
        if response.whole is None:
            response.close()
            raise UpstreamError("malformed", "The upstream returned a stream for a line of a batch.")
        used = relayed.units(response.whole)
    finally:
        if units is not None:
            units.settle(used)
    return response.whole


class _Meter:
    """Counts the usage of one response, once."""

    def __init__(
        self,
        accounting: Accounting,
        relayed: RelayRequest,
        project_id: str,
        key_id: str,
        reference: str,
        admitted: Admitted,
    ) -> None:
        self._accounting = accounting
        self._relayed = relayed
        self._project_id = project_id
        self._key_id = key_id
        self._reference = reference or ids.inference()
        self._reservation = admitted.tokens
        self._units = admitted.units
        self._hold = admitted.hold
        self._settled = False
        self.sent_bytes = 0
        """Of a response in chunks, up to now."""
        accounting.prefetch_price(relayed.body.model)

    async def charge(self, body: bytes) -> Usage:
        """Counts a response by its whole body, or by the last event of a stream, before its last byte is sent."""
        self._settled = True
        self._settle_reservation(body)
        usage = await self._build_usage(body)
        await self._accounting.charge(self._project_id, usage)
        if self._hold is not None:
            self._accounting.note_cost(usage)
            self._hold.release()
        return usage

    def charge_abandoned(self, body: bytes) -> None:
        """Counts a response whose client has disconnected, unless it is counted."""
        if not self._settled:
            self._settled = True
            self._settle_reservation(body)
            self._accounting.record_in_background(self._project_id, self._build_usage(body), self._hold)

    def release(self) -> None:
        """Gives back what is reserved for a request that has failed."""
        if self._units is not None:
            self._units.settle(0)

    def _settle_reservation(self, body: bytes) -> None:
        if self._units is not None and self._relayed.kind == "image":
            self._units.settle(self._relayed.units(body))
        elif self._units is not None and self._relayed.kind == "speech":
            self._units.settle(self.sent_bytes or len(body))
        if self._reservation is not None:
            tokens = parse_usage(body) or Tokens()
            self._reservation.settle(tokens.input + tokens.output)

    async def _build_usage(self, body: bytes) -> Usage:
        return await self._accounting.usage(
            self._reference,
            self._relayed.kind,
            self._relayed.body.model,
            parse_usage(body) or Tokens(),
            key_id=self._key_id,
            units=self._relayed.units(body),
        )


async def _relay_bytes(response: Relayed, meter: _Meter) -> AsyncGenerator[bytes, None]:
    """An error cuts the response off: bytes have no form for it."""
    last = b""
    try:
        async with aclosing(response.chunks) as chunks:
            async for chunk in chunks:
                meter.sent_bytes += len(chunk)
                if last:
                    yield last
                last = chunk
        await meter.charge(b"")
    finally:
        meter.charge_abandoned(b"")
    yield last


async def _relay_events(response: Relayed, meter: _Meter, request_id: str) -> AsyncGenerator[bytes, None]:
    """Events are forwarded one by one; the last one waits until it is charged."""
    reader = sse.Reader(_MAX_EVENT_BYTES)
    last = counted = b""
    try:
        async with aclosing(response.chunks) as chunks:
            async for chunk in chunks:
                for event in reader.feed(chunk):
                    if last:
                        yield last
                    last, counted = _frame(event), _last_counted(event.data, counted)
        for event in reader.close():
            last, counted = last + _frame(event), _last_counted(event.data, counted)
        await meter.charge(counted)
    except Exception as error:  # noqa: BLE001 - the response has started, so every error becomes an event
        yield last + b"event: error\ndata: " + envelope(to_api_error(error, request_id)) + b"\n\n"
        return
    finally:
        meter.charge_abandoned(counted)
    yield last


def _frame(event: sse.Event) -> bytes:
    name = b"event: " + event.name + b"\n" if event.name else b""
    return name + b"".join(b"data: " + line + b"\n" for line in event.data.split(b"\n")) + b"\n"


def _last_counted(data: bytes, counted: bytes) -> bytes:
    """The data of the last event with a usage."""
    return data if b'"usage"' in data else counted
