"""How a run ends: from the exception, the finish reason or the stop that ended it to one outcome. Pure."""

from dataclasses import dataclass
from typing import Final, Literal

from understudy.engine.run.checkpoint import EventLimitExceeded
from understudy.engine.run.moderation import ContentBlocked
from understudy.engine.run.truncation import BudgetExceeded, ContextTooLong
from understudy.errors import ApiError, RateLimited, RateLimitExceeded, UpstreamError
from understudy.wire.run_outcome import LastError, RunIncompleteDetails, RunStatus

Ending = Literal["completed", "content_filter", "length", "cancel", "expire"]
"""An end without an exception: the work is done, the model was cut off, or the run was stopped from outside."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`cut` is the reason in a message that stays incomplete; `code` is that of a response's error.

    `retry_after`: the seconds after which another attempt may succeed, if they are known.
    """

    status: RunStatus
    cut: str | None = None
    error: LastError | None = None
    incomplete: RunIncompleteDetails | None = None
    code: str | None = None
    retry_after: float | None = None


class TurnLimitExceeded(Exception):
    """The model called tools in every turn that a run may have."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The model called tools {limit} times without coming to an answer.")


class InterruptionLimitExceeded(Exception):
    """Too many servers died while they executed the run."""

    def __init__(self, times: int) -> None:
        super().__init__(
            f"The server stopped unexpectedly {times} times while it executed this run, which made no progress in"
            " between. Start a new one."
        )


UNEXPECTED: Final = Outcome("failed", "run_failed", LastError("server_error", "Sorry, something went wrong."))
"""The outcome of an error of the server's own, which is to be logged."""

_OUTCOMES: Final[dict[Ending, Outcome]] = {
    "completed": Outcome("completed"),
    "content_filter": Outcome("incomplete", "content_filter"),
    "length": Outcome("incomplete", "max_tokens", incomplete=RunIncompleteDetails("max_completion_tokens")),
    "cancel": Outcome("cancelled", "run_cancelled"),
    "expire": Outcome("expired", "run_expired"),
}


def outcome_of(cause: Ending | Exception, model: str) -> Outcome:
    """`model` is the run's, for the text of an error."""
    match cause:
        case str():
            return _OUTCOMES[cause]
        case ContentBlocked():
            return _OUTCOMES["content_filter"]
        case BudgetExceeded(reason=reason):
            return Outcome("incomplete", incomplete=RunIncompleteDetails(reason))
        case ContextTooLong():
            return Outcome("failed", "run_failed", _context_length_error(model), code="context_length_exceeded")
        case UpstreamError() | ApiError() | TurnLimitExceeded() | InterruptionLimitExceeded() | EventLimitExceeded():
            return Outcome("failed", "run_failed", _to_last_error(cause), retry_after=_retry_after(cause))
        case _:
            return UNEXPECTED


def _retry_after(cause: Exception) -> float | None:
    return cause.retry_after if isinstance(cause, UpstreamError | RateLimitExceeded) else None


def _context_length_error(model: str) -> LastError:
    return LastError(
        "invalid_prompt",
        f"Your input exceeds the context window of the model {model!r}. Shorten it, or send 'truncation': 'auto' to"
        " leave out the oldest items.",
    )


def _to_last_error(
    cause: UpstreamError | TurnLimitExceeded | InterruptionLimitExceeded | EventLimitExceeded | ApiError,
) -> LastError:
    match cause:
        case UpstreamError(kind="rate_limited" | "quota") | RateLimited():
            return LastError("rate_limit_exceeded", cause.message)
        case UpstreamError(kind="invalid_request") | ApiError():
            return LastError("invalid_prompt", cause.message)
        case UpstreamError():
            return LastError("server_error", cause.message)
        case _:
            return LastError("server_error", str(cause))
