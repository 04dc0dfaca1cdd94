"""The error envelope. Every error of every route has this shape."""

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
