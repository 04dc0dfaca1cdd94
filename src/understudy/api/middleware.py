"""Prepares every request: assigns an id, strips the path's version, checks the key. Pure ASGI; knows no route."""

import asyncio
import re
import time
from functools import lru_cache
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from understudy import ids, telemetry
from understudy.api import browser_sessions, qualified_ids, request_context, stand_in
from understudy.api.authentication import KeyCache
from understudy.api.cors import CorsPolicy
from understudy.api.download_links import DOWNLOAD_PATH
from understudy.api.metrics import METRICS_PATH, has_metrics_token
from understudy.api.parts import Parts
from understudy.api.request_head import Fields, Headers, check_request_head, fields_of, find_key
from understudy.api.videos import CONTENT_PATH
from understudy.errors import Unauthenticated
from understudy.settings import Settings

PUBLIC: Final = browser_sessions.AUTH_PATHS | {
    "/health",
    "/health/live",
    "/health/ready",
    "/openapi.json",
    "/docs/reference/api",
}
_UNVERSIONED: Final = PUBLIC | {"/", "/v1", "/mcp", METRICS_PATH}
# A browser cache would mix up responses of different keys, and serve an outdated status of a run.
_NO_STORE_HEADER: Final = (b"cache-control", b"no-store")
_CONSTANT_HEADERS: Final = ((b"openai-version", b"2020-10-01"), (b"x-content-type-options", b"nosniff"))
# Second versions of the AI/ML API's paths, which share a handler.
_AIMLAPI_ALIASES: Final = frozenset({"/v2/chat/completions"})
# Headers that the AI/ML API's own client sends with each request.
_REFERER, _TITLE = b"http-referer", b"x-title"
# The paths with a token in place of a key.
_TOKEN_PREFIXES: Final = ("/generations/", "/file_downloads/")
_MODELS_PATH: Final = re.compile(r"/models?(/.*)?")
_TOOLKIT_BASE = re.compile(r"(?:/v1)?/api/v3(?:\.1)?(?=/)")
_AZURE_PROJECT_BASE = re.compile(r"/api/projects/[^/]+(?=/)")


class RequestMiddleware:
    def __init__(self, app: ASGIApp, sockets: ASGIApp, cors: CorsPolicy) -> None:
        """`app` gets the HTTP requests, `sockets` everything else."""
        self._app = app
        self._sockets = sockets
        self._cors = cors
        self._keys = KeyCache()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._sockets(scope, receive, send)
            return
        started = time.perf_counter()
        scope["state"] = state = _initial_state(scope, send, started)
        parts: Parts = state["parts"]
        parts.metrics.note_work()
        fields: Fields = state["fields"]
        known = request_context.enter(scope, state["request_id"], fields)
        state["dialect"] = _find_dialect(_strip_base(scope), fields, parts.settings)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                latency = state["latency"] = time.perf_counter() - started
                message["headers"] += self._response_headers(message["headers"], state, latency)
                state["begun"] = True
                state["status"] = message["status"]
            await send(message)

        respond: Send = send_with_headers
        try:
            check_request_head(scope, fields)
            if scope["method"] == "OPTIONS" and (preflight := self._cors.preflight(scope["method"], scope["headers"])):
                state["operation"], state["status"] = "preflight", preflight.status_code
                await preflight(scope, receive, send)
                return
            if not _is_public(scope, fields, parts.settings):
                principal = self._keys.find(fields) or await self._keys.authenticate(parts, scope, fields)
                state["principal"] = principal
                state["key_id"] = known.key_id = principal.key_id
                known.project_id = project_id = principal.project_id
                if principal.is_admin:
                    _check_admin_path(scope["path"])
                else:
                    state["project_id"] = project_id
                    imported = parts.store.qualified_ids
                    if not imported.has_no_imports(project_id) and await imported.has_imports(project_id):
                        receive, respond = await qualified_ids.qualify(
                            imported, project_id, scope, receive, respond, parts.settings.limits.body_bytes
                        )
            await self._app(scope, receive, respond)
        except (Exception, asyncio.CancelledError) as error:
            # Every error needs the envelope, and the CORS headers that let a page read it.
            if (visible := _find_visible(error, state)) is None:
                raise
            await request_context.render_error(visible, state)(scope, receive, respond)
        finally:
            _finish_request(scope, state)

    def _response_headers(self, headers: Headers, state: dict[str, Any], latency: float) -> Headers:
        """The headers to add to the response's `headers`: those of the hosted API, and of the settings."""
        request_id = state["request_id"].encode()
        added = [
            (b"x-request-id", request_id),
            (b"openai-processing-ms", b"%d" % (latency * 1000)),
            *_CONSTANT_HEADERS,
            (b"x-inference-id", state["inference_id"].encode()),
        ]
        if (project_id := state.get("project_id")) is not None:
            added += _project_headers(project_id)
        if b"cache-control" not in dict(headers):
            added.append(_NO_STORE_HEADER)
        if state["dialect"] == "anthropic":
            added.append((b"request-id", request_id))
        if stand_in.is_marked(state):
            added.append(stand_in.STAND_IN_HEADER)
        fields: Fields = state["fields"]
        if (client_request_id := request_context.find_client_request_id(fields)) is not None:
            added.append((b"x-client-request-id", client_request_id))
        if (span := state.get("span")) is not None:
            added.append((b"traceresponse", span.context.traceparent.encode()))
        if "cookie" in state:
            added.append((b"set-cookie", state["cookie"]))
        if not self._cors.is_empty:
            added += self._cors.headers(fields.get(b"origin"))
        added += state.get("headers", ())
        return added


def _find_visible(error: Exception | asyncio.CancelledError, state: dict[str, Any]) -> Exception | None:
    """The error that the client gets; None once its response has begun, and if its client has cancelled it."""
    if "begun" in state:
        return None
    if isinstance(error, asyncio.CancelledError):
        parts: Parts = state["parts"]
        return parts.streams.stop_request()
    return error


@lru_cache(maxsize=1024)
def _project_headers(project_id: str) -> Headers:
    """The organization and the project of an authenticated request."""
    return [(b"openai-organization", b"understudy"), (b"openai-project", project_id.encode())]


def _initial_state(scope: Scope, send: Send, started: float) -> dict[str, Any]:
    return {
        "parts": scope["app"].state.parts,
        "request_id": ids.request(),
        "inference_id": ids.inference(),
        "path": scope["path"],
        "send": send,
        "key_id": "",
        "operation": "",
        "started": started,
        "fields": fields_of(scope),
    }


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
    # Nearly every path is neither; a prefix decides that faster than a pattern.
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


def _finish_request(scope: Scope, state: dict[str, Any]) -> None:
    if (reservation := state.get("reservation")) is not None:
        # Where the request has failed, its tokens are not used.
        reservation.settle(0)
    if (hold := state.get("hold")) is not None and not hold.is_transferred:
        hold.release()
    if "ends_with_key" in state:
        state["parts"].streams.remove_request()
    duration = telemetry.elapsed(state["started"])
    telemetry.publish(
        telemetry.RequestFinished(
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
    )
    request_context.end_span(scope, state)
