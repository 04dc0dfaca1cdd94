"""Whether the server lives and is ready."""

from typing import Final

from understudy.api.operations.operation import Operation, Schema

_HEALTH: Schema = {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"type": "string"}},
    "additionalProperties": True,
}

OPERATIONS: Final = (
    Operation(
        "getLiveness",
        "GET",
        "/health/live",
        "Whether the process answers.",
        _HEALTH,
        tag="Health",
        base="/",
        authenticated=False,
    ),
    Operation(
        "getHealth",
        "GET",
        "/health",
        "The same as `/health/ready`, under the path that other servers have.",
        _HEALTH,
        tag="Health",
        base="/",
        authenticated=False,
    ),
    Operation(
        "getReadiness",
        "GET",
        "/health/ready",
        "Whether the server can take requests; 503 where it cannot.",
        _HEALTH,
        tag="Health",
        base="/",
        authenticated=False,
    ),
)
