"""Prepares every request: assigns an id, strips the path's version, checks the key. Pure ASGI; knows no route."""

import logging
import math
import re
import time
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from understudy import ids, telemetry
from understudy.api import browser_sessions, qualified_ids, request_context, stand_in
from understudy.api.cors import CorsPolicy
from understudy.api.download_links import DOWNLOAD_PATH
from understudy.api.metrics import METRICS_PATH, has_metrics_token
from understudy.api.parts import Parts
from understudy.api.request_head import Fields, Headers, check_request_head, fields_of, find_key
from understudy.api.videos import CONTENT_PATH
from understudy.errors import Unauthenticated
from understudy.settings import Settings
from understudy.store.principals import Principal

logger = logging.getLogger(__name__)
PUBLIC: Final = browser_sessions.AUTH_PATHS | {
    "/health",
    "/health/live",
    "/health/ready",
    "/openapi.json",
    "/docs/reference/api",
}
_UNVERSIONED: Final = PUBLIC | {"/", "/v1", "/mcp", METRICS_PATH}
# A key that another process revokes stays valid in this one for up to this many seconds.
_KEY_CACHE_SECONDS: Final = 2.0
_MAX_CACHED_KEYS: Final = 10_000
# A browser cache would mix up responses of different keys, and serve an outdated status of a run.
_NO_STORE_HEADER: Final = (b"cache-control", b"no-store")
# Second versions of the AI/ML API's paths, which share a handler.
_AIMLAPI_ALIASES: Final = frozenset({"/v2/chat/completions"})
# Headers that the AI/ML API's own client sends with each request.
_REFERER, _TITLE = b"http-referer", b"x-title"
# Of the paths with a token in place of a key.
_TOKEN_PREFIXES: Final = ("/generations/", "/file_downloads/")
_MODELS_PATH: Final = re.compile(r"/models?(/.*)?")
_TOOLKIT_BASE = re.compile(r"(?:/v1)?/api/v3(?:\.1)?(?=/)")
_AZURE_PROJECT_BASE = re.compile(r"/api/projects/[^/]+(?=/)")
_MISSING_KEY_MESSAGE = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY). Create one with `understudy keys create`."
)


class RequestMiddleware:
    def __init__(self, app: ASGIApp, cors: CorsPolicy) -> None:
        self._app = app
        self._cors = cors
        self._key_cache: dict[str, tuple[Principal, float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        scope["state"] = state = _initial_state(scope, send, started)
        fields: Fields = state["fields"]
        known = request_context.enter(scope, state["request_id"], fields)
        settings: Settings = scope["app"].state.parts.settings
        state["dialect"] = _find_dialect(_strip_base(scope), fields, settings)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] += self._response_headers(message["headers"], state, fields, started)
                state["begun"] = True
                state["status"] = message["status"]
                state["latency"] = time.perf_counter() - started
            await send(message)

        respond: Send = send_with_headers
        try:
            check_request_head(scope, fields)
            if scope["method"] == "OPTIONS" and (preflight := self._cors.preflight(scope["method"], scope["headers"])):
                state["operation"], state["status"] = "preflight", preflight.status_code
                await preflight(scope, receive, send)
                return
            if not _is_public(scope, fields, settings):
                state["principal"] = principal = await self._authenticate(scope, fields)
                state["key_id"] = known.key_id = principal.key_id
                known.project_id = principal.project_id
                if principal.is_admin:
                    _check_admin_path(scope["path"])
                else:
                    state["project_id"] = principal.project_id
                    receive, respond = await _qualify_ids(scope, receive, send_with_headers, settings)
            await self._app(scope, receive, respond)
        except Exception as error:
            # Every error needs the envelope, and the CORS headers that let a page read it.
            if "begun" in state:
                raise
            await request_context.render_error(error, state)(scope, receive, respond)
        finally:
            _finish_request(scope, state, started)

    def _response_headers(self, headers: Headers, state: dict[str, Any], fields: Fields, started: float) -> Headers:
        """The headers to add to the response's `headers`. `fields` are the request's headers."""
        added = _standard_headers(state["request_id"], started, state)
        added.append((b"x-inference-id", state["inference_id"].encode()))
        if (client_request_id := request_context.find_client_request_id(fields)) is not None:
            added.append((b"x-client-request-id", client_request_id))
        if b"cache-control" not in dict(headers):
            added.append(_NO_STORE_HEADER)
        if "cookie" in state:
            added.append((b"set-cookie", state["cookie"]))
        if not self._cors.is_empty:
            added += self._cors.headers(fields.get(b"origin"))
        return added

    async def _authenticate(self, scope: Scope, fields: Fields) -> Principal:
        """The principal of the request's key or session; raises Unauthenticated, PermissionDenied."""
        key = find_key(fields)
        if key is None:
            sign_in = scope["app"].state.parts.sign_in
            if sign_in is not None and (person := await browser_sessions.authenticate(sign_in, scope, fields)):
                return person
            raise Unauthenticated(_MISSING_KEY_MESSAGE)
        cached = self._key_cache.get(key)
        now = time.monotonic()
        if cached is not None and cached[1] > now:
            return cached[0]
        parts: Parts = scope["app"].state.parts
        keys = parts.store.admin_keys if key.startswith(ids.ADMIN_KEY_PREFIX) else parts.store.keys
        principal = await keys.authenticate(key)
        wall = parts.clock.now()
        if principal is None or _has_expired(principal, wall):
            self._key_cache.pop(key, None)
            raise _rejected_key_error(key, principal)
        if len(self._key_cache) >= _MAX_CACHED_KEYS:
            self._key_cache.clear()
        left = math.inf if principal.expires_at is None else principal.expires_at - wall
        self._key_cache[key] = (principal, now + min(_KEY_CACHE_SECONDS, left))
        parts.key_uses.note(principal, int(wall))
        return principal


def _initial_state(scope: Scope, send: Send, started: float) -> dict[str, Any]:
    return {
        "request_id": ids.request(),
        "inference_id": ids.inference(),
        "path": scope["path"],
        "send": send,
        "key_id": "",
        "operation": "",
        "started": started,
        "fields": fields_of(scope),
    }


async def _qualify_ids(scope: Scope, receive: Receive, send: Send, settings: Settings) -> tuple[Receive, Send]:
    """In a project with imports, the ids of its objects are qualified in the request, and plain in the response."""
    imported, project_id = scope["app"].state.parts.store.qualified_ids, scope["state"]["project_id"]
    if not await imported.has_imports(project_id):
        return receive, send
    return await qualified_ids.qualify(imported, project_id, scope, receive, send, settings.limits.body_bytes)


def _has_expired(principal: Principal, now: float) -> bool:
    return principal.expires_at is not None and principal.expires_at <= now


def _rejected_key_error(key: str, principal: Principal | None) -> Unauthenticated:
    """`principal` is that of an expired key."""
    if principal is not None:
        reason = "was rotated, and this is its old secret" if principal.is_old else "has expired"
        return Unauthenticated(f"This API key {reason}: {_mask_key(key)}. Use a new key.", code="invalid_api_key")
    return Unauthenticated(
        f"Incorrect API key provided: {_mask_key(key)}. You can list the keys with `understudy keys list`.",
        code="invalid_api_key",
    )


def _check_admin_path(path: str) -> None:
    """An admin key opens no project. Raises Unauthenticated."""
    if not path.startswith(("/organization/", "/projects/")) and path != METRICS_PATH:
        raise Unauthenticated(
            "This is an admin API key, which is for /organization and /projects only. Use an API key of a project"
            " here.",
            code="missing_scope",
        )


def _find_dialect(base: str, fields: Fields, settings: Settings) -> str:
    """The dialect by that of the request's path, its headers or the settings; see docs/reference/aimlapi.md."""
    if base != "openai":
        return base
    has_sdk_headers = _REFERER in fields and _TITLE in fields
    return "aimlapi" if has_sdk_headers or settings.dialect == "aimlapi" else "openai"


def _is_public(scope: Scope, fields: Fields, settings: Settings) -> bool:
    path: str = scope["path"]
    if path in PUBLIC:
        return True
    # Nearly every path is neither, which a prefix says faster than a pattern.
    if path.startswith(_TOKEN_PREFIXES) and (CONTENT_PATH.fullmatch(path) or DOWNLOAD_PATH.fullmatch(path)):
        return True
    if path == METRICS_PATH and has_metrics_token(fields, settings.metrics.token):
        return True
    reads = settings.public_models and scope["method"] in {"GET", "HEAD"}
    return reads and _MODELS_PATH.fullmatch(path) is not None and find_key(fields) is None


def _strip_base(scope: Scope) -> str:
    """Strips the dialect's base and the version from the scope's path, and returns the dialect.

    The dialect is `openai`, `azure`, `aimlapi`, `toolkit`, `mcp` or `anthropic`, which has the paths of messages.
    """
    path, dialect = _split_base(scope["path"])
    if path.startswith("/v1/"):
        path = path[3:]
    if len(path) > 1 and path.endswith("/"):
        path = path[:-1]
    if path == METRICS_PATH:
        # No other spelling, since proxies refuse this one.
        path = scope["path"]
    scope["path"] = path
    is_messages = path == "/messages" or path.startswith("/messages/")
    return "anthropic" if is_messages and dialect != "azure" else dialect


def _split_base(path: str) -> tuple[str, str]:
    """The path without the dialect's base, and the dialect.

    Azure OpenAI's base is `/openai`, that of Azure's agents `/api/projects/NAME`. The toolkit keeps its base, whose two
    versions are one. The AI/ML API has all other paths without `/v1`, among them aliases of versioned paths.
    """
    if path.startswith("/v1/") and not path.startswith("/v1/api/"):
        return path, "openai"
    if path == "/mcp":
        return path, "mcp"
    if match := _TOOLKIT_BASE.match(path):
        return f"/api/v3{path[match.end() :]}", "toolkit"
    if path.startswith("/openai/"):
        return path[7:], "azure"
    if match := _AZURE_PROJECT_BASE.match(path):
        return path[match.end() :], "azure"
    dialect = "openai" if path.startswith("/v1/") or path in _UNVERSIONED else "aimlapi"
    if path in _AIMLAPI_ALIASES:
        path = path[path.index("/", 2) :]
    elif path.startswith("/api/v1/models"):
        path = path[7:]
    return path, dialect


def _standard_headers(request_id: str, started: float, state: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    """The hosted API's headers; organization and project only for an authenticated request."""
    elapsed = int((time.perf_counter() - started) * 1000)
    headers = [
        (b"x-request-id", request_id.encode()),
        (b"openai-processing-ms", b"%d" % elapsed),
        (b"openai-version", b"2020-10-01"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if state["dialect"] == "anthropic":
        headers.append((b"request-id", request_id.encode()))
    if stand_in.is_marked(state):
        headers.append(stand_in.STAND_IN_HEADER)
    if (project_id := state.get("project_id")) is not None:
        headers += [(b"openai-organization", b"understudy"), (b"openai-project", project_id.encode())]
    if (span := state.get("span")) is not None:
        headers.append((b"traceresponse", span.context.traceparent.encode()))
    headers += state.get("headers", ())
    return headers


def _finish_request(scope: Scope, state: dict[str, Any], started: float) -> None:
    if (reservation := state.get("reservation")) is not None:
        # Where the request has failed, its tokens are not used.
        reservation.settle(0)
    _emit_finished(scope, state, started)
    request_context.end_span(scope, state)


def _emit_finished(scope: Scope, state: dict[str, Any], started: float) -> None:
    duration = telemetry.elapsed(started)
    telemetry.emit(
        telemetry.RequestFinished,
        request_id=state["request_id"],
        operation=state["operation"],
        method=scope["method"],
        path=scope["path"],
        dialect=state["dialect"],
        status=state.get("status", 0),
        key_id=state["key_id"],
        project_id=state.get("project_id", ""),
        latency=state.get("latency", duration),
        duration=duration,
    )


def _mask_key(key: str) -> str:
    return "*" * len(key) if len(key) <= 12 else f"{key[:8]}{'*' * (len(key) - 12)}{key[-4:]}"
