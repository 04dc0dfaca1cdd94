"""What logs and traces have of a request: its correlation, its span, and the line about a rejected key."""

import logging
import re
from typing import Any, Final

from starlette.responses import Response
from starlette.types import Scope

from understudy import correlation, telemetry, tracing
from understudy.api.client_address import apply_proxies
from understudy.api.errors import error_response, to_api_error
from understudy.api.request_head import Fields
from understudy.correlation import Correlation, parse_traceparent
from understudy.errors import ApiError, PermissionDenied, Unauthenticated

logger = logging.getLogger(__name__)
_CLIENT_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_PROBES: Final = frozenset({"/health", "/health/live", "/health/ready", "/metrics"})


def enter(scope: Scope, request_id: str, fields: Fields) -> Correlation:
    """From here on, log lines of the request's task name the request, and spans continue the trace of its client.

    `fields` are the request's headers. A traced request has its span in `scope["state"]["span"]`.
    """
    known = Correlation(request_id)
    if proxies := scope["state"]["parts"].settings.trusted_proxies:
        apply_proxies(scope, proxies)
    if client := scope.get("client"):
        known.client = client[0]
    correlation.current.set(known)
    if b"x-client-request-id" in fields and (client_request_id := find_client_request_id(fields)) is not None:
        known.client_request_id = client_request_id.decode()
    parent = None
    if (header := fields.get(b"traceparent")) is not None:
        parent = parse_traceparent(header.decode("latin-1"), fields.get(b"tracestate", b"").decode("latin-1"))
    # A request that follows another one on its connection begins in the context of that one.
    if parent is not correlation.trace.get():
        correlation.trace.set(parent)
    if tracing.is_enabled() and scope["path"] not in _PROBES:
        _start_span(scope, known)
    return known


def _start_span(scope: Scope, known: Correlation) -> None:
    method = scope["method"]
    attributes: dict[str, tracing.Value] = {
        "http.request.method": method,
        "url.path": scope["path"],
        "url.scheme": scope["scheme"],
        "understudy.request.id": known.request_id,
    }
    if known.client:
        attributes["client.address"] = known.client
    if (server := scope.get("server")) is not None:
        attributes["server.address"], attributes["server.port"] = server[0], server[1] or 0
    if (span := tracing.start(method, "server", attributes)) is not None:
        scope["state"]["span"] = span
        correlation.trace.set(span.context)


def end_span(scope: Scope, state: dict[str, Any]) -> None:
    """Ends the request's span, if it has one, with the route and the status."""
    span: tracing.Span | None = state.get("span")
    if span is None:
        return
    if route := scope.get("route_template"):
        route = f"/v1{route}" if state["path"].startswith("/v1/") else route
        span.rename(f"{scope['method']} {route}")
        span.set("http.route", route)
        span.set("understudy.operation", state["operation"])
    if project_id := state.get("project_id"):
        span.set("understudy.project.id", project_id)
        span.set("understudy.key.id", state["key_id"])
    if run_id := correlation.current.get().run_id:
        span.set("understudy.run.id", run_id)
    status = state.get("status", 0)
    if status:
        span.set("http.response.status_code", status)
    if not status:
        span.fail("client_disconnected")
    elif status >= 500:
        span.fail(str(status))
    span.end()


def find_client_request_id(fields: Fields) -> bytes | None:
    """The client's own request id, which the response echoes; None if it is absent or malformed."""
    request_id = fields.get(b"x-client-request-id")
    return request_id if request_id is not None and _CLIENT_REQUEST_ID.fullmatch(request_id) else None


def render_error(error: Exception, state: dict[str, Any]) -> Response:
    """The response with the error, which is logged if it rejects the key."""
    api_error = to_api_error(error, state["request_id"])
    if isinstance(api_error, Unauthenticated | PermissionDenied):
        _log_rejected_key(api_error, state)
    return error_response(api_error, state["dialect"], state["request_id"], state["path"])


def _log_rejected_key(error: ApiError, state: dict[str, Any]) -> None:
    """Neither the key nor a part of it is logged: a mistyped key is nearly a valid one."""
    code = error.code or "missing_api_key"
    telemetry.emit(telemetry.KeyRejected, code=code)
    extra = {
        "event": "key.rejected",
        "repeat": (code, state["key_id"]),
        "fields": {"code": code, "operation": state["operation"]},
    }
    logger.warning("request refused: %s", code, extra=extra)
