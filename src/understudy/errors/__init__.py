"""Every error that a client or an operator can see, as one tree.

    UnderstudyError
    ├── SettingsError              the start is refused; the message names the key or the value
    ├── StoreError                 the data directory, the database or the blob store cannot be used
    │   ├── StoreUnavailable       the database server is unreachable
    │   │   └── StoreSuperseded    a later version has upgraded the database beyond this one
    │   └── BlobMissing            the blob store has no such blob
    ├── SandboxError               code cannot be run; the message says what is missing
    │   ├── InvalidName            a file's name that a sandbox does not take
    │   ├── NoSuchFile             no regular file of that name is in the sandbox
    │   └── SandboxFull            the sandbox's disk has no more room
    ├── UpstreamError              a model provider failed; `kind` says how
    └── ApiError                   fixes the HTTP status and the envelope's `type`
        ├── InvalidRequest         400
        │   ├── ThreadBusy         the thread has an active run
        │   └── VectorStoreExpired its time without use is over
        ├── Unauthenticated        401
        ├── PermissionDenied       403
        ├── NotFound               404
        ├── MethodNotAllowed       405
        ├── RequestTimeout         408
        ├── Conflict               409
        ├── BodyTooLarge           413
        ├── UnsupportedMediaType   415
        ├── RangeNotSatisfiable    416
        ├── RateLimited            429
        │   ├── RateLimitExceeded  the requests or tokens of a key or a project in a time
        │   ├── TooManyAttempts    rejected keys and failed sign-ins of a client's address
        │   ├── OutOfFunds         nothing is left to spend; 403 in the AI/ML API's dialect
        │   └── FundsReserved      what is left to spend is reserved for work in progress
        ├── ServerError            500
        ├── BadGateway             502
        ├── Unavailable            503
        └── GatewayTimeout         504

The envelope `{"error": {"message", "type", "param", "code"}}` is written in one place, `api/errors.py`.
Source of the statuses and texts: the hosted API's error bodies.
"""

import math
from collections.abc import Mapping
from typing import ClassVar, Final, Literal

NO_RETRY: Final[Mapping[str, str]] = {"x-should-retry": "false"}
"""The header by which the official clients do not send a request again."""
_MAX_RETRIED_SECONDS: Final = 60


def retry_headers(seconds: float) -> dict[str, str]:
    """The headers of an error that passes after so many seconds.

    Clients wait as long as they request, some without a bound: those of a long wait do not retry.
    """
    headers = {"retry-after": str(max(1, math.ceil(seconds))), "retry-after-ms": str(max(1, math.ceil(seconds * 1000)))}
    return {**headers, **NO_RETRY} if seconds > _MAX_RETRIED_SECONDS else headers


class UnderstudyError(Exception):
    """Whatever this project raises on purpose; `str(error)` is a sentence for people."""


class SettingsError(UnderstudyError):
    pass


class StoreError(UnderstudyError):
    pass


class StoreUnavailable(StoreError):
    """The database server is unreachable; its loss and its return are logged once, not with each request."""


class StoreSuperseded(StoreUnavailable):
    """This process must not use the database any more."""

    def __init__(self, schema: int) -> None:
        super().__init__(
            f"The database was upgraded by a later version, and this one knows schemas up to {schema}. Stop this"
            " server, and start that version."
        )


class BlobMissing(StoreError):
    pass


class SandboxError(UnderstudyError):
    pass


class InvalidName(SandboxError):
    pass


class NoSuchFile(SandboxError):
    pass


class SandboxFull(SandboxError):
    pass


UpstreamFault = Literal[
    "authentication",  # the provider refused our key
    "invalid_request",  # the provider refused the request itself
    "model_not_found",  # the provider does not have the model
    "rate_limited",  # too many requests or tokens; may pass
    "quota",  # nothing left to spend; will not pass by itself
    "timeout",  # no answer, or a stream that went silent, within the time allowed
    "unreachable",  # no connection, or one that broke
    "server_error",  # the provider answered 5xx or said in the stream that it failed
    "malformed",  # the provider answered something that is not this API
]
_RETRYABLE_FAULTS: Final = frozenset({"rate_limited", "timeout", "unreachable", "server_error"})


class UpstreamError(UnderstudyError):
    """A model provider's failure, with the provider's own words and never its key.

    `status` is the HTTP status that the provider sent (None where there was no answer), `code` and `param` are
    those of its error body, `retry_after` is in seconds.
    """

    def __init__(
        self,
        kind: UpstreamFault,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.kind: UpstreamFault = kind
        self.is_logged = False
        self.message = message
        self.status = status
        self.code = code
        self.param = param
        self.retry_after = retry_after

    @property
    def is_retryable(self) -> bool:
        """Whether another attempt may succeed."""
        return self.kind in _RETRYABLE_FAULTS


class ApiError(UnderstudyError):
    status: ClassVar[int] = 500
    type: str = "server_error"

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        type: str | None = None,  # noqa: A002 - the envelope's own word
        headers: dict[str, str] | None = None,
        detail: bool = False,
    ) -> None:
        """`detail`: the hosted API's oldest operations say the message and the code a second time, beside the error."""
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.param = param
        self.code = code
        self.headers = headers or {}
        if type is not None:
            self.type = type


class InvalidRequest(ApiError):
    status = 400
    type = "invalid_request_error"


class ThreadBusy(InvalidRequest):
    """The thread has an active run, `run_id`."""

    def __init__(self, thread_id: str, run_id: str) -> None:
        super().__init__(f"Thread {thread_id} already has an active run {run_id}.")
        self.run_id = run_id


class VectorStoreExpired(InvalidRequest):
    def __init__(self, store_id: str) -> None:
        super().__init__(f"Vector store '{store_id}' has expired")


class Unauthenticated(ApiError):
    """Names the scheme, as RFC 9110 (section 11.6.1) requires of a 401."""

    status = 401
    type = "invalid_request_error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message, code=code, headers={"www-authenticate": 'Bearer realm="understudy"'})


class PermissionDenied(ApiError):
    status = 403
    type = "invalid_request_error"


class NotFound(ApiError):
    status = 404
    type = "invalid_request_error"


def not_found(noun: str, identifier: str) -> NotFound:
    """What an unknown id and another tenant's id are both answered with."""
    return NotFound(f"No {noun} found with id '{identifier}'.")


class MethodNotAllowed(ApiError):
    status = 405
    type = "invalid_request_error"


class RequestTimeout(ApiError):
    status = 408
    type = "invalid_request_error"


class Conflict(ApiError):
    status = 409
    type = "invalid_request_error"


class BodyTooLarge(ApiError):
    status = 413
    type = "invalid_request_error"


class UnsupportedMediaType(ApiError):
    status = 415
    type = "invalid_request_error"


class RangeNotSatisfiable(ApiError):
    status = 416
    type = "invalid_request_error"


class RateLimited(ApiError):
    status = 429
    type = "requests"


class RateLimitExceeded(RateLimited):
    """A limit of requests or tokens; `kind` is which. `retry_after` is in seconds, None if no wait helps."""

    def __init__(self, message: str, kind: Literal["requests", "tokens"], retry_after: float | None) -> None:
        headers = dict(NO_RETRY) if retry_after is None else retry_headers(retry_after)
        super().__init__(message, type=kind, code="rate_limit_exceeded", headers=headers)
        self.retry_after = retry_after


class TooManyAttempts(RateLimited):
    """Too many wrong keys or failed sign-ins came from the client's address; `seconds` until the next one counts."""

    def __init__(self, limit: int, seconds: float) -> None:
        wait = max(1, math.ceil(seconds))
        super().__init__(
            f"Too many rejected API keys or failed sign-ins from your address: at most {limit} a minute. Try again in"
            f" {wait} s with a valid key.",
            type="requests",
            code="too_many_attempts",
            headers={"retry-after": str(wait)},
        )


class OutOfFunds(RateLimited):
    """A budget or a spend limit is used up."""

    def __init__(self, message: str) -> None:
        super().__init__(message, type="insufficient_quota", code="insufficient_quota", headers=dict(NO_RETRY))


class FundsReserved(RateLimited):
    """What is left of a budget or a spend limit is reserved for work in progress, most of which soon ends."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="funds_reserved", headers=retry_headers(1.0))


class ServerError(ApiError):
    status = 500


class BadGateway(ApiError):
    status = 502


class Unavailable(ApiError):
    status = 503


class GatewayTimeout(ApiError):
    status = 504
