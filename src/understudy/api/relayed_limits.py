"""The limits of images and audio of relayed requests: what a request takes before it is sent, and what it used."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from understudy.engine.accounting import Work
from understudy.engine.limits.demand import Demand, count_tokens
from understudy.engine.limits.limiter import RateLimiter, Reservation
from understudy.engine.limits.policy import RelayedUnit
from understudy.llm.relay import RelayBody
from understudy.store.charges import Kind

_UNITS: Final[dict[Kind, RelayedUnit]] = {
    "image": "images",
    "speech": "audio_bytes",
    "transcription": "audio_bytes",
}


async def reserve_units(
    limiter: RateLimiter, project_id: str, key_id: str, kind: Kind, body: RelayBody
) -> Reservation | None:
    """Takes the requested images or the recording's bytes; speech takes its bytes when they are known.

    None without limits. Raises RateLimitExceeded.
    """
    unit = _UNITS.get(kind)
    if unit is None:
        return None
    amount = _count_images(body.prompt.get("n")) if unit == "images" else body.file_bytes
    return await limiter.reserve_relayed(project_id, key_id, body.model, unit, amount)


def measure(body: RelayBody) -> Demand:
    """Texts count as tokens; what models make of images and audio is known in the end."""
    return Demand(count_tokens(body.prompt), 0)


def estimate_work(kind: Kind, body: RelayBody) -> Work:
    """What the request will use: its images, its characters, or the seconds of its recording by the bytes.

    Of models that charge by the token, only the mean of the latest requests is a better estimate than the prompt.
    """
    match kind:
        case "image":
            return Work(body.model, kind, units=_count_images(body.prompt.get("n")))
        case "speech":
            return Work(body.model, kind, units=len(str(body.prompt.get("input", ""))))
        case "transcription":
            return Work(body.model, kind, units=body.seconds)
        case _:
            return Work(body.model, kind, partial(measure, body))


def _count_images(requested: object) -> int:
    """The images by the member or the field `n`; one by default."""
    if isinstance(requested, Sequence) and not isinstance(requested, str):
        requested = requested[0] if requested else None
    if isinstance(requested, str) and requested.isascii() and requested.isdecimal() and len(requested) < 4:
        requested = int(requested)
    return max(requested, 1) if isinstance(requested, int) else 1
