"""Converts Word documents to Markdown with all text: headers, footers, notes, comments, fields, boxes, equations.

Tracked deletions are omitted, tracked insertions included. Elements are matched by local names, so the Strict dialect
works as well. Source of the names: ECMA-376, part 1, section 17.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final
from xml.etree import ElementTree as ET

from understudy.retrieval.reading import drawings
from understudy.retrieval.reading.markup import (
    find_child,
    find_children,
    iter_descendants,
    local_attribute,
    local_name,
    render_structured,
)
from understudy.retrieval.reading.package import Package, Relation
from understudy.retrieval.reading.source import Source
from understudy.retrieval.reading.symbols import symbol
from understudy.retrieval.reading.word_lists import ListNumbering

_FORMAT_NAME: Final = "Word document"
_DOCUMENT_PART: Final = "word/document.xml"
_SKIPPED_ELEMENTS: Final = frozenset(
    {
        *("del", "movefrom", "instrtext", "deltext", "delinstrtext", "fldchar", "fallback", "proofErr", "rt"),
        *("ppr", "rpr", "tblpr", "tcpr", "trpr", "sdtpr", "rubypr", "customxmlpr", "smarttagpr", "sectpr", "tblgrid"),
    }
)
_SIGN_CHARACTERS: Final = {
    "tab": "\t",
    "ptab": "\t",
    "br": "\n",
    "cr": "\n",
    "nobreakhyphen": "\u2011",
    "softhyphen": "",
}
_DRAWING_ELEMENTS: Final = frozenset({"drawing", "pict", "object"})
_NOTE_REFERENCES: Final = {"footnotereference": "footnote", "endnotereference": "endnote"}
_MAX_HEADING_LEVEL: Final = 6
_PAGE_BREAK: Final = "lastrenderedpagebreak"


def read_docx(source: Source) -> Iterator[str]:
    package = Package(source, _FORMAT_NAME)
    yield from _Document(package, source, package.main_part(_DOCUMENT_PART, "document")).text()


@dataclass(slots=True)
class _ParagraphText:
    """The text of a paragraph under construction, and the blocks that follow it."""

    words: list[str] = field(default_factory=list)
    below: list[str] = field(default_factory=list)


class _Document:
    def __init__(self, package: Package, source: Source, main: str) -> None:
        self._package = package
        self._source = source
        self._main = main
        self._relations = package.relations(main)
        styles = self._related_tree("styles")
        self._headings = _heading_levels(styles)
        self._lists = ListNumbering(self._related_tree("numbering"), styles)
        self._notes = {noun: _elements_by_id(self._related_tree(f"{noun}s"), noun) for noun in ("footnote", "endnote")}
        self._comments = _elements_by_id(self._related_tree("comments"), "comment")
        self._used: list[ET.Element] = []
        self._cells_open = 0
        self._page = 0
        self._block_page = 0

    def text(self) -> Iterator[str]:
        root = self._package.tree(self._main)
        around = {kind: list(self._render_related(root, kind)) for kind in ("header", "footer")}
        body = find_child(root, "body")
        pages: list[int] = []
        blocks = render_structured(
            lambda: self._render_numbered(body if body is not None else root, pages), root, self._source
        )
        yield from (part + "\n\n" for part in around["header"])
        for block, page in zip_longest(blocks, pages[: len(blocks)], fillvalue=0):
            self._source.page = page
            yield f"{block}\n\n"
        self._source.page = 0
        yield from (part + "\n\n" for part in around["footer"])
        yield from self._render_note_texts()

    # -- parts beside the body ---------------------------------------------------------------------------------

    def _related_tree(self, kind: str) -> ET.Element:
        parts = [one.target for one in self._relations.values() if one.kind == kind]
        return self._package.tree(parts[0]) if parts else ET.Element("missing")

    def _render_related(self, root: ET.Element, kind: str) -> Iterator[str]:
        """The headers or footers of all sections, each text once."""
        written = set()
        for reference in iter_descendants(root, f"{kind}reference"):
            relation = self._relations.get(local_attribute(reference, "id") or "")
            if relation is None:
                continue
            text = "\n".join(self._render_part(relation))
            if text and text not in written:
                written.add(text)
                yield text

    def _render_part(self, relation: Relation) -> list[str]:
        """The blocks of another part, resolved with the relations of that part."""
        outer, self._relations = self._relations, self._package.relations(relation.target)
        try:
            return list(self._render_blocks(self._package.tree(relation.target)))
        finally:
            self._relations = outer

    def _render_note_texts(self) -> Iterator[str]:
        number = 0
        while number < len(self._used):  # a note may refer to another one
            number += 1
            text = " ".join(self._render_blocks(self._used[number - 1]))
            yield f"[^{number}]: {text}\n\n"

    # -- blocks ------------------------------------------------------------------------------------------------

    def _render_numbered(self, body: ET.Element, pages: list[int]) -> Iterator[str]:
        """The blocks, with the page that each starts on in `pages`: where Word broke the pages when it saved them."""
        self._page = 1 if next(iter_descendants(body, _PAGE_BREAK), None) is not None else 0
        self._block_page = 0
        for block in self._render_blocks(body):
            pages.append(self._block_page or self._page)
            yield block
            self._block_page = 0

    def _render_blocks(self, element: ET.Element) -> Iterator[str]:
        for one in element:
            name = local_name(one)
            if name == "p":
                yield from self._render_paragraph(one)
            elif name == "tbl":
                yield from self._render_table(one)
            elif name == "altchunk":
                yield from self._render_alt_chunk(one)
            elif name == "omathpara":
                yield drawings.render_equation(one)
            elif name not in _SKIPPED_ELEMENTS:
                yield from self._render_blocks(one)

    def _render_paragraph(self, paragraph: ET.Element) -> Iterator[str]:
        block = _ParagraphText()
        self._render_inline(paragraph, block)
        text = "".join(block.words).strip()
        if text:
            yield self._apply_style(paragraph, text)
        yield from (below for below in block.below if below)

    def _apply_style(self, paragraph: ET.Element, text: str) -> str:
        style = find_child(paragraph, "ppr", "pstyle")
        level = self._headings.get((local_attribute(style, "val") or "") if style is not None else "", 0)
        outline = find_child(paragraph, "ppr", "outlinelvl")
        if outline is not None and not level:
            level = _parse_level(local_attribute(outline, "val"))
        label = self._lists.label(paragraph)
        if level:
            return f"{'#' * min(level, _MAX_HEADING_LEVEL)} {label}{text.replace(chr(10), ' ')}"
        return label + text

    def _render_table(self, table: ET.Element) -> Iterator[str]:
        """A line a row, with a rule below the first; a nested table is written into its cell."""
        rows = [[self._render_cell(cell) for cell in _row_cells(row)] for row in _table_rows(table)]
        if self._cells_open:
            yield "; ".join(", ".join(row) for row in rows)
            return
        width = max((len(row) for row in rows), default=0)
        lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in rows]
        if lines:
            lines.insert(1, f"|{' --- |' * width}")
            yield "\n".join(lines)

    def _render_cell(self, cell: ET.Element) -> str:
        self._cells_open += 1
        text = " ".join(block.replace("\n", " ") for block in self._render_blocks(cell))
        self._cells_open -= 1
        return text

    def _render_alt_chunk(self, chunk: ET.Element) -> Iterator[str]:
        relation = self._relations.get(local_attribute(chunk, "id") or "")
        if relation is None:
            self._source.warn("A document that is embedded in the text is missing.")
        else:
            yield "".join(self._source.embedded(relation.target, self._package.read(relation.target)))

    # -- within a paragraph ------------------------------------------------------------------------------------

    def _render_inline(self, element: ET.Element, block: _ParagraphText) -> None:
        for one in element:
            name = local_name(one)
            if name == "t":
                self._block_page = self._block_page or self._page
                block.words.append("".join(one.itertext()))
            elif name == _PAGE_BREAK:
                self._page += 1
            elif name in _SIGN_CHARACTERS:
                block.words.append(_SIGN_CHARACTERS[name])
            elif (reader := _INLINE.get(name)) is not None:
                reader(self, one, block)
            elif name not in _SKIPPED_ELEMENTS:
                self._render_inline(one, block)

    def _add_symbol(self, element: ET.Element, block: _ParagraphText) -> None:
        block.words.append(symbol(local_attribute(element, "font") or "", local_attribute(element, "char") or ""))

    def _add_equation(self, element: ET.Element, block: _ParagraphText) -> None:
        block.words.append(drawings.render_equation(element))

    def _add_ruby(self, element: ET.Element, block: _ParagraphText) -> None:
        """The base text with its phonetic guide in brackets."""
        for part in find_children(element, "rubybase"):
            self._render_inline(part, block)
        reading = _ParagraphText()
        for part in find_children(element, "rt"):
            self._render_inline(part, reading)
        if reading.words:
            block.words.append(f"({''.join(reading.words)})")

    def _add_drawing(self, element: ET.Element, block: _ParagraphText) -> None:
        block.words.append(drawings.alt_text(element))
        block.below += drawings.linked_texts(self._package, self._relations, element)
        for box in _text_boxes(element):
            block.below += self._render_blocks(box)
        if any(True for _ in iter_descendants(element, "oleobject")):
            self._source.warn("An embedded object was not read.")

    def _add_alternatives(self, element: ET.Element, block: _ParagraphText) -> None:
        """The first alternative with text."""
        for choice in element:
            part = _ParagraphText()
            self._render_inline(choice, part)
            if "".join(part.words).strip() or part.below:
                block.words += part.words
                block.below += part.below
                return

    def _add_note(self, element: ET.Element, block: _ParagraphText) -> None:
        note = self._notes[_NOTE_REFERENCES[local_name(element)]].get(local_attribute(element, "id") or "")
        if note is None:
            return
        if note not in self._used:
            self._used.append(note)
        block.words.append(f"[^{self._used.index(note) + 1}]")

    def _add_comment(self, element: ET.Element, block: _ParagraphText) -> None:
        comment = self._comments.get(local_attribute(element, "id") or "")
        if comment is not None:
            author = local_attribute(comment, "author") or ""
            text = " ".join(self._render_blocks(comment))
            block.below.append(f"Comment{f' by {author}' if author else ''}: {text}")

    def _add_dropdown(self, element: ET.Element, block: _ParagraphText) -> None:
        """The selected entry of a form's list, which is not in a run."""
        chosen = find_child(element, "result")
        entries = [local_attribute(one, "val") or "" for one in find_children(element, "listentry")]
        index = (local_attribute(chosen, "val") or "0") if chosen is not None else "0"
        if index.isdecimal() and int(index) < len(entries):
            block.words.append(entries[int(index)])

    def _add_field_start(self, element: ET.Element, block: _ParagraphText) -> None:
        for entries in iter_descendants(element, "ddlist"):
            self._add_dropdown(entries, block)


_INLINE: Final[dict[str, Callable[[_Document, ET.Element, _ParagraphText], None]]] = {
    "alternatecontent": _Document._add_alternatives,  # noqa: SLF001 - a table of its own methods
    "commentreference": _Document._add_comment,  # noqa: SLF001
    "endnotereference": _Document._add_note,  # noqa: SLF001
    "fldchar": _Document._add_field_start,  # noqa: SLF001
    "footnotereference": _Document._add_note,  # noqa: SLF001
    "omath": _Document._add_equation,  # noqa: SLF001
    "omathpara": _Document._add_equation,  # noqa: SLF001
    "ruby": _Document._add_ruby,  # noqa: SLF001
    "sym": _Document._add_symbol,  # noqa: SLF001
    **dict.fromkeys(_DRAWING_ELEMENTS, _Document._add_drawing),  # noqa: SLF001
}


def _heading_levels(styles: ET.Element) -> dict[str, int]:
    """Heading levels by style id; built-in styles have English names in every edition."""
    levels = {f"Heading{level}": level for level in range(1, 10)} | {"Title": 1}
    for style in find_children(styles, "style"):
        if level := _style_level(style):
            levels[local_attribute(style, "styleid") or ""] = level
    levels.pop("", None)
    return levels


def _style_level(style: ET.Element) -> int:
    name = find_child(style, "name")
    words = ((local_attribute(name, "val") or "") if name is not None else "").lower().split()
    if words == ["title"]:
        return 1
    if words[:1] == ["heading"] and words[-1].isdecimal():
        return int(words[-1])
    outline = find_child(style, "ppr", "outlinelvl")
    return _parse_level(local_attribute(outline, "val")) if outline is not None else 0


def _parse_level(value: str | None) -> int:
    return int(value) + 1 if value and value.isdecimal() and int(value) < 9 else 0


def _elements_by_id(root: ET.Element, noun: str) -> dict[str, ET.Element]:
    return {local_attribute(one, "id") or "": one for one in find_children(root, noun)}


def _table_rows(table: ET.Element) -> Iterator[ET.Element]:
    for one in table:
        if local_name(one) == "tr":
            yield one
        elif local_name(one) in {"sdt", "sdtcontent", "customxml", "ins"}:
            yield from _table_rows(one)


def _row_cells(row: ET.Element) -> Iterator[ET.Element]:
    for one in row:
        if local_name(one) == "tc":
            yield one
        elif local_name(one) in {"sdt", "sdtcontent", "customxml", "ins"}:
            yield from _row_cells(one)


def _text_boxes(element: ET.Element) -> Iterator[ET.Element]:
    """The outermost text boxes; of alternatives, those of the first with text."""
    for one in element:
        if local_name(one) == "txbxcontent":
            yield one
        elif local_name(one) == "alternatecontent":
            choices = (list(_text_boxes(choice)) for choice in one)
            yield from next((boxes for boxes in choices if boxes), [])
        else:
            yield from _text_boxes(one)
