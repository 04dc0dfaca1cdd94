"""What every request passes on its way in: its id, its path without the version, its key. Pure ASGI; knows no route."""

import re
import time
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from understudy import ids, telemetry
from understudy.api import stand_in
from understudy.api.cors import CorsPolicy
from understudy.api.errors import error_response, to_api_error
from understudy.api.request_head import Fields, Headers, check_request_head, fields_of, find_key
from understudy.api.videos import CONTENT_PATH
from understudy.errors import Unauthenticated
from understudy.settings import Settings
from understudy.store.keys import Keys, Principal

PUBLIC: Final = frozenset({"/health", "/health/live", "/health/ready", "/openapi.json", "/docs"})
_UNVERSIONED: Final = PUBLIC | {"/", "/v1", "/mcp"}
# How long a key that was revoked elsewhere is still let in by this process, in seconds.
_KEY_CACHE_SECONDS: Final = 2.0
_MAX_CACHED_KEYS: Final = 10_000
# A browser would show one key's answer to another key, and yesterday's status of a run.
_NO_STORE_HEADER: Final = (b"cache-control", b"no-store")
_CLIENT_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
# The AI/ML API's second versions of what has one handler here.
_AIMLAPI_ALIASES: Final = frozenset({"/v2/chat/completions"})
# What the AI/ML API's own client sends with each request.
_REFERER, _TITLE = b"http-referer", b"x-title"
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
        request_id = ids.request()
        scope["state"] = state = {
            "request_id": request_id,
            "inference_id": ids.inference(),
            "path": scope["path"],
            "send": send,
            "key_id": "",
        }
        fields = fields_of(scope)
        state["dialect"] = self._dialect(scope, _strip_base(scope), fields)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] += self._response_headers(message["headers"], state, fields, started)
                state["begun"] = True
                state["status"] = message["status"]
            await send(message)

        try:
            check_request_head(scope, fields)
            if scope["method"] == "OPTIONS" and (preflight := self._cors.preflight(scope["method"], scope["headers"])):
                await preflight(scope, receive, send)
                return
            if not self._is_public(scope, fields):
                opened = await self._authenticate(scope, fields)
                state["project_id"], state["key_id"] = opened.project_id, opened.key_id
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            # Every error leaves in the envelope, and with the headers that a browser needs to show it to its page.
            if "begun" in state:
                raise
            refusal = error_response(to_api_error(error, request_id), state["dialect"], request_id, state["path"])
            await refusal(scope, receive, send_with_headers)
        finally:
            _emit_finished(scope, state, started)

    def _response_headers(self, headers: Headers, state: dict[str, Any], fields: Fields, started: float) -> Headers:
        """What is added to the `headers` of an answer to a request with these `fields`."""
        added = _standard_headers(state["request_id"], started, state)
        added.append((b"x-inference-id", state["inference_id"].encode()))
        if (client_request_id := _client_request_id(fields)) is not None:
            added.append((b"x-client-request-id", client_request_id))
        if b"cache-control" not in dict(headers):
            added.append(_NO_STORE_HEADER)
        if not self._cors.is_empty:
            added += self._cors.headers(fields.get(b"origin"))
        return added

    def _dialect(self, scope: Scope, base: str, fields: Fields) -> str:
        """What the request's path, its headers or the settings say; see docs/aimlapi.md."""
        if base != "openai":
            return base
        settings: Settings = scope["app"].state.parts.settings
        asked = _REFERER in fields and _TITLE in fields
        return "aimlapi" if asked or settings.dialect == "aimlapi" else "openai"

    def _is_public(self, scope: Scope, fields: Fields) -> bool:
        if scope["path"] in PUBLIC or CONTENT_PATH.fullmatch(scope["path"]):
            return True
        settings: Settings = scope["app"].state.parts.settings
        reads = scope["method"] in {"GET", "HEAD"} and settings.public_models
        return reads and _MODELS_PATH.fullmatch(scope["path"]) is not None and find_key(fields) is None

    async def _authenticate(self, scope: Scope, fields: Fields) -> Principal:
        """What the request's key opens; raises Unauthenticated."""
        key = find_key(fields)
        if key is None:
            raise Unauthenticated(_MISSING_KEY_MESSAGE)
        known = self._key_cache.get(key)
        now = time.monotonic()
        if known is not None and known[1] > now:
            return known[0]
        keys: Keys = scope["app"].state.parts.store.keys
        opened = await keys.authenticate(key)
        if opened is None:
            self._key_cache.pop(key, None)
            raise Unauthenticated(
                f"Incorrect API key provided: {_mask_key(key)}. You can list the keys with `understudy keys list`.",
                code="invalid_api_key",
            )
        if len(self._key_cache) >= _MAX_CACHED_KEYS:
            self._key_cache.clear()
        self._key_cache[key] = (opened, now + _KEY_CACHE_SECONDS)
        return opened


def _strip_base(scope: Scope) -> str:
    """Leaves of the path what follows the dialect's base, and returns the dialect.

    It is `openai`, `azure`, `aimlapi`, `toolkit`, `mcp`, or `anthropic`, whose paths tell it.

    Azure OpenAI puts everything below `/openai` or `/openai/v1`, Azure's agents below `/api/projects/NAME`. The toolkit
    keeps its base, whose two versions are one. Another path without a version is the AI/ML API's, and so are its own
    second version and its second name of the first.
    """
    path: str = scope["path"]
    dialect = "openai" if path.startswith("/v1/") or path in _UNVERSIONED else "aimlapi"
    if path == "/mcp":
        dialect = "mcp"
    elif match := _TOOLKIT_BASE.match(path):
        path, dialect = f"/api/v3{path[match.end() :]}", "toolkit"
    elif path.startswith("/openai/"):
        path, dialect = path[7:], "azure"
    elif match := _AZURE_PROJECT_BASE.match(path):
        path, dialect = path[match.end() :], "azure"
    elif path in _AIMLAPI_ALIASES or path.startswith("/api/v1/models"):
        path = path[path.index("/", 2) :] if path in _AIMLAPI_ALIASES else path[7:]
    if path.startswith("/v1/"):
        path = path[3:]
    if len(path) > 1 and path.endswith("/"):
        path = path[:-1]
    scope["path"] = path
    if dialect != "azure" and (path == "/messages" or path.startswith("/messages/")):
        return "anthropic"
    return dialect


def _client_request_id(fields: Fields) -> bytes | None:
    """The client's own name of the request, to be said again; one that is no such name is left out."""
    given = fields.get(b"x-client-request-id")
    return given if given is not None and _CLIENT_REQUEST_ID.fullmatch(given) else None


def _standard_headers(request_id: str, started: float, state: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    """The hosted API's headers; one who is not known yet learns of no organization and no project."""
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
    headers += state.get("headers", ())
    return headers


def _emit_finished(scope: Scope, state: dict[str, Any], started: float) -> None:
    telemetry.emit(
        telemetry.RequestFinished,
        request_id=state["request_id"],
        method=scope["method"],
        path=scope["path"],
        dialect=state["dialect"],
        status=state.get("status", 0),
        project_id=state.get("project_id", ""),
        duration=telemetry.elapsed(started),
    )


def _mask_key(key: str) -> str:
    return "*" * len(key) if len(key) <= 12 else f"{key[:8]}{'*' * (len(key) - 12)}{key[-4:]}"
