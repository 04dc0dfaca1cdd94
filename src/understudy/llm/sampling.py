"""What the name of a model tells about its family."""

import re

# The vendor's o-series, with or without the vendor in front: `o1`, `o3-mini`, `openai/o4-mini-2025-04-16`.
_O_SERIES = re.compile(r"(?:.*/)?o[1-9](?:-.*)?")
# What else is known to think before it answers; of the `gpt-5` models only those for chat do not.
_REASONING_MODEL = re.compile(
    r"(?:.*/)?(?:gpt-(?:[5-9]|\d\d)(?!.*chat)|gpt-oss|deepseek-(?:r\d|reasoner)|qwq|magistral|.*-thinking).*"
)
_VISION_MODEL = re.compile(
    r"(?:.*/)?(gpt-4o|gpt-4\.[1-9]|gpt-4-turbo|gpt-[5-9]|chatgpt-4o|o[1-9](?!-mini)|claude|gemini|gemma-?3|llama-?4"
    r"|.*(vision|vl\b|llava|pixtral|minicpm-v))"
)


def resolve_sampling(model: str, given: float | None, inherited: float | None = None) -> float | None:
    """The `temperature` or `top_p` that an object with this model shows: what is given, else inherited, else 1.

    Reasoning models take neither, so the default is null there.
    """
    if given is not None:
        return given
    if inherited in {None, 1.0}:
        return None if _O_SERIES.fullmatch(model.lower()) else 1.0
    return inherited


def is_reasoning_model(model: str) -> bool:
    """Whether models of this name think before they answer, as far as a name tells."""
    name = model.lower()
    return bool(_O_SERIES.fullmatch(name) or _REASONING_MODEL.fullmatch(name))


def has_vision(model: str) -> bool:
    """Whether models of this name take images, as far as a name tells."""
    return _VISION_MODEL.match(model.lower()) is not None
