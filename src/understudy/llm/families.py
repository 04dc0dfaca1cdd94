"""What the name of a model tells about its family."""

import re

# The vendor's o-series, with or without the vendor in front: `o1`, `o3-mini`, `openai/o4-mini-2025-04-16`.
_REASONING = re.compile(r"(?:.*/)?o[1-9](?:-.*)?")


def sampling(model: str, given: float | None, inherited: float | None = None) -> float | None:
    """The `temperature` or `top_p` that an object with this model shows: what is given, else inherited, else 1.

    Reasoning models take neither, so the default is null there.
    """
    if given is not None:
        return given
    if inherited in {None, 1.0}:
        return None if _REASONING.fullmatch(model.lower()) else 1.0
    return inherited
