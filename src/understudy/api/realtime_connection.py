"""Opens a realtime session: checks the request of its handshake, connects to the provider, and relays to the end.

The handshake is a request as any other, in the middleware: with a key, limits, a line in the log and a span, all of
which last as long as the session.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import parse_qs

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from understudy import telemetry
from understudy.api.errors import to_api_error
from understudy.api.metering import admit_unstored, reserve_tokens
from understudy.api.parts import Parts, key_of, parts_of, project_of
from understudy.api.request_head import Fields
from understudy.engine.limits.demand import Demand
from understudy.engine.realtime.meter import RealtimeMeter
from understudy.engine.realtime.models import SessionModels
from understudy.engine.realtime.prompts import apply_prompts
from understudy.engine.realtime.session import POLICY, Client, Closing, RealtimeSession, SessionLimits
from understudy.errors import ApiError, InvalidRequest
from understudy.llm.realtime import RealtimeCall, RealtimeConnection
from understudy.settings import Settings
from understudy.wire.realtime import SecretSession

CLIENT: Final = "understudy.realtime"
"""The extension of the scope with the client's side of the session."""
ACCEPTED: Final = 101
UNAUTHORIZED: Final = 3000
"""The close code for a key that is not, or no longer, valid: that of the IANA's registry."""
_BETA: Final = "realtime=v1"
FORWARDED: Final = (b"openai-beta", b"openai-safety-identifier")
"""Headers of a handshake that are for the provider."""
_ENDING_SECONDS: Final = 3.0
logger = logging.getLogger(__name__)
_decode_secret = msgspec.json.Decoder(SecretSession).decode


@dataclass(frozen=True, slots=True)
class _Opening:
    """What a handshake requests: the model, and the session of its client secret, if it has one."""

    model: str
    is_transcription: bool
    names_model: bool
    is_beta: bool
    secret: SecretSession | None


async def connect(request: Request) -> Response:
    """Raises InvalidRequest without a WebSocket, OutOfFunds, FundsReserved, RateLimitExceeded, PermissionDenied and
    UpstreamError."""
    client = request.scope.get("extensions", {}).get(CLIENT)
    if client is None:
        raise InvalidRequest(
            "This is a WebSocket endpoint: connect to it with a wss:// or ws:// URL. Client secrets are made at POST"
            " /v1/realtime/client_secrets.",
            code="websocket_required",
        )
    parts = parts_of(request)
    opening = _read_opening(request, parts)
    await admit_unstored(request)
    await reserve_tokens(request, opening.model, lambda: Demand(0, 0))
    return _RealtimeResponse(request, client, opening)


def _read_opening(request: Request, parts: Parts) -> _Opening:
    query = {name: values[0] for name, values in parse_qs(request.scope["query_string"].decode("latin-1")).items()}
    if "call_id" in query:
        raise InvalidRequest(
            "Calls cannot be joined here: this server relays no WebRTC and SIP calls. Open a session with 'model'.",
            param="call_id",
            code="unsupported_parameter",
        )
    is_beta = _BETA.encode() in request.state.fields.get(b"openai-beta", b"")
    secret = _read_secret(request)
    if secret is not None and (secret.form == "beta") != is_beta:
        sent = "is sent" if is_beta else "is missing"
        raise InvalidRequest(
            f"The header 'OpenAI-Beta: {_BETA}', or the subprotocol 'openai-beta.realtime-v1', {sent}. It is needed"
            " with client secrets in the beta's form, and must be absent with others.",
            code="api_version_mismatch",
        )
    named = query.get("model") or query.get("deployment")
    is_transcription = query.get("intent") == "transcription" or (secret is not None and secret.type == "transcription")
    model = _choose_model(parts, named, secret, is_transcription=is_transcription)
    return _Opening(model, is_transcription, not is_transcription or bool(named), is_beta, secret)


def _read_secret(request: Request) -> SecretSession | None:
    found = request.scope["state"].get("client_secret")
    return None if found is None else _decode_secret(found.session)


def _choose_model(parts: Parts, named: str | None, secret: SecretSession | None, *, is_transcription: bool) -> str:
    own = secret.model if secret is not None else None
    if named and own and named not in {own, *parts.models.aliases(own)}:
        raise InvalidRequest(
            f"The client secret is for the model {own!r}, and not for {named[:200]!r}.",
            param="model",
            code="invalid_value",
        )
    if model := named or own:
        return model
    if is_transcription:
        configured = None if secret is None else secret.transcription_model
        return configured or parts.settings.realtime.transcription_model
    raise InvalidRequest(
        "Missing required parameter: 'model'. Name the model in the URL, as in /v1/realtime?model=gpt-realtime.",
        param="model",
        code="missing_required_parameter",
    )


class _RealtimeResponse(Response):
    """Connects to the provider, accepts the handshake, and relays until one side has closed."""

    def __init__(self, request: Request, client: Client, opening: _Opening) -> None:
        self._request = request
        self._client = client
        self._opening = opening
        self._parts = parts_of(request)
        self._project_id = project_of(request)
        self._key_id = key_of(request)
        self.background = None

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        async with self._parts.realtime.place(self._project_id):
            upstream = await self._connect_upstream()
            try:
                await send({"type": "http.response.start", "status": ACCEPTED, "headers": []})
                await self._relay_session(upstream)
            finally:
                await upstream.close()

    async def _connect_upstream(self) -> RealtimeConnection:
        fields: Fields = self._request.state.fields
        headers = {name.decode(): fields[name].decode("latin-1") for name in FORWARDED if name in fields}
        opening = self._opening
        return await self._parts.models.open_realtime(
            RealtimeCall(
                opening.model,
                opening.is_transcription,
                opening.names_model,
                headers,
                _most_bytes(self._parts.settings),
            )
        )

    async def _relay_session(self, upstream: RealtimeConnection) -> None:
        meter = RealtimeMeter(
            self._parts.accounting, self._parts.limiter, self._project_id, self._key_id, self._opening.model
        )
        session = self._build_session(upstream, meter)
        closing = await self._run_session(session)
        with suppress(TimeoutError):
            async with asyncio.timeout(_ENDING_SECONDS):
                if closing.error is not None:
                    await session.send_error(closing.error)
                await self._client.close(closing.code, closing.reason)
        await session.settle(closing)
        self._log(session, meter, closing)

    def _build_session(self, upstream: RealtimeConnection, meter: RealtimeMeter) -> RealtimeSession:
        parts, opening = self._parts, self._opening
        settings = parts.settings.realtime
        models = SessionModels(
            parts.models,
            parts.limiter.permissions,
            self._project_id,
            opening.model,
            upstream,
            is_transcription=opening.is_transcription,
        )
        limits = SessionLimits(
            settings.session_seconds,
            settings.idle_seconds,
            _most_bytes(parts.settings),
            parts.settings.limits.json_values,
        )
        apply = partial(apply_prompts, parts.store.prompts, self._project_id)
        to_error = partial(_to_error, self._request.state.request_id)
        update = None if opening.secret is None else opening.secret.update
        return RealtimeSession(self._client, upstream, models, meter, limits, apply, to_error, update)

    async def _run_session(self, session: RealtimeSession) -> Closing:
        """Also ends with the key of the session."""
        task = asyncio.current_task()
        assert task is not None
        with self._parts.realtime.track(session), self._parts.streams.track(task, self._key_id):
            try:
                return await session.run()
            except asyncio.CancelledError:
                error = self._parts.streams.error_of(task)
                if error is None:
                    raise
                return Closing(UNAUTHORIZED if error.status == 401 else POLICY, error.code or "", error)

    def _log(self, session: RealtimeSession, meter: RealtimeMeter, closing: Closing) -> None:
        state = self._request.scope["state"]
        fields = {
            "model": self._opening.model,
            "duration_ms": round(telemetry.elapsed(state["started"]) * 1000, 1),
            "code": str(closing.code),
        }
        logger.info(
            "ended by the %s: %d events of the client, %d of the provider, %d responses, %d input tokens, %d output"
            " tokens",
            closing.by,
            session.events,
            session.sent_events,
            meter.responses,
            meter.input_tokens,
            meter.output_tokens,
            extra={"event": "realtime.ended", "fields": fields},
        )


def _most_bytes(settings: Settings) -> int:
    """The limit of one event, whose default may exceed what a socket accepts."""
    return min(settings.realtime.message_bytes, settings.limits.body_bytes)


def _to_error(request_id: str, error: Exception) -> ApiError:
    return to_api_error(error, request_id)
