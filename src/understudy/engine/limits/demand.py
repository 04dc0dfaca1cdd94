"""How many tokens a request may use, estimated before the call. Never calls a tokenizer: this is on the hot path."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

CHARACTERS_PER_TOKEN: Final = 4
UNASKED_OUTPUT: Final = 1024
"""Output tokens of a request that sets no maximum."""
# Encoded bodies up to this size have no image that would count as text.
_PLAIN_BYTES: Final = 64 * 1024
_TOKENS_PER_IMAGE: Final = 1000
_MAX_OUTPUT: Final = ("max_completion_tokens", "max_output_tokens", "max_tokens")


@dataclass(frozen=True, slots=True)
class Demand:
    """`required`: the input, and the output that the request asks for; `expected`: with output that it leaves open."""

    required: int
    expected: int


def measure_request(raw: bytes, body: Mapping[str, object], more: object = None) -> Demand:
    """The demand of an encoded request with its members. `more` is a prompt that the request only names."""
    tokens = len(raw) // CHARACTERS_PER_TOKEN if len(raw) <= _PLAIN_BYTES else count_tokens(body)
    tokens += count_tokens(more)
    for name in _MAX_OUTPUT:
        asked = body.get(name)
        if isinstance(asked, int) and asked > 0:
            return demand_of(tokens, asked)
    return demand_of(tokens, None)


def demand_of(tokens: int, output: int | None) -> Demand:
    """For so many input tokens, and the maximum of output tokens, if the request sets one."""
    return Demand(tokens + (output or 0), tokens + (UNASKED_OUTPUT if output is None else output))


def count_tokens(value: object) -> int:
    """The estimated tokens of a prompt of any shape; an encoded image or file counts as one image."""
    if isinstance(value, str):
        return _TOKENS_PER_IMAGE if value.startswith("data:") else len(value) // CHARACTERS_PER_TOKEN
    if isinstance(value, Mapping):
        return sum(map(count_tokens, value.values()))
    if isinstance(value, Sequence):
        return sum(1 if isinstance(one, int) else count_tokens(one) for one in value)
    return 0
