"""Properties of model families, judged by the name of a model."""

import re
from functools import lru_cache

# The o-series, with or without its vendor: `o1`, `o3-mini`, `openai/o4-mini-2025-04-16`.
_O_SERIES = re.compile(r"(?:.*/)?o[1-9](?:-.*)?")
# Other reasoning models; among the `gpt-5` models, all but the chat models.
_REASONING_MODEL = re.compile(
    r"(?:.*/)?(?:gpt-(?:[5-9]|\d\d)(?!.*chat)|gpt-oss|deepseek-(?:r\d|reasoner)|qwq|magistral|.*-thinking).*"
)
_VISION_MODEL = re.compile(
    r"(?:.*/)?(gpt-4o|gpt-4\.[1-9]|gpt-4-turbo|gpt-[5-9]|chatgpt-4o|o[1-9](?!-mini)|claude|gemini|gemma-?3|llama-?4"
    r"|.*(vision|vl\b|llava|pixtral|minicpm-v))"
)


def resolve_sampling(model: str, requested: float | None, inherited: float | None = None) -> float | None:
    """The `temperature` or `top_p` of an object with this model: as requested, else inherited, else 1.

    Reasoning models support neither, so their default is null.
    """
    if requested is not None:
        return requested
    if inherited in {None, 1.0}:
        return _default_sampling(model)
    return inherited


@lru_cache(maxsize=256)
def _default_sampling(model: str) -> float | None:
    return None if _O_SERIES.fullmatch(model.lower()) else 1.0


@lru_cache(maxsize=256)
def is_reasoning_model(model: str) -> bool:
    """Whether models of this name reason before their output."""
    name = model.lower()
    return bool(_O_SERIES.fullmatch(name) or _REASONING_MODEL.fullmatch(name))


def has_vision(model: str) -> bool:
    """Whether models of this name accept images."""
    return _VISION_MODEL.match(model.lower()) is not None
