"""What the relayed endpoints share: sends a request to the model's provider, charges the response and passes it on.

The usage is recorded before the last byte, like that of chat completions.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from understudy.api.errors import envelope, to_api_error
from understudy.api.event_stream import EventStream
from understudy.api.metering import (
    add_cost,
    admit_unstored,
    finish_with_answer,
    hold_funds,
    reserve_tokens,
    wants_meta,
    with_meta,
)
from understudy.api.parts import Parts, parts_of, project_of
from understudy.api.relay_meter import Admitted, RelayMeter, RelayRequest
from understudy.api.relayed_limits import estimate_work, measure, reserve_units
from understudy.errors import UpstreamError
from understudy.llm.relay import RelayBody, Relayed
from understudy.net import sse
from understudy.store.charges import Kind, Usage

T = TypeVar("T")
_MAX_EVENT_BYTES: Final = 64 * 1024 * 1024
"""Bytes of one event: a partial image is base64 in one event."""


def named_model(request: Request) -> str:
    """The model in the path of an Azure deployment; empty for any other path."""
    model: str = request.path_params.get("model", "")
    return model


async def relay(request: Request, relayed: RelayRequest) -> Response:
    """The provider's response to a request over HTTP.

    Raises OutOfFunds, FundsReserved, RateLimitExceeded, PermissionDenied and UpstreamError.
    """
    meter = await _open_meter(request, relayed)
    response = await _send_upstream(request, relayed, meter)
    if response.whole is not None:
        finish_with_answer(request)
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
    response = await _send_upstream(request, relayed, meter)
    if response.is_event_stream:
        response.close()
        meter.release()
        raise UpstreamError("malformed", "The upstream returned a stream of events for a whole response.")
    try:
        if response.whole is not None:
            await write(response.whole)
        else:
            async with aclosing(response.chunks) as chunks:
                async for chunk in chunks:
                    meter.count_chunk(chunk)
                    await write(chunk)
        finish_with_answer(request)
        finished = await finish(response.content_type)
    except Exception:
        meter.release()
        raise
    except asyncio.CancelledError:
        meter.charge_abandoned(response.whole or b"")
        raise
    charge = meter.charge_stream() if response.whole is None else meter.charge(response.whole)
    return finished, await charge


async def admit_relay(request: Request, kind: Kind, body: RelayBody) -> Admitted:
    """Called before a request is relayed.

    Raises OutOfFunds, FundsReserved, RateLimitExceeded and PermissionDenied.
    """
    await admit_unstored(request)
    tokens = await reserve_tokens(request, body.model, partial(measure, body))
    hold = await hold_funds(request, estimate_work(kind, body))
    limiter, key_id = parts_of(request).limiter, request.state.key_id
    return Admitted(tokens, await reserve_units(limiter, project_of(request), key_id, kind, body), hold)


async def _send_upstream(request: Request, relayed: RelayRequest, meter: RelayMeter) -> Relayed:
    try:
        return await parts_of(request).models.relay(relayed.operation, relayed.body)
    except BaseException:
        meter.release()
        raise


async def _open_meter(request: Request, relayed: RelayRequest) -> RelayMeter:
    admitted = await admit_relay(request, relayed.kind, relayed.body)
    return RelayMeter(
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


async def _relay_bytes(response: Relayed, meter: RelayMeter) -> AsyncGenerator[bytes, None]:
    """An error cuts the response off after the bytes that have arrived, since bytes have no form for an error."""
    last = b""
    try:
        async with aclosing(response.chunks) as chunks:
            async for chunk in chunks:
                meter.count_chunk(chunk)
                if last:
                    yield last
                last = chunk
        await meter.charge_stream()
    except UpstreamError:
        meter.charge_broken()
        if last:
            yield last
        raise
    finally:
        meter.charge_abandoned()
    yield last


async def _relay_events(response: Relayed, meter: RelayMeter, request_id: str) -> AsyncGenerator[bytes, None]:
    """Events are forwarded one by one; the last one waits until it is charged.

    An error of the provider ends the stream, in the form and without the secrets of any other error.
    """
    last = b""
    try:
        async for event in _read_events(response):
            if last:
                yield last
            meter.count_event(event.data)
            last = _frame(event)
        await meter.charge_stream()
    except Exception as error:  # noqa: BLE001 - the response has started, so every error becomes an event
        meter.charge_broken()
        yield last + b"event: error\ndata: " + envelope(to_api_error(error, request_id)) + b"\n\n"
        return
    finally:
        meter.charge_abandoned()
    yield last


async def _read_events(response: Relayed) -> AsyncGenerator[sse.Event, None]:
    """Raises UpstreamError, also for an event with an error."""
    reader = sse.Reader(_MAX_EVENT_BYTES)
    async with aclosing(response.chunks) as chunks:
        async for chunk in chunks:
            for event in reader.feed(chunk):
                _check_event(response, event)
                yield event
    for event in reader.close():
        _check_event(response, event)
        yield event


def _check_event(response: Relayed, event: sse.Event) -> None:
    if (error := response.find_error(event)) is not None:
        raise error


def _frame(event: sse.Event) -> bytes:
    name = b"event: " + event.name + b"\n" if event.name else b""
    return name + b"".join(b"data: " + line + b"\n" for line in event.data.split(b"\n")) + b"\n"
