"""Context windows of hosted models, in tokens.

Source: the vendors' model pages. Other models have `DEFAULT`, unless the settings have a window.
"""

from functools import lru_cache
from typing import Final

DEFAULT: Final = 128_000

# By prefix; the longest match counts.
_WINDOWS: Final = {
    "gpt-3.5-turbo": 16_385,
    "gpt-3.5-turbo-instruct": 4_096,
    "gpt-4": 8_192,
    "gpt-4-32k": 32_768,
    "gpt-4-turbo": 128_000,
    "gpt-4-0125": 128_000,
    "gpt-4-1106": 128_000,
    "gpt-4-vision": 128_000,
    "gpt-4.1": 1_047_576,
    "gpt-4.5": 128_000,
    "gpt-4o": 128_000,
    "chatgpt-4o": 128_000,
    "gpt-5": 400_000,
    "gpt-5-chat": 128_000,
    "gpt-oss": 131_072,
    "o1": 200_000,
    "o1-mini": 128_000,
    "o1-preview": 128_000,
    "o3": 200_000,
    "o4": 200_000,
    "claude": 200_000,
    "rehearsal": 128_000,
}


@lru_cache(maxsize=1024)
def window(model: str) -> int:
    """The window of `model`, whose id may begin with a vendor: `openai/gpt-4o`."""
    name = model.rpartition("/")[2].lower()
    prefixes = [prefix for prefix in _WINDOWS if name.startswith(prefix)]
    return _WINDOWS[max(prefixes, key=len)] if prefixes else DEFAULT
