"""Formats numbers of a workbook as a spreadsheet shows them: dates, percentages, no noise of binary fractions."""

import re
from datetime import datetime, timedelta
from typing import Final
from xml.etree import ElementTree as ET

from understudy.retrieval.reading.markup import find_child, find_children, local_attribute

_DATE_FORMATS: Final = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
"""Numbers of built-in formats, source: ECMA-376, part 1, 18.8.30."""

_PERCENTAGE_FORMATS: Final = frozenset({9, 10})
_QUOTED: Final = re.compile(r'"[^"]*"|\\.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_DATE_LETTERS: Final = re.compile("[ymdhs]", re.IGNORECASE)
_EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - cells have no zone
_EPOCH_1904: Final = datetime(1904, 1, 1)  # noqa: DTZ001
_MAX_DATE_SERIAL: Final = 2_958_466
"""The first day after the year 9999."""


class CellFormats:
    def __init__(self, styles: ET.Element, *, since_1904: bool) -> None:
        self._epoch = _EPOCH_1904 if since_1904 else _EPOCH
        codes = {
            local_attribute(one, "numfmtid"): local_attribute(one, "formatcode") or ""
            for one in find_children(find_child(styles, "numfmts") or ET.Element("none"), "numfmt")
        }
        self._kinds = [
            _classify_format(local_attribute(one, "numfmtid") or "", codes)
            for one in find_children(find_child(styles, "cellxfs") or ET.Element("none"), "xf")
        ]

    def text(self, raw: str, style: str) -> str:
        """The cell's number in the style of that index; `raw` itself if it is not a number."""
        try:
            number = float(raw)
        except ValueError:
            return raw
        kind = self._kinds[int(style)] if style.isdecimal() and int(style) < len(self._kinds) else "number"
        if kind == "date" and 0 <= number < _MAX_DATE_SERIAL:
            return self._format_date(number)
        if kind == "percentage":
            return f"{_format_digits(number * 100)}%"
        return raw if raw.lstrip("-").isdecimal() else _format_digits(number)

    def _format_date(self, number: float) -> str:
        when = self._epoch + timedelta(seconds=round(number * 86_400))
        if number < 1:
            return when.strftime("%H:%M:%S")
        return when.isoformat(" ") if when.time() != datetime.min.time() else when.date().isoformat()


def _format_digits(number: float) -> str:
    text = f"{number:.15g}"
    return text if "e" not in text or abs(number) > 1e21 else f"{number:.20f}".rstrip("0").rstrip(".")


def _classify_format(number: str, codes: dict[str | None, str]) -> str:
    code = _QUOTED.sub("", codes.get(number, ""))
    identifier = int(number) if number.isdecimal() else 0
    if (not code and identifier in _DATE_FORMATS) or _DATE_LETTERS.search(code.replace("General", "")):
        return "date"
    return "percentage" if "%" in code or (not code and identifier in _PERCENTAGE_FORMATS) else "number"
