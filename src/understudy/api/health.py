"""Health of the server: whether it is ready, which needs no key, and a report of its parts."""

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.operations import EXTENSIONS, OperationGroup, Schema
from understudy.api.parts import parts_of, principal_of
from understudy.api.requests import json_response, struct_response
from understudy.wire.health import HealthObject
from understudy.wire.health_history import HealthHistoryObject

operations = OperationGroup("Health", base="/", authenticated=False)

_HEALTH: Schema = {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"type": "string"}},
    "additionalProperties": True,
}


@operations.add("getLiveness", "GET", "/health/live", summary="Liveness of the process.", response=_HEALTH)
async def live(_: Request) -> Response:
    return json_response(b'{"status":"ok"}')


@operations.add(
    "getReadiness",
    "GET",
    "/health/ready",
    summary="Readiness of the server; 503 if it is not ready.",
    response=_HEALTH,
)
@operations.add(
    "getHealth",
    "GET",
    "/health",
    summary="Alias of `/health/ready`.",
    response=_HEALTH,
)
async def ready(request: Request) -> Response:
    """Without the broker, everything is served, but slower. Raises StoreError if the database is unavailable."""
    parts = parts_of(request)
    await parts.store.database.ready()
    if not parts.broker.is_available:
        return json_response(b'{"status":"degraded","degraded":["broker"]}')
    return json_response(b'{"status":"ok"}')


@operations.add(
    "getOrganizationHealth",
    "GET",
    "/organization/health",
    summary="Retrieve the state of the nodes, queues, stores, sandbox and providers.",
    response=HealthObject,
    tag=EXTENSIONS,
    base="/v1",
    authenticated=True,
    audience="any",
)
async def get_report(request: Request) -> Response:
    """Counts the jobs of all projects, and names none of their objects. Raises StoreError."""
    return struct_response(await parts_of(request).health.examine())


@operations.add(
    "getOrganizationHealthHistory",
    "GET",
    "/organization/health/history",
    summary="Retrieve the requests, latencies and event-loop lag of the last hour by minute.",
    response=HealthHistoryObject,
    tag=EXTENSIONS,
    base="/v1",
    authenticated=True,
    audience="any",
)
async def get_history(request: Request) -> Response:
    """An admin key gets the figures of all requests, a key of a project those of its project."""
    project_id = principal_of(request).project_id or None
    return struct_response(await parts_of(request).metrics.history.report(project_id))
