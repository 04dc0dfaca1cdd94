"""The order in which the lines of a page are read. Knows no image.

Lines beside each other are one line, as the cells of a table are, unless they are columns of prose: a page is divided
at its widest vertical gap if both sides are wide, else at its largest horizontal gap, and each part in the same way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

_COLUMN_LINES: Final = 4
_COLUMN_WIDTH: Final = 8.0
"""A column has so many lines, of which half are so many times as wide as high."""

_GUTTER: Final = 0.8
_PARAGRAPH_GAP: Final = 0.8
"""Gaps between columns and between paragraphs are at least so many heights of a line."""


@dataclass(frozen=True, slots=True)
class Line:
    """A text within its bounds, in pixels from the upper left corner."""

    left: float
    top: float
    right: float
    bottom: float
    text: str

    @property
    def height(self) -> float:
        return self.bottom - self.top


def join_lines(lines: Sequence[Line]) -> str:
    """The text of a page: an empty line divides paragraphs."""
    if not lines:
        return ""
    return "\n\n".join(_join_part(lines, median(line.height for line in lines)))


def _join_part(lines: Sequence[Line], height: float) -> list[str]:
    """The paragraphs of a part of the page."""
    left = _cut(lines, lambda line: (line.left, line.right), _GUTTER * height)
    if left and _is_column(left) and _is_column(right := [line for line in lines if line not in left]):
        return [*_join_part(left, height), *_join_part(right, height)]
    upper = _cut(lines, lambda line: (line.top, line.bottom), _PARAGRAPH_GAP * height)
    if upper:
        return [*_join_part(upper, height), *_join_part([line for line in lines if line not in upper], height)]
    return [_join_rows(lines)]


def _cut(lines: Sequence[Line], bounds: Callable[[Line], tuple[float, float]], least: float) -> list[Line]:
    """The lines before the widest gap that no line crosses; none if it is narrower than `least`."""
    ordered = sorted(lines, key=bounds)
    end, widest, place = bounds(ordered[0])[1], least, 0
    for number, line in enumerate(ordered[1:], 1):
        start, stop = bounds(line)
        if start - end > widest:
            widest, place = start - end, number
        end = max(end, stop)
    return ordered[:place]


def _is_column(lines: Sequence[Line]) -> bool:
    wide = sum(line.right - line.left >= _COLUMN_WIDTH * line.height for line in lines)
    return len(lines) >= _COLUMN_LINES and 2 * wide >= len(lines)


def _join_rows(lines: Sequence[Line]) -> str:
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.top + line.bottom):
        middle = (line.top + line.bottom) / 2
        if rows and middle < (rows[-1][0].top + rows[-1][0].bottom) / 2 + rows[-1][0].height / 2:
            rows[-1].append(line)
        else:
            rows.append([line])
    return "\n".join(" ".join(line.text for line in sorted(row, key=lambda line: line.left)) for row in rows)
