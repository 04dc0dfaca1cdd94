"""The error envelope: the one place that renders an error as a response. Raises no error of its own."""

import logging
from datetime import UTC, datetime
from http import HTTPStatus
from typing import assert_never

import msgspec
from msgspec import UNSET
from starlette.responses import Response

from understudy import errors
from understudy.errors import ApiError, StoreError, StoreUnavailable, UpstreamError, UpstreamFault
from understudy.wire.errors import (
    AimlapiError,
    AimlapiErrorResponse,
    Error,
    ErrorDetail,
    ErrorResponse,
    MessageErrorDetails,
    MessageErrorResponse,
    RpcError,
    RpcErrorData,
    RpcErrorResponse,
)
from understudy.wire.parsing import InvalidInput
from understudy.wire.toolkit import ToolkitError, ToolkitErrorResponse

logger = logging.getLogger(__name__)

_STORE_RETRY_SECONDS = "2"
INTERNAL_ERROR_MESSAGE = (
    "The server had an error processing your request. Sorry about that! You can retry your request; if it keeps "
    "happening, the server's log has the cause. (The request ID is {request_id}.)"
)


_MESSAGE_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    409: "invalid_request_error",
    413: "request_too_large",
    415: "invalid_request_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


def envelope(error: ApiError) -> bytes:
    body = Error(message=error.message, type=error.type, param=error.param, code=error.code)
    detail = ErrorDetail(message=error.message, code=error.code) if error.detail else UNSET
    return msgspec.json.encode(ErrorResponse(error=body, detail=detail))


def aimlapi_envelope(error: ApiError, status: int, request_id: str, path: str) -> bytes:
    """Both error formats of the AI/ML API, and OpenAI's `error` member."""
    title = HTTPStatus(status).phrase
    body = AimlapiErrorResponse(
        title=title,
        status=status,
        statusCode=status,
        message=error.message,
        instance=path,
        path=path,
        requestId=request_id,
        timestamp=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        error=AimlapiError(
            message=error.message,
            type=error.type,
            param=error.param,
            code=error.code,
            name=f"{title.replace(' ', '')}Exception",
        ),
    )
    return msgspec.json.encode(body)


def message_envelope(error: ApiError, request_id: str) -> bytes:
    """The error in the Messages API's format."""
    kind = "billing_error" if error.code == "insufficient_quota" else _MESSAGE_TYPES.get(error.status, "api_error")
    details = MessageErrorDetails(type=kind, message=error.message)
    return msgspec.json.encode(MessageErrorResponse(error=details, request_id=request_id))


def toolkit_envelope(error: ApiError, request_id: str) -> bytes:
    """The error in the toolkit's format."""
    body = ToolkitError(
        message=error.message,
        code=error.status,
        status=error.status,
        request_id=request_id,
        suggested_fix="",
        errors=[error.message],
    )
    return msgspec.json.encode(ToolkitErrorResponse(error=body))


def rpc_envelope(error: ApiError) -> bytes:
    """The error as JSON-RPC, the only form whose message MCP clients display."""
    data = RpcErrorData(status=error.status, type=error.type, param=error.param, code=error.code)
    return msgspec.json.encode(RpcErrorResponse(error=RpcError(message=error.message, data=data)))


def error_response(error: ApiError, dialect: str = "openai", request_id: str = "unknown", path: str = "/") -> Response:
    status = error.status
    if dialect == "aimlapi":
        status = 403 if isinstance(error, errors.OutOfFunds) else status
        body = aimlapi_envelope(error, status, request_id, path)
    elif dialect == "anthropic":
        body = message_envelope(error, request_id)
    elif dialect == "toolkit":
        body = toolkit_envelope(error, request_id)
    elif dialect == "mcp":
        body = rpc_envelope(error)
    else:
        body = envelope(error)
    return Response(body, status, error.headers, "application/json")


def to_api_error(error: Exception, request_id: str = "unknown") -> ApiError:
    """Maps any exception to an API error. The cause of an unexpected error goes to the log only."""
    match error:
        case ApiError():
            return error
        case InvalidInput(problem=problem):
            return errors.InvalidRequest(problem.message, param=problem.param, code=problem.code)
        case UpstreamError():
            return _from_upstream_error(error)
        case StoreError():
            level = logging.DEBUG if isinstance(error, StoreUnavailable) else logging.ERROR
            logger.log(level, "request %s: %s", request_id, error)
            return errors.Unavailable(
                "The server's storage does not work at the moment. Please try again later.",
                headers={"retry-after": _STORE_RETRY_SECONDS},
            )
        case _:
            logger.error("request %s failed", request_id, exc_info=error)
            return errors.ServerError(INTERNAL_ERROR_MESSAGE.format(request_id=request_id))


def _from_upstream_error(error: UpstreamError) -> ApiError:
    kind: UpstreamFault = error.kind
    match kind:
        case "invalid_request":
            return errors.InvalidRequest(error.message, param=error.param, code=error.code)
        case "model_not_found":
            return errors.NotFound(error.message, param="model", code="model_not_found")
        case "rate_limited":
            return errors.RateLimited(error.message, code="rate_limit_exceeded", headers=_retry_headers(error))
        case "quota":
            return errors.RateLimited(error.message, type="insufficient_quota", code="insufficient_quota")
        case "timeout":
            return errors.GatewayTimeout(error.message, code="upstream_timeout", headers=_retry_headers(error))
        case "authentication" | "unreachable" | "server_error" | "malformed":
            # A 401 would blame the client's key, a 500 this server.
            return errors.BadGateway(error.message, code=f"upstream_{kind}", headers=_retry_headers(error))
        case _:
            assert_never(kind)


def _retry_headers(error: UpstreamError) -> dict[str, str]:
    """How long the provider wants its callers to wait, if it says so."""
    return {} if error.retry_after is None else errors.retry_headers(error.retry_after)
