"""The error envelope that every error of every route has, and the one of the Messages API."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType


class Error(Struct, kw_only=True):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorDetail(Struct, kw_only=True):
    message: str
    code: str | None


class ErrorResponse(Struct, kw_only=True):
    error: Error
    detail: ErrorDetail | UnsetType = UNSET


class AimlapiError(Error, kw_only=True):
    name: str


class AimlapiErrorResponse(Struct, kw_only=True):
    """The AI/ML API's two shapes of an error in one, around OpenAI's."""

    title: str
    status: int
    statusCode: int  # noqa: N815 - the API's own word
    message: str
    instance: str
    path: str
    requestId: str  # noqa: N815 - likewise
    timestamp: str
    error: AimlapiError


class MessageErrorDetails(Struct, kw_only=True):
    type: str
    message: str


class MessageErrorResponse(Struct, kw_only=True):
    """Source: the error types of the official `anthropic` package."""

    type: Literal["error"] = "error"
    error: MessageErrorDetails
    request_id: str


class RpcErrorData(Struct, kw_only=True):
    """The members of the HTTP API's error beside the message."""

    status: int
    type: str
    param: str | None
    code: str | None


class RpcError(Struct, kw_only=True):
    code: int = -32000
    message: str
    data: RpcErrorData


class RpcErrorResponse(Struct, kw_only=True):
    """An error of JSON-RPC for a request whose own id was not read. Source: JSON-RPC 2.0, sections 5 and 5.1."""

    jsonrpc: Literal["2.0"] = "2.0"
    id: None = None
    error: RpcError
