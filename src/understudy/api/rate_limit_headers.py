"""The headers of rate limits, as the hosted API, Azure and Anthropic send them. Source: their documented responses."""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from understudy.api.request_head import Headers
from understudy.engine.limits.limiter import Reservation
from understudy.engine.limits.policy import Rule, Unit
from understudy.engine.limits.refusals import format_duration

_Level = tuple[Rule, float]


def render_headers(reservation: Reservation, dialect: str, now: float) -> Headers:
    """The values at the admission of the request, of the limit of each unit with the least left."""
    levels: Sequence[_Level] = list(zip(reservation.rules, reservation.levels, strict=True))
    headers: Headers = []
    units: tuple[Unit, ...] = ("requests", "tokens")
    for unit in units:
        if (tightest := _find_tightest(level for level in levels if level[0].unit == unit)) is not None:
            headers += _render(unit, tightest, dialect, now)
    if dialect != "anthropic":
        of_project = (level for level in levels if level[0].unit == "tokens" and level[0].owner == "project")
        if (tightest := _find_tightest(of_project)) is not None:
            headers += _render("project-tokens", tightest, dialect, now)
    return headers


def _find_tightest(levels: Iterable[_Level]) -> _Level | None:
    return min(levels, key=lambda level: level[0].limit - level[1], default=None)


def _render(name: str, tightest: _Level, dialect: str, now: float) -> Headers:
    rule, level = tightest
    left = max(0, math.floor(rule.limit - level + 1e-6))
    seconds = level / rule.rate
    if dialect == "anthropic":
        reset = datetime.fromtimestamp(math.ceil(now + seconds), UTC).isoformat().replace("+00:00", "Z")
        form = "anthropic-ratelimit-{name}-{value}"
    else:
        reset = str(math.ceil(seconds)) if dialect == "azure" else format_duration(seconds)
        form = "x-ratelimit-{value}-{name}"
    values = (("limit", str(rule.limit)), ("remaining", str(left)), ("reset", reset))
    return [(form.format(name=name, value=value).encode(), text.encode()) for value, text in values]
