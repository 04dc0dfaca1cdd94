"""Client secrets of realtime sessions over HTTP, and what a relay of events cannot serve."""

import asyncio
from typing import Any, Final, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from understudy import ids
from understudy.api.operations import OperationGroup
from understudy.api.parts import key_of, parts_of, project_of
from understudy.api.requests import decode_body, json_response, read_body, struct_response
from understudy.engine.realtime.prompts import apply_prompts
from understudy.errors import InvalidRequest, NotFound
from understudy.store.client_secrets import ClientSecret
from understudy.wire.parsing import parse_object
from understudy.wire.realtime import (
    CreateClientSecretRequest,
    CreatedClientSecret,
    CreatedSession,
    CreateSessionRequest,
    CreateTranscriptionSessionRequest,
    EphemeralKey,
    SecretSession,
    SessionType,
)

operations = OperationGroup("Realtime")

_SECRET_SECONDS: Final = 600
_MAX_BODY_BYTES: Final = 256 * 1024
"""It is stored with the secret, and read for each session that the secret opens."""
_BETA_SECRET_SECONDS: Final = 60
_OBJECTS: Final[dict[SessionType, Literal["realtime.session", "realtime.transcription_session"]]] = {
    "realtime": "realtime.session",
    "transcription": "realtime.transcription_session",
}
_DEFAULTS: Final[dict[str, Any]] = {
    "output_modalities": ["audio"],
    "instructions": "",
    "tools": [],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
    "tracing": None,
    "truncation": "auto",
    "prompt": None,
}
CALLS_REASON: Final = (
    "Calls over WebRTC and SIP are not relayed: their media would pass between the client and the provider, beside this"
    " server's limits and charges. Connect with WebSocket to /v1/realtime instead."
)
TRANSLATIONS_REASON: Final = (
    "Translation sessions are not relayed: they report no usage that could be charged. Connect to /v1/realtime with a"
    " model that converses, and instruct it to translate."
)


@operations.add(
    "create-realtime-client-secret",
    "POST",
    "/realtime/client_secrets",
    summary="Create a client secret, with which a browser opens realtime sessions.",
    request=CreateClientSecretRequest,
    request_optional=True,
    response=CreatedClientSecret,
)
async def create_client_secret(request: Request) -> Response:
    body = await _read_members(request, CreateClientSecretRequest)
    config: dict[str, Any] = body.get("session") or {"type": "realtime"}
    kind: SessionType = config["type"]
    seconds = (body.get("expires_after") or {}).get("seconds", _SECRET_SECONDS)
    model = config.get("model")
    stored = {name: value for name, value in config.items() if name != "model"}
    key = await _create_key(request, SecretSession(form="general", type=kind, model=model, config=stored), seconds)
    session = {
        "type": kind,
        "object": _OBJECTS[kind],
        "id": ids.realtime_session(),
        **({"model": model} if model else {}),
        **(_DEFAULTS if kind == "realtime" else {}),
        **stored,
        "expires_at": 0,
    }
    return struct_response(CreatedClientSecret(value=key.value, expires_at=key.expires_at, session=session))


@operations.add(
    "create-realtime-session",
    "POST",
    "/realtime/sessions",
    summary="Create a client secret in the beta's form, for sessions that answer.",
    request=CreateSessionRequest,
    request_optional=True,
    response=CreatedSession,
)
async def create_session(request: Request) -> Response:
    return await _create_beta(request, CreateSessionRequest, "realtime")


@operations.add(
    "create-realtime-transcription-session",
    "POST",
    "/realtime/transcription_sessions",
    summary="Create a client secret in the beta's form, for sessions that transcribe.",
    request=CreateTranscriptionSessionRequest,
    request_optional=True,
    response=CreatedSession,
)
async def create_transcription_session(request: Request) -> Response:
    return await _create_beta(request, CreateTranscriptionSessionRequest, "transcription")


async def refuse_calls(_: Request) -> Response:
    """Raises NotFound."""
    raise NotFound(CALLS_REASON, code="unsupported_endpoint")


async def refuse_translations(_: Request) -> Response:
    """Raises NotFound."""
    raise NotFound(TRANSLATIONS_REASON, code="unsupported_endpoint")


async def _create_beta(request: Request, kind: type[msgspec.Struct], session_type: SessionType) -> Response:
    body = await _read_members(request, kind)
    lifetime = (body.pop("client_secret", None) or {}).get("expires_after") or {}
    model = body.pop("model", None)
    secret = SecretSession(form="beta", type=session_type, model=model, config=body)
    key = await _create_key(request, secret, lifetime.get("seconds", _BETA_SECRET_SECONDS))
    session = {
        "id": ids.realtime_session(),
        "object": _OBJECTS[session_type],
        **({"model": model} if model else {}),
        **body,
        "expires_at": 0,
        "client_secret": key,
    }
    return json_response(msgspec.json.encode(session))


async def _read_members(request: Request, kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The members of the body, which may be absent. Raises InvalidRequest, also as those that it calls."""
    limits = parts_of(request).settings.limits
    raw = await read_body(request, limits) or b"{}"
    if len(raw) > _MAX_BODY_BYTES:
        raise InvalidRequest(
            f"The session of a client secret is larger than {_MAX_BODY_BYTES} bytes. Leave out what the client can send"
            " in a 'session.update'.",
            param="session",
            code="string_above_max_length",
        )
    return await decode_body(raw, parse_object, raw, kind, depth=limits.json_depth, values=limits.json_values)


async def _create_key(request: Request, session: SecretSession, seconds: int) -> EphemeralKey:
    """Raises PermissionDenied and UpstreamError for models that the session could not have, and what `apply_prompts`
    does for its stored prompt, which is resolved again when a session opens.
    """
    parts, project_id = parts_of(request), project_of(request)
    for model in filter(None, (session.model, session.transcription_model)):
        await parts.limiter.permissions.check_model(project_id, model)
        await parts.models.check_realtime(model)
    resolved = {"session": dict(session.config)}
    await apply_prompts(
        parts.store.prompts, project_id, resolved, "session.prompt" if session.form == "general" else "prompt"
    )
    # Those of many tools take long.
    await asyncio.to_thread(parts.models.check_event_urls, resolved["session"])
    now = parts.now()
    value, expires_at = ids.client_secret(), now + seconds
    encoded = msgspec.json.encode(session).decode()
    await parts.store.client_secrets.create(value, ClientSecret(project_id, key_of(request), encoded, expires_at), now)
    return EphemeralKey(value=value, expires_at=expires_at)
