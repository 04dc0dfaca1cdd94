"""The errors of requests over a limit, in the hosted API's words, which programs parse. Source: its error bodies."""

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from understudy import telemetry
from understudy.engine.limits.policy import MINUTE, Rule, Unit
from understudy.errors import RateLimitExceeded

ORGANIZATION: Final = "understudy"
_PAGE: Final = "/docs/guides/limits/"
_UNITS: Final = {
    ("requests", True): "requests per min (RPM)",
    ("requests", False): "requests per day (RPD)",
    ("tokens", True): "tokens per min (TPM)",
    ("tokens", False): "tokens per day (TPD)",
    ("batch_tokens", False): "batch input tokens per day",
    ("images", True): "images per min (IPM)",
    ("audio_bytes", True): "bytes of audio per min",
}
_OTHER_REDUCTION: Final = "The input or output tokens must be reduced"
_REDUCTIONS: Final[Mapping[Unit, str]] = {
    "images": "The number of images must be reduced",
    "audio_bytes": "The recording must be shorter",
}
_MILLISECOND: Final = 1000
# The error of a sum of floats must not add a millisecond.
_SLACK: Final = 1e-3


def format_duration(seconds: float) -> str:
    """A duration as Go writes it, in whole milliseconds rounded up: `644ms`, `9.816s`, `6m0s`, `23h59m59.9s`."""
    milliseconds = round_up(seconds)
    if milliseconds < _MILLISECOND:
        return f"{milliseconds}ms" if milliseconds else "0s"
    minutes, rest = divmod(milliseconds, 60 * _MILLISECOND)
    text = f"{rest // _MILLISECOND}.{rest % _MILLISECOND:03}".rstrip("0").rstrip(".") + "s"
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def round_up(seconds: float) -> int:
    """Whole milliseconds."""
    return max(0, math.ceil(seconds * _MILLISECOND - _SLACK))


def too_large_error(rule: Rule, model: str, tokens: int) -> RateLimitExceeded:
    """The request's tokens exceed the whole limit, so no wait helps."""
    message = (
        f"Request too large for {model} in organization {ORGANIZATION} on {_describe_unit(rule)}: Limit {rule.limit},"
        f" Requested {tokens}. {_REDUCTIONS.get(rule.unit, _OTHER_REDUCTION)} in order to run successfully."
        f" {_describe_owner(rule)}"
    )
    _emit_refusal(rule)
    return RateLimitExceeded(message, "tokens" if "tokens" in rule.unit else "requests", None)


def exceeded_error(
    rules: Sequence[Rule], costs: Sequence[float], levels: Sequence[float], model: str
) -> RateLimitExceeded:
    """The error of the limit with the longest wait."""
    wait, number = max((_find_wait(rules[n], costs[n], levels[n]), n) for n in range(len(rules)))
    rule = rules[number]
    message = (
        f"Rate limit reached for {model} in organization {ORGANIZATION} on {_describe_unit(rule)}: Limit {rule.limit},"
        f" Used {round(levels[number])}, Requested {round(costs[number])}. Please try again in {format_duration(wait)}."
        f" {_describe_owner(rule)}"
    )
    kind: Literal["requests", "tokens"] = "tokens" if "tokens" in rule.unit else "requests"
    _emit_refusal(rule)
    return RateLimitExceeded(message, kind, round_up(wait) / _MILLISECOND)


def _emit_refusal(rule: Rule) -> None:
    limit = f"{rule.unit}_per_{'minute' if rule.window == MINUTE else 'day'}"
    telemetry.emit(telemetry.RequestLimited, scope=rule.owner, limit=limit)


def _find_wait(rule: Rule, cost: float, level: float) -> float:
    """Seconds until the cost fits."""
    return (level + cost - rule.limit) / rule.rate


def _describe_unit(rule: Rule) -> str:
    return _UNITS[rule.unit, rule.window == MINUTE]


def _describe_owner(rule: Rule) -> str:
    match rule.owner:
        case "key":
            owner = f"the API key {rule.scope}"
        case "project":
            owner = f"the project {rule.scope}"
        case "model":
            owner = f"this model in the project {rule.scope}"
    return f"This is the limit of {owner}. Visit {_PAGE} to learn more."
