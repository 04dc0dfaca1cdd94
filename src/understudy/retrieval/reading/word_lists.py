"""The numbers and bullets that Word counts itself, and writes into no run."""

import re
from typing import Final
from xml.etree import ElementTree as ET

from understudy.retrieval.reading.markup import attribute, child, children

_PLACE: Final = re.compile(r"%(\d)")
_LEVELS: Final = 9
_ROMAN: Final = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"),
                 (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip


class Lists:
    """Labels in the order of the document. A level of a list counts on until one above it does."""

    def __init__(self, numbering: ET.Element, styles: ET.Element) -> None:
        self._styles = {
            attribute(one, "styleid") or "": (child(one, "ppr", "numpr"), _value(one, "basedon") or "")
            for one in children(styles, "style")
        }
        abstract = {attribute(one, "abstractnumid") or "": one for one in children(numbering, "abstractnum")}
        self._levels: dict[str, dict[int, ET.Element]] = {}
        for one in children(numbering, "num"):
            link = child(one, "abstractnumid")
            base = abstract.get((attribute(link, "val") or "") if link is not None else "")
            levels = children(base, "lvl") if base is not None else ()
            self._levels[attribute(one, "numid") or ""] = {_number(level, "ilvl"): level for level in levels}
        self._counts: dict[str, list[int | None]] = {}

    def label(self, paragraph: ET.Element) -> str:
        """`- ` or `2.1 ` and the like; empty for a paragraph that is in no list."""
        place = child(paragraph, "ppr", "numpr")
        if place is None:
            style = child(paragraph, "ppr", "pstyle")
            place = self._of_style((attribute(style, "val") or "") if style is not None else "")
        if place is None:
            return ""
        number, depth = child(place, "numid"), child(place, "ilvl")
        key = (attribute(number, "val") or "") if number is not None else ""
        at = min(_number(depth, "val"), _LEVELS - 1) if depth is not None else 0
        levels = self._levels.get(key)
        if key in {"", "0"} or levels is None:
            return ""
        self._count(key, at, levels)
        return self._render(key, at, levels)

    def _of_style(self, name: str) -> ET.Element | None:
        """The place in a list that a style gives its paragraphs, or one that it is based on does."""
        for _ in range(_LEVELS):
            place, name = self._styles.get(name, (None, ""))
            if place is not None or not name:
                return place
        return None

    def _count(self, key: str, at: int, levels: dict[int, ET.Element]) -> None:
        counts = self._counts.setdefault(key, [None] * _LEVELS)
        before = counts[at]
        counts[at] = _start(levels.get(at)) if before is None else before + 1
        counts[at + 1 :] = [None] * (_LEVELS - at - 1)

    def _render(self, key: str, at: int, levels: dict[int, ET.Element]) -> str:
        indent = "  " * at
        level = levels.get(at)
        kind = _value(level, "numfmt") or "bullet"
        if kind == "none":
            return ""
        pattern = _value(level, "lvltext") or ""
        if kind == "bullet" or "%" not in pattern:
            return f"{indent}- "
        counts = self._counts[key]

        def count(match: re.Match[str]) -> str:
            place = min(int(match[1]) - 1, at)
            known = counts[place] if place >= 0 else None
            return _written(known or _start(levels.get(place)), _value(levels.get(place), "numfmt") or "decimal")

        return f"{indent}{_PLACE.sub(count, pattern)} "


def _written(count: int, kind: str) -> str:
    if kind.lower().endswith("letter"):
        letter = chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)
        return letter.upper() if kind.startswith("upper") else letter
    if kind.lower().endswith("roman"):
        return _roman(count).upper() if kind.startswith("upper") else _roman(count)
    return str(count)


def _roman(count: int) -> str:
    written = ""
    for value, sign in _ROMAN:
        written += sign * min(count // value, 100)
        count %= value
    return written


def _start(level: ET.Element | None) -> int:
    start = _value(level, "start")
    return int(start) if start and start.isdecimal() else 1


def _value(level: ET.Element | None, name: str) -> str | None:
    found = child(level, name) if level is not None else None
    return attribute(found, "val") if found is not None else None


def _number(element: ET.Element, name: str) -> int:
    value = attribute(element, name) or ""
    return int(value) if value.isdecimal() and len(value) < 6 else 0
