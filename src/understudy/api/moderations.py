"""Moderations over HTTP. The body goes to the model's provider with all of its parameters."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.operations import OperationGroup
from understudy.api.parts import Parts, parts_of
from understudy.api.relay_meter import RelayRequest
from understudy.api.relaying import relay, relay_line
from understudy.api.requests import decode_body, read_body
from understudy.llm.relay import JsonBody
from understudy.settings import LimitSettings
from understudy.wire.moderations import CreateModerationRequest, CreateModerationResponse
from understudy.wire.parsing import parse_object

operations = OperationGroup("Moderations")

# The hosted API's default.
_DEFAULT_MODEL: Final = "omni-moderation-latest"


@operations.add(
    "createModeration",
    "POST",
    "/moderations",
    summary="Classify whether texts or images are harmful; the body is forwarded to the model's provider.",
    request=CreateModerationRequest,
    response=CreateModerationResponse,
)
async def create_moderation(request: Request) -> Response:
    parts = parts_of(request)
    raw = await read_body(request, parts.settings.limits)
    body = await decode_body(raw, _parse_body, raw, parts.settings.limits)
    return await relay(request, _moderation(body))


async def moderate_line(parts: Parts, project_id: str, key_id: str, raw: bytes) -> bytes:
    """Runs one line of a batch. Returns the JSON of the moderation."""
    body = await decode_body(raw, _parse_body, raw, parts.settings.limits)
    return await relay_line(parts, project_id, key_id, _moderation(body))


def _moderation(body: dict[str, Any]) -> RelayRequest:
    return RelayRequest("moderations", "moderation", JsonBody(body), lambda _: 0)


def _parse_body(raw: bytes, limits: LimitSettings) -> dict[str, Any]:
    body = parse_object(raw, CreateModerationRequest, depth=limits.json_depth, values=limits.json_values)
    body["model"] = body.get("model") or _DEFAULT_MODEL
    return body
