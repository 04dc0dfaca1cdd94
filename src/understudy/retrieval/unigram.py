"""Tokens of a SentencePiece unigram model: the most probable way to cut a text into pieces of a vocabulary.

Source: `Kudo 2018, Subword Regularization`, section 3.2, and SentencePiece's whitespace rule. Knows no model.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

_SPACE: Final = "\u2581"
_SPACES: Final = re.compile("  +")
_UNKNOWN_PENALTY: Final = 10.0
_IMPOSSIBLE: Final = float("-inf")


class Unigram:
    """`scores` are logarithms of the pieces' probabilities; `replacements` normalize a text by code point.

    `unknown` is the number of the piece that stands for all other characters.
    """

    def __init__(
        self, pieces: Sequence[str], scores: Sequence[float], replacements: Mapping[int, str], unknown: int
    ) -> None:
        self._pieces = {
            piece: (number, score)
            for number, (piece, score) in enumerate(zip(pieces, scores, strict=True))
            if number != unknown
        }
        self._longest = max(map(len, pieces))
        self._replacements = replacements
        self._unknown = unknown, min(scores) - _UNKNOWN_PENALTY

    def encode(self, text: str) -> list[int]:
        """The numbers of a text's pieces."""
        normalized = self._normalize(text)
        # The best way to cut the text before each position: its score, where its last piece starts, and that piece.
        best: list[tuple[float, int, int]] = [(_IMPOSSIBLE, 0, 0)] * (len(normalized) + 1)
        best[0] = 0.0, 0, 0
        for start in range(len(normalized)):
            self._extend(normalized, start, best)
        numbers = []
        end = len(normalized)
        while end:
            _, end, number = best[end]
            numbers.append(number)
        return numbers[::-1]

    def _extend(self, text: str, start: int, best: list[tuple[float, int, int]]) -> None:
        """Considers each piece that starts at a position."""
        reached = best[start][0]
        unknown, penalty = self._unknown
        if reached + penalty > best[start + 1][0]:
            best[start + 1] = reached + penalty, start, unknown
        for end in range(start + 1, min(len(text), start + self._longest) + 1):
            piece = self._pieces.get(text[start:end])
            if piece is not None and reached + piece[1] > best[end][0]:
                best[end] = reached + piece[1], start, piece[0]

    def _normalize(self, text: str) -> str:
        """Each word starts with the mark of a space, also the first."""
        replaced = _SPACES.sub(" ", text.translate(self._replacements))
        spaced = replaced if replaced.startswith(" ") else f" {replaced}"
        return spaced.replace(" ", _SPACE)
