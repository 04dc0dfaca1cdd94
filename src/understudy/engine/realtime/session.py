"""One realtime session: relays events between a client and a provider until either ends it. Knows no HTTP.

Appended audio and the provider's events are forwarded as they are; the client's other events have the same members and
values. A side that reads slowly slows the other one: nothing is buffered here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from understudy import ids
from understudy.engine.realtime import events
from understudy.engine.realtime.meter import RealtimeMeter
from understudy.engine.realtime.models import SessionModels, find_tools
from understudy.errors import ApiError, BadGateway, GatewayTimeout, InvalidRequest
from understudy.llm.realtime import RealtimeConnection, UpstreamClosed
from understudy.wire import error_texts, json_size
from understudy.wire.parsing import InvalidBody

_INLINE_BYTES: Final = 64 * 1024
_MAX_INVALID: Final = 100
"""Consecutive messages that are not events."""
_YIELD_AFTER: Final = 32
"""Events, after which other tasks run: a read may bring thousands of small ones."""
_YIELD_BYTES: Final = 4096
"""The size of a client's event, whose members are all checked, after which other tasks run."""
_SETTLE_SECONDS: Final = 2.0
"""For each event of the provider until the end of a response, of which a client may have left much unread."""
_MAX_SETTLE_SECONDS: Final = 20.0
_CONFIGURATION_SECONDS: Final = 5.0
GOING_AWAY, TOO_BIG, POLICY, INTERNAL = 1001, 1009, 1008, 1011


class ClientClosed(Exception):
    """The client has closed its connection, or has left."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Client(Protocol):
    """The client's side of a session."""

    async def receive(self) -> str | bytes:
        """Raises ClientClosed."""
        ...

    async def send(self, message: str | bytes) -> None:
        """Waits while the client reads slowly. Does nothing for one that has left."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """Does nothing for a client that has left."""
        ...


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Times are in seconds; `values` are those of one event that the client sends."""

    session_seconds: float
    idle_seconds: float
    message_bytes: int
    values: int


@dataclass(frozen=True, slots=True)
class Closing:
    """How a session ends: the close code and reason, and the error that the client receives before."""

    code: int
    reason: str = ""
    error: ApiError | None = None
    by: Literal["client", "provider", "server"] = "server"


class RealtimeSession:
    """`update` is a client's event that configures the session before the client does.

    `apply_prompts` replaces the stored prompts of an event, and returns whether there were any. `to_error` makes an
    error of the API of any exception.
    """

    def __init__(
        self,
        client: Client,
        upstream: RealtimeConnection,
        models: SessionModels,
        meter: RealtimeMeter,
        limits: SessionLimits,
        apply_prompts: Callable[[Mapping[str, Any]], Awaitable[bool]],
        to_error: Callable[[Exception], ApiError],
        update: dict[str, Any] | None = None,
    ) -> None:
        self.events = self.sent_events = 0
        """How many the client, and the provider, have sent."""
        self._client = client
        self._upstream = upstream
        self._models = models
        self._meter = meter
        self._limits = limits
        self._apply_prompts = apply_prompts
        self._to_error = to_error
        self._update = update
        self._update_id: str | None = None
        self._held: dict[str, Any] | None = None
        """The event of the new session, until it is configured."""
        self._invalid = 0
        self._stop: asyncio.Future[tuple[Closing, float]] = asyncio.get_running_loop().create_future()
        self._active_at = asyncio.get_running_loop().time()

    def stop(self, closing: Closing, grace: float) -> None:
        """Ends the session once its response in progress has ended, or after `grace` seconds."""
        if not self._stop.done():
            self._stop.set_result((closing, grace))

    async def run(self) -> Closing:
        """Relays until one side closes, a limit is reached, or `stop` is called."""
        try:
            await self._configure()
        except UpstreamClosed as closed:
            return _provider_closing(closed)
        except Exception as error:  # noqa: BLE001 - every error becomes an event
            return Closing(POLICY, "invalid session", self._to_error(error))
        loops = (self._relay_client(), self._relay_upstream(), self._watch_times(), self._await_stop())
        tasks = [asyncio.create_task(loop) for loop in loops]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(task for task in tasks if task in done).result()
        except Exception as error:  # noqa: BLE001 - every error becomes an event
            return Closing(INTERNAL, "server error", self._to_error(error))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def send_error(self, error: ApiError, event_id: str | None = None) -> None:
        await self._client.send(events.render_error(error, event_id))

    async def settle(self, closing: Closing) -> None:
        """Closes the provider's connection, after the usage of a response that is in progress, if it comes soon."""
        try:
            if closing.by != "provider" and not self._meter.is_quiet.is_set():
                await self._end_response()
            await self._upstream.close(*((closing.code, closing.reason) if closing.by == "client" else ()))
        finally:
            await self._meter.close()

    async def _end_response(self) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + _MAX_SETTLE_SECONDS
        with suppress(UpstreamClosed, TimeoutError):
            async with asyncio.timeout(_SETTLE_SECONDS) as limit:
                await self._upstream.send(events.encode_event({"type": "response.cancel"}))
                while not self._meter.is_quiet.is_set():
                    limit.reschedule(min(loop.time() + _SETTLE_SECONDS, end))
                    message = await self._upstream.receive()
                    await self._charge_event(message, events.find_type(message))
                    self._meter.mark_ended()

    # -- from the client -----------------------------------------------------------------------------------------

    async def _relay_client(self) -> Closing:
        while True:
            try:
                message = await self._client.receive()
            except ClientClosed as closed:
                return Closing(closed.code, closed.reason, by="client")
            if (closing := await self._take(message)) is not None:
                return closing
            if self.events % _YIELD_AFTER == 0 or len(message) > _YIELD_BYTES:
                await asyncio.sleep(0)

    async def _take(self, message: str | bytes) -> Closing | None:
        """Forwards a message, or sends an error for it. Returns how the session ends if it has to."""
        self.events += 1
        self._active_at = asyncio.get_running_loop().time()
        if len(message) > self._limits.message_bytes:
            return Closing(TOO_BIG, "message too big", _too_big(self._limits.message_bytes))
        event_id: str | None = None
        try:
            kind, event_id = await _call_in_thread_if_large(message, events.parse_head, _as_text(message))
            forwarded = await self._prepare(kind, _as_text(message))
        except Exception as error:  # noqa: BLE001 - every error becomes an event, and the session continues
            await self.send_error(self._to_error(error), event_id)
            self._invalid += 1
            if self._invalid >= _MAX_INVALID:
                return Closing(POLICY, "too many invalid events")
            return None
        self._invalid = 0
        try:
            await self._upstream.send(forwarded)
        except UpstreamClosed:
            # What the provider has sent before is still forwarded, and ends with its reason.
            await asyncio.get_running_loop().create_future()
        return None

    async def _prepare(self, kind: str, text: str) -> str:
        """The event for the provider. Raises ApiError, UpstreamError and InvalidInput."""
        if kind == events.APPEND and events.is_plain_audio(text):
            return text
        event, tools = await _call_in_thread_if_large(text, self._read_event, text)
        if await self._apply_prompts(event):
            tools = find_tools(event)
            await asyncio.to_thread(self._models.check_urls, event)
        await self._models.check_tools(tools)
        session = event.get("session")
        if kind in events.UPDATES and isinstance(session, dict):
            await self._models.to_upstream(session)
        elif kind == events.CREATE_RESPONSE:
            await self._meter.request_response(event)
        encoded: str = await _call_in_thread_if_large(text, events.encode_event, event)
        return encoded

    def _read_event(self, text: str) -> tuple[dict[str, Any], dict[str, str]]:
        """An event whose URLs are allowed, and its hosted tools."""
        if (excess := json_size.find_excess(text.encode(), self._limits.values)) is not None:
            raise InvalidBody(error_texts.too_many_values(excess))
        event = events.decode_event(text)
        self._models.check_urls(event)
        return event, find_tools(event)

    # -- from the provider ---------------------------------------------------------------------------------------

    async def _relay_upstream(self) -> Closing:
        while True:
            try:
                async with asyncio.timeout(None if self._held is None else _CONFIGURATION_SECONDS):
                    message = await self._upstream.receive()
            except TimeoutError:
                await self._release_created()
                continue
            except UpstreamClosed as closed:
                await self._release_created()
                return _provider_closing(closed)
            if (closing := await self._forward(message)) is not None:
                return closing
            if self.sent_events % _YIELD_AFTER == 0:
                await asyncio.sleep(0)

    async def _forward(self, message: str | bytes) -> Closing | None:
        self.sent_events += 1
        self._active_at = asyncio.get_running_loop().time()
        kind = await _call_in_thread_if_large(message, events.find_type, message)
        if kind in events.CREATED or kind in events.UPDATED:
            if (changed := await self._translate_session(kind, message)) is not None:
                await self._client.send(changed)
            return None
        if events.may_have_error(kind):
            message = await _call_in_thread_if_large(message, events.redact_event, message, self._upstream.redact)
        if self._held is not None:
            await self._release_created()
        await self._charge_event(message, kind)
        await self._client.send(message)
        if kind == events.RESPONSE_DONE:
            self._meter.mark_ended()
            try:
                await self._meter.check_funds()
            except ApiError as error:
                return Closing(POLICY, error.code or "", error)
        return None

    async def _charge_event(self, message: str | bytes, kind: str) -> None:
        """Charges what an event reports, before it is forwarded."""
        match kind:
            case events.RESPONSE_CREATED:
                response_id = events.find_response_id(message)
                if (error := await self._meter.begin_response(response_id)) is not None:
                    await self.send_error(error)
                    with suppress(UpstreamClosed):
                        await self._upstream.send(
                            events.encode_event({"type": "response.cancel", "response_id": response_id})
                        )
            case events.RESPONSE_DONE:
                await self._meter.end_response(events.find_response_id(message), message)
            case events.TRANSCRIBED:
                await self._meter.end_transcription(message, self._models.transcription or self._models.model)
            case events.ERROR:
                self._meter.fail_request()

    # -- the configuration ---------------------------------------------------------------------------------------

    async def _configure(self) -> None:
        """Sends the session of a client secret before anything of the client."""
        if self._update is None:
            return
        self._update_id = ids.realtime_event()
        await self._apply_prompts(self._update)
        await self._models.check_tools(find_tools(self._update))
        # Again, since a setting that allows them may have changed. Those of many tools take long.
        await asyncio.to_thread(self._models.check_urls, self._update)
        await self._models.to_upstream(self._update["session"])
        await self._upstream.send(events.encode_event({**self._update, "event_id": self._update_id}))

    async def _translate_session(self, kind: str, message: str | bytes) -> str | bytes | None:
        """The event for the client; None for one that is held.

        With a client secret, the new session is announced as it is configured, as if it had been so from the start.
        """
        event = await _call_in_thread_if_large(message, events.decode_event, message)
        session = event.get("session")
        is_changed = self._models.to_client(session) if isinstance(session, dict) else False
        if self._update_id is not None and kind in events.CREATED:
            self._held = event
            return None
        if self._held is not None:
            created, self._held, self._update_id = self._held, None, None
            return events.encode_event({**created, "session": session})
        return events.encode_event(event) if is_changed else message

    async def _release_created(self) -> None:
        """The provider has not configured the session: it is announced as it is."""
        held, self._held, self._update_id = self._held, None, None
        if held is not None:
            await self._client.send(events.encode_event(held))

    # -- times ---------------------------------------------------------------------------------------------------

    async def _watch_times(self) -> Closing:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._limits.session_seconds
        while True:
            idle_end = self._active_at + self._limits.idle_seconds
            now = loop.time()
            if now >= end:
                return Closing(GOING_AWAY, "session expired", _session_expired(self._limits.session_seconds))
            if now >= idle_end:
                return Closing(GOING_AWAY, "idle", _idle(self._limits.idle_seconds))
            await asyncio.sleep(min(end, idle_end) - now)

    async def _await_stop(self) -> Closing:
        closing, grace = await self._stop
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._meter.is_quiet.wait()
        return closing


def _as_text(message: str | bytes) -> str:
    """Raises InvalidRequest for bytes, which clients and providers do not send."""
    if isinstance(message, str):
        return message
    raise InvalidRequest(
        "Events are text messages, with audio as base64. Binary messages are not accepted.", code="invalid_message"
    )


async def _call_in_thread_if_large(message: str | bytes, work: Callable[..., Any], *args: Any) -> Any:
    """Calls `work`, in a thread for a large message, which would block the event loop."""
    if len(message) <= _INLINE_BYTES:
        return work(*args)
    return await asyncio.to_thread(work, *args)


def _provider_closing(closed: UpstreamClosed) -> Closing:
    if closed.code is not None:
        return Closing(closed.code, closed.reason, by="provider")
    reason = f": {closed.reason}" if closed.reason else ""
    error = BadGateway(
        f"The connection to the provider of the model was lost{reason}. Open another session.", code="upstream_closed"
    )
    return Closing(INTERNAL, "provider connection lost", error, by="provider")


def _too_big(limit: int) -> InvalidRequest:
    return InvalidRequest(
        f"The event is larger than {limit} bytes. Send audio in smaller parts.", code="message_too_big"
    )


def _session_expired(seconds: float) -> GatewayTimeout:
    return GatewayTimeout(
        f"The session has reached its maximum time of {seconds:g} seconds. Open another one.",
        type="invalid_request_error",
        code="session_expired",
    )


def _idle(seconds: float) -> GatewayTimeout:
    return GatewayTimeout(
        f"The session had no event for {seconds:g} seconds. Open another one.",
        type="invalid_request_error",
        code="session_idle",
    )
