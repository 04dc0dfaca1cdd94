"""Plain regular expressions of JSON schemas: whether a text matches, and a text that does.

Plain are characters, classes and their repeats between anchors; groups and alternatives raise PatternError. A match
walks sets of positions, so that no pattern can make it backtrack.
"""

import re
from functools import lru_cache
from typing import Final

from understudy.llm.rehearsal.effort import spend_steps

_MAX_PATTERN_LENGTH: Final = 2_000
_MAX_EXAMPLE_LENGTH: Final = 20_000
_UNBOUNDED: Final = 1_000_000
_ATOM = re.compile(
    r"(\[\^?(?:\\.|[^\\\]])+\]|\\[^0-9bBpPkAZ]|[^\\\[\]()|?*+{}^$])(?:([*+?])|\{(\d{1,9})(?:(,)(\d{1,9})?)?\})?"
)
_READABLE: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_ .,:;/@#+"
_REPEATS: Final = {"": (1, 1), "*": (0, _UNBOUNDED), "+": (1, _UNBOUNDED), "?": (0, 1)}


class PatternError(Exception):
    """The pattern is not plain, or longer than the limits; the text is the reason."""


@lru_cache(maxsize=256)
def _parse_atoms(body: str) -> list[tuple[re.Pattern[str], int, int]]:
    """Classes of characters, each with the bounds of its repeat."""
    if len(body) > _MAX_PATTERN_LENGTH:
        raise PatternError(f"a `pattern` has more than {_MAX_PATTERN_LENGTH} characters")
    atoms, at = [], 0
    while at < len(body):
        try:
            match = _ATOM.match(body, at)
            chars = re.compile(match[1] if match else "(")
        except re.error:
            match = None
        if match is None:
            raise PatternError(f"the `pattern` {body[:200]!r} is unsupported by the rehearsal model")
        least, most = _REPEATS[match[2] or ""]
        if match[3]:
            least = int(match[3])
            most = int(match[5] or _UNBOUNDED) if match[4] else least
        atoms.append((chars, least, most))
        at = match.end()
    return atoms


def _strip_anchors(pattern: str) -> tuple[str, bool, bool]:
    """The pattern without anchors, and whether it had one at the start and at the end."""
    is_end_anchored = pattern.endswith("$") and not pattern.endswith("\\$")
    body = pattern.removeprefix("^")
    return body.removesuffix("$") if is_end_anchored else body, pattern.startswith("^"), is_end_anchored


def matches_pattern(pattern: str, text: str) -> bool:
    """Whether `pattern` occurs in `text`. Raises PatternError."""
    body, is_start_anchored, is_end_anchored = _strip_anchors(pattern)
    positions = {0} if is_start_anchored else set(range(len(text) + 1))
    for chars, least, most in _parse_atoms(body):
        frontier, positions = positions, set() if least else positions
        for count in range(1, min(most, len(text)) + 1):
            spend_steps(1 + len(frontier))
            frontier = {at + 1 for at in frontier if at < len(text) and chars.match(text, at)}
            if count >= least:
                frontier -= positions
                positions = positions | frontier
            if not frontier:
                break
    return len(text) in positions if is_end_anchored else bool(positions)


def write_example(pattern: str, length: int) -> str:
    """A text that matches, of at least `length` characters where a repeat is open. Raises PatternError."""
    atoms = _parse_atoms(_strip_anchors(pattern)[0])
    missing = max(0, length - sum(least for _, least, _ in atoms))
    parts: list[str] = []
    for chars, least, most in atoms:
        times = min(least + missing, most)
        missing -= times - least
        spend_steps(8 + times)
        if times > _MAX_EXAMPLE_LENGTH:
            raise PatternError(f"a `pattern` asks for more than {_MAX_EXAMPLE_LENGTH} characters")
        options = (char for chars_of in (_READABLE, map(chr, range(0x2FFF))) for char in chars_of)
        parts.append(next((char for char in options if chars.fullmatch(char)), "") * times)
    return "".join(parts)
