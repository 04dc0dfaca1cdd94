"""The numbers and bullets of lists, which Word computes and does not store as text."""

import re
from typing import Final
from xml.etree import ElementTree as ET

from understudy.retrieval.reading.markup import find_child, find_children, local_attribute

_LEVEL_PLACEHOLDER: Final = re.compile(r"%(\d)")
_MAX_LEVELS: Final = 9
_ROMAN: Final = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"),
                 (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip


class ListNumbering:
    """Produces labels in document order. A level counts on until a higher level counts."""

    def __init__(self, numbering: ET.Element, styles: ET.Element) -> None:
        self._styles = {
            local_attribute(one, "styleid") or "": (find_child(one, "ppr", "numpr"), _level_value(one, "basedon") or "")
            for one in find_children(styles, "style")
        }
        self._levels = _levels_by_number(numbering)
        self._counts: dict[str, list[int | None]] = {}

    def label(self, paragraph: ET.Element) -> str:
        """`- `, `2.1 ` and the like; empty for a paragraph outside of lists."""
        place = find_child(paragraph, "ppr", "numpr")
        if place is None:
            style = find_child(paragraph, "ppr", "pstyle")
            place = self._level_of_style((local_attribute(style, "val") or "") if style is not None else "")
        if place is None:
            return ""
        number, depth = find_child(place, "numid"), find_child(place, "ilvl")
        key = (local_attribute(number, "val") or "") if number is not None else ""
        at = min(_parse_number(depth, "val"), _MAX_LEVELS - 1) if depth is not None else 0
        levels = self._levels.get(key)
        if key in {"", "0"} or levels is None:
            return ""
        self._advance(key, at, levels)
        return self._render_label(key, at, levels)

    def _level_of_style(self, name: str) -> ET.Element | None:
        """The list level that a style, or one that it is based on, assigns to its paragraphs."""
        for _ in range(_MAX_LEVELS):
            place, name = self._styles.get(name, (None, ""))
            if place is not None or not name:
                return place
        return None

    def _advance(self, key: str, at: int, levels: dict[int, ET.Element]) -> None:
        counts = self._counts.setdefault(key, [None] * _MAX_LEVELS)
        before = counts[at]
        counts[at] = _start_number(levels.get(at)) if before is None else before + 1
        counts[at + 1 :] = [None] * (_MAX_LEVELS - at - 1)

    def _render_label(self, key: str, at: int, levels: dict[int, ET.Element]) -> str:
        indent = "  " * at
        level = levels.get(at)
        kind = _level_value(level, "numfmt") or "bullet"
        if kind == "none":
            return ""
        pattern = _level_value(level, "lvltext") or ""
        if kind == "bullet" or "%" not in pattern:
            return f"{indent}- "
        counts = self._counts[key]

        def count(match: re.Match[str]) -> str:
            place = min(int(match[1]) - 1, at)
            counted = counts[place] if place >= 0 else None
            return _format_count(
                counted or _start_number(levels.get(place)), _level_value(levels.get(place), "numfmt") or "decimal"
            )

        return f"{indent}{_LEVEL_PLACEHOLDER.sub(count, pattern)} "


def _levels_by_number(numbering: ET.Element) -> dict[str, dict[int, ET.Element]]:
    """The level definitions of each list number, by depth."""
    abstract = {local_attribute(one, "abstractnumid") or "": one for one in find_children(numbering, "abstractnum")}
    numbers = {}
    for one in find_children(numbering, "num"):
        base = abstract.get(_level_value(one, "abstractnumid") or "")
        levels = find_children(base, "lvl") if base is not None else ()
        numbers[local_attribute(one, "numid") or ""] = {_parse_number(level, "ilvl"): level for level in levels}
    return numbers


def _format_count(count: int, kind: str) -> str:
    if kind.lower().endswith("letter"):
        letter = chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)
        return letter.upper() if kind.startswith("upper") else letter
    if kind.lower().endswith("roman"):
        return _to_roman(count).upper() if kind.startswith("upper") else _to_roman(count)
    return str(count)


def _to_roman(count: int) -> str:
    written = ""
    for value, sign in _ROMAN:
        written += sign * min(count // value, 100)
        count %= value
    return written


def _start_number(level: ET.Element | None) -> int:
    start = _level_value(level, "start")
    return int(start) if start and start.isdecimal() else 1


def _level_value(level: ET.Element | None, name: str) -> str | None:
    child = find_child(level, name) if level is not None else None
    return local_attribute(child, "val") if child is not None else None


def _parse_number(element: ET.Element, name: str) -> int:
    value = local_attribute(element, name) or ""
    return int(value) if value.isdecimal() and len(value) < 6 else 0
