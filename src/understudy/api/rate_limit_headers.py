"""The headers of rate limits, as the hosted API, Azure and Anthropic send them. Source: their documented responses.

They are rendered for each request of a limited key, so their names are encoded once.
"""

import math
from datetime import UTC, datetime
from typing import Final

from understudy.api.request_head import Headers
from understudy.engine.limits.limiter import Reservation
from understudy.engine.limits.policy import Rule
from understudy.engine.limits.refusals import format_duration

_VALUES: Final = ("limit", "remaining", "reset")
_COUNTED: Final = ("requests", "tokens", "project-tokens")
_HOSTED_NAMES: Final = tuple(tuple(f"x-ratelimit-{value}-{name}".encode() for value in _VALUES) for name in _COUNTED)
_ANTHROPIC_NAMES: Final = tuple(
    tuple(f"anthropic-ratelimit-{name}-{value}".encode() for value in _VALUES) for name in _COUNTED
)
NAMES: Final = tuple(name.decode() for names in (*_HOSTED_NAMES, *_ANTHROPIC_NAMES) for name in names)


def render_headers(reservation: Reservation, dialect: str, now: float) -> Headers:
    """The values at the admission of the request, of the limit of each unit with the least left."""
    tightest: list[tuple[Rule, float] | None] = [None, None, None]
    least = [math.inf, math.inf, math.inf]
    for rule, level in zip(reservation.rules, reservation.levels, strict=True):
        left = rule.limit - level
        index = 0 if rule.unit == "requests" else 1
        if left < least[index]:
            least[index], tightest[index] = left, (rule, level)
        if index and rule.owner == "project" and left < least[2]:
            least[2], tightest[2] = left, (rule, level)
    if dialect == "anthropic":
        tightest[2] = None
    names = _ANTHROPIC_NAMES if dialect == "anthropic" else _HOSTED_NAMES
    headers: Headers = []
    for index, found in enumerate(tightest):
        if found is not None:
            rule, level = found
            limit, remaining, reset = names[index]
            headers.append((limit, b"%d" % rule.limit))
            # The error of a sum of floats must not take a unit away.
            headers.append((remaining, b"%d" % max(0, rule.limit - level + 1e-6)))
            headers.append((reset, _render_reset(level / rule.rate, dialect, now).encode()))
    return headers


def _render_reset(seconds: float, dialect: str, now: float) -> str:
    """When all of a limit is back."""
    if dialect == "anthropic":
        return datetime.fromtimestamp(math.ceil(now + seconds), UTC).isoformat().replace("+00:00", "Z")
    return str(math.ceil(seconds)) if dialect == "azure" else format_duration(seconds)
