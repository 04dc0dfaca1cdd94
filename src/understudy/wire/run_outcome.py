"""How a run stands and how it ended: status, usage, error. Source: the Assistants API v2, object run."""

from typing import Literal

from msgspec import Struct

RunStatus = Literal[
    "queued",
    "in_progress",
    "requires_action",
    "cancelling",
    "cancelled",
    "failed",
    "completed",
    "incomplete",
    "expired",
]


class CachedTokens(Struct, frozen=True):
    cached_tokens: int = 0


class ReasoningTokens(Struct, frozen=True):
    reasoning_tokens: int = 0


class RunCompletionUsage(Struct, frozen=True):
    """`prompt_token_details` is spelled as the hosted API spells it in this object."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    prompt_token_details: CachedTokens = CachedTokens()
    completion_tokens_details: ReasoningTokens = ReasoningTokens()

    def __add__(self, other: "RunCompletionUsage") -> "RunCompletionUsage":
        return RunCompletionUsage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.total_tokens + other.total_tokens,
            CachedTokens(self.prompt_token_details.cached_tokens + other.prompt_token_details.cached_tokens),
            ReasoningTokens(
                self.completion_tokens_details.reasoning_tokens + other.completion_tokens_details.reasoning_tokens
            ),
        )


class LastError(Struct):
    code: Literal["server_error", "rate_limit_exceeded", "invalid_prompt"]
    message: str


class RunIncompleteDetails(Struct):
    reason: Literal["max_completion_tokens", "max_prompt_tokens"]
