"""Converts log probabilities of chat completions to those of text completions. Source: operation createCompletion."""

from collections.abc import Mapping
from typing import Any


class TextLogprobs:
    """The log probabilities of one choice, chunk by chunk. `text_offset` counts characters from the choice's start."""

    def __init__(self) -> None:
        self._offset = 0

    def convert(self, logprobs: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Returns None without log probabilities. Each map of `top_logprobs` includes the sampled token."""
        tokens = (logprobs or {}).get("content")
        if not tokens:
            return None
        texts = [token["token"] for token in tokens]
        return {
            "tokens": texts,
            "token_logprobs": [token["logprob"] for token in tokens],
            "top_logprobs": [_top_tokens(token) for token in tokens],
            "text_offset": [self._advance_offset(text) for text in texts],
        }

    def _advance_offset(self, text: str) -> int:
        offset = self._offset
        self._offset += len(text)
        return offset


def _top_tokens(token: Mapping[str, Any]) -> dict[str, float]:
    others = {other["token"]: other["logprob"] for other in token.get("top_logprobs") or ()}
    return {**others, token["token"]: token["logprob"]}
