"""Reads Excel workbooks: each sheet under its name, one line a row; wide rows are not cut.

Rows are read as a stream, and each cell by itself: an unusual style, size or neighbour loses no text. A formula is
written if the workbook has no value for it. Source of the names: ECMA-376, part 1, section 18.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Final
from xml.etree import ElementTree as ET

from understudy.retrieval.reading import drawings
from understudy.retrieval.reading.cell_formats import CellFormats
from understudy.retrieval.reading.markup import find_child, find_children, iter_descendants, local_attribute, local_name
from understudy.retrieval.reading.package import Package, Relation
from understudy.retrieval.reading.source import Source

_FORMAT_NAME: Final = "Excel workbook"
_WORKBOOK_PART: Final = "xl/workbook.xml"
_CELL_REFERENCE: Final = re.compile(r"([A-Za-z]{1,3})\d*")
_SHEET_PART: Final = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
_MAX_GAP: Final = 64
"""Empty cells that are written in a row; without a limit, a stray cell would cost a line of thousands of bars."""


def read_xlsx(source: Source) -> Iterator[str]:
    package = Package(source, _FORMAT_NAME)
    main = package.main_part(_WORKBOOK_PART, "workbook")
    book = _Workbook(package, main)
    for name, part in book.sheets():
        if part is None:
            source.warn(f"The sheet {name!r} is missing in the file.")
        else:
            yield from _with_heading(f"# {name}\n\n", chain(book.rows(part), book.render_related(part)))


def _with_heading(heading: str, lines: Iterator[str]) -> Iterator[str]:
    """Sheets with their headings; a sheet without text is omitted with its heading."""
    for line in lines:
        if line:
            yield heading + line
            heading = ""
    yield "" if heading else "\n"


@dataclass(slots=True)
class _RowBuilder:
    cells: list[str] = field(default_factory=list)

    def set_cell(self, column: int, text: str) -> None:
        gap = column - len(self.cells)
        self.cells += [""] * min(max(gap, 0), _MAX_GAP)
        self.cells.append(text)

    def line(self) -> str:
        while self.cells and not self.cells[-1]:
            self.cells.pop()
        return " | ".join(self.cells) + "\n" if self.cells else ""


class _Workbook:
    def __init__(self, package: Package, main: str) -> None:
        self._package = package
        self._root = package.tree(main)
        self._relations = package.relations(main)
        properties = find_child(self._root, "workbookpr")
        since_1904 = properties is not None and local_attribute(properties, "date1904") in {"1", "true"}
        self._formats = CellFormats(self._related_tree("styles"), since_1904=since_1904)
        self._strings = list(self._shared_strings())
        self._formulas: dict[str, str] = {}

    def sheets(self) -> list[tuple[str, str | None]]:
        """Names and parts in the workbook's order; sheet parts that a damaged list leaves out follow."""
        sheets: list[tuple[str, str | None]] = []
        for sheet in iter_descendants(self._root, "sheet"):
            relation = self._relations.get(_relation_id(sheet))
            sheets.append((local_attribute(sheet, "name") or "", relation.target if relation is not None else None))
        parts = [part for _, part in sheets]
        if parts and None not in parts:
            return sheets
        unlisted = [name for name in self._package.names if _SHEET_PART.fullmatch(name) and name not in parts]
        if parts.count(None) == len(unlisted) == 1:
            return [(name, part or unlisted[0]) for name, part in sheets]
        found = [(name, part) for name, part in sheets if part is not None or len(unlisted) < parts.count(None)]
        return [*found, *((name.rpartition("/")[2].removesuffix(".xml"), name) for name in unlisted)]

    def rows(self, part: str) -> Iterator[str]:
        self._formulas.clear()
        for row in self._package.stream(part, "row"):
            yield self._render_row(row)

    def render_related(self, part: str) -> Iterator[str]:
        """A sheet's text outside of cells: comments, text boxes, charts."""
        for relation in self._package.relations(part).values():
            if relation.kind in {"comments", "threadedcomment"}:
                yield from _render_comments(self._package.tree(relation.target))
            elif relation.kind == "drawing":
                yield from self._render_drawing(relation)

    def _render_drawing(self, relation: Relation) -> Iterator[str]:
        root, relations = self._package.tree(relation.target), self._package.relations(relation.target)
        for paragraph in iter_descendants(root, "p"):
            if text := "".join(one.text or "" for one in iter_descendants(paragraph, "t")):
                yield text + "\n"
        for text in drawings.linked_texts(self._package, relations, root):
            yield text + "\n"

    def _render_row(self, element: ET.Element) -> str:
        row = _RowBuilder()
        for cell in find_children(element, "c"):
            place = _CELL_REFERENCE.match(local_attribute(cell, "r") or "")
            column = _column_number(place[1]) if place is not None else len(row.cells)
            row.set_cell(column, self._cell_text(cell).replace("\r", "").replace("\n", " "))
        return row.line()

    def _cell_text(self, cell: ET.Element) -> str:
        kind, value = local_attribute(cell, "t") or "n", find_child(cell, "v")
        raw = (value.text or "") if value is not None else ""
        if kind.lower() == "inlinestr":
            return _rich_text(find_child(cell, "is"))
        if not raw:
            return self._formula_text(cell) or _rich_text(find_child(cell, "is"))
        self._formula_text(cell)
        return self._value_text(kind, raw, local_attribute(cell, "s") or "")

    def _value_text(self, kind: str, raw: str, style: str) -> str:
        if kind == "s":
            return self._strings[int(raw)] if raw.isdecimal() and int(raw) < len(self._strings) else raw
        if kind == "b":
            return {"1": "TRUE", "0": "FALSE"}.get(raw, raw)
        return self._formats.text(raw, style) if kind == "n" else raw

    def _formula_text(self, cell: ET.Element) -> str:
        """The formula with a leading `=`; cells that share one get that of the first cell."""
        formula = find_child(cell, "f")
        if formula is None:
            return ""
        shared = local_attribute(formula, "si") or ""
        if formula.text:
            self._formulas[shared] = formula.text
        text = formula.text or (self._formulas.get(shared, "") if shared else "")
        return f"={text}" if text else ""

    def _related_tree(self, kind: str) -> ET.Element:
        parts = [one.target for one in self._relations.values() if one.kind == kind]
        return self._package.tree(parts[0]) if parts else ET.Element("missing")

    def _shared_strings(self) -> Iterator[str]:
        for relation in self._relations.values():
            if relation.kind == "sharedstrings":
                yield from map(_rich_text, self._package.stream(relation.target, "si"))


def _rich_text(element: ET.Element | None) -> str:
    """The text of runs, without the phonetic guides of East Asian text."""
    if element is None:
        return ""
    parts = []
    for one in element:
        name = local_name(one)
        if name == "t":
            parts.append(one.text or "")
        elif name == "r":
            parts.append(_rich_text(one))
    return "".join(parts)


def _render_comments(root: ET.Element) -> Iterator[str]:
    for one in iter_descendants(root, "comment", "threadedcomment"):
        text = "".join(part.text or "" for part in iter_descendants(one, "t", "text") if part.text).strip()
        if text:
            yield f"Comment on {local_attribute(one, 'ref') or 'a cell'}: {text}\n"


def _column_number(letters: str) -> int:
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1


def _relation_id(sheet: ET.Element) -> str:
    return next((value for key, value in sheet.attrib.items() if key.endswith(("}id", ":id"))), "")
