"""Log probabilities of chat completions in the form of completions of texts. Source: operation createCompletion."""

from collections.abc import Mapping
from typing import Any


class TextLogprobs:
    """Converts those of one choice, chunk by chunk: `text_offset` counts characters from the choice's beginning."""

    def __init__(self) -> None:
        self._offset = 0

    def convert(self, logprobs: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """None where the provider gave none. Each map of `top_logprobs` has the chosen token beside the likeliest."""
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
