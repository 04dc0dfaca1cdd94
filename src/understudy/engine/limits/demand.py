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
    """Tokens of `input`, and the most of `output` that the request asks for, None if it leaves that open."""

    input: int
    output: int | None

    @property
    def required(self) -> int:
        """The input, and the output that the request asks for."""
        return self.input + (self.output or 0)

    @property
    def expected(self) -> int:
        """As `required`, with output that the request leaves open."""
        return self.input + (UNASKED_OUTPUT if self.output is None else self.output)


def measure_request(raw: bytes, body: Mapping[str, object], more: object = None) -> Demand:
    """The demand of an encoded request with its members. `more` is a prompt that the request only names.

    Each of `n` choices may have the maximum of output.
    """
    tokens = len(raw) // CHARACTERS_PER_TOKEN if len(raw) <= _PLAIN_BYTES else count_tokens(body)
    tokens += count_tokens(more)
    for name in _MAX_OUTPUT:
        output = body.get(name)
        if isinstance(output, int) and output > 0:
            choices = body.get("n")
            return Demand(tokens, output * max(choices, 1) if isinstance(choices, int) else output)
    return Demand(tokens, None)


def count_tokens(value: object) -> int:
    """The estimated tokens of a prompt of any shape; an encoded image or file counts as one image."""
    if isinstance(value, str):
        return _TOKENS_PER_IMAGE if value.startswith("data:") else len(value) // CHARACTERS_PER_TOKEN
    if isinstance(value, Mapping):
        return sum(map(count_tokens, value.values()))
    if isinstance(value, Sequence):
        return sum(1 if isinstance(one, int) else count_tokens(one) for one in value)
    return 0
