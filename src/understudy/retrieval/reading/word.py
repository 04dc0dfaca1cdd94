"""Word documents as Markdown, with all of their text: headers, footers, notes, comments, fields, boxes, equations.

Text that a tracked change deletes is left out, what it inserts is in. Knows the elements by their local names, so the
Strict dialect is read as well. Source of the names: ECMA-376, part 1, section 17.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.etree import ElementTree as ET

from understudy.retrieval.reading import drawings
from understudy.retrieval.reading.markup import attribute, child, children, descendants, local, structured
from understudy.retrieval.reading.package import Package, Relation
from understudy.retrieval.reading.source import Source
from understudy.retrieval.reading.symbols import symbol
from understudy.retrieval.reading.word_lists import Lists

_NOUN: Final = "Word document"
_MAIN: Final = "word/document.xml"
_SKIPPED: Final = frozenset(
    {
        *("del", "movefrom", "instrtext", "deltext", "delinstrtext", "fldchar", "fallback", "proofErr", "rt"),
        *("ppr", "rpr", "tblpr", "tcpr", "trpr", "sdtpr", "rubypr", "customxmlpr", "smarttagpr", "sectpr", "tblgrid"),
    }
)
_SIGNS: Final = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "nobreakhyphen": "\u2011", "softhyphen": ""}
_DRAWN: Final = frozenset({"drawing", "pict", "object"})
_NOTES: Final = {"footnotereference": "footnote", "endnotereference": "endnote"}
_DEEPEST_HEADING: Final = 6


def docx(source: Source) -> Iterator[str]:
    package = Package(source, _NOUN)
    yield from _Document(package, source, package.main_part(_MAIN, "document")).text()


@dataclass(slots=True)
class _Block:
    """A paragraph's text while it is put together, and what stands below it."""

    words: list[str] = field(default_factory=list)
    below: list[str] = field(default_factory=list)


class _Document:
    def __init__(self, package: Package, source: Source, main: str) -> None:
        self._package = package
        self._source = source
        self._main = main
        self._relations = package.relations(main)
        styles = self._tree("styles")
        self._headings = _heading_levels(styles)
        self._lists = Lists(self._tree("numbering"), styles)
        self._notes = {noun: _by_id(self._tree(f"{noun}s"), noun) for noun in ("footnote", "endnote")}
        self._comments = _by_id(self._tree("comments"), "comment")
        self._used: list[ET.Element] = []
        self._cells_open = 0

    def text(self) -> Iterator[str]:
        root = self._package.tree(self._main)
        around = {kind: list(self._around(root, kind)) for kind in ("header", "footer")}
        body = child(root, "body")
        blocks = structured(lambda: self._blocks(body if body is not None else root), root, self._source)
        for part in (*around["header"], *blocks, *around["footer"]):
            yield part + "\n\n"
        yield from self._note_texts()

    # -- parts beside the body ---------------------------------------------------------------------------------

    def _tree(self, kind: str) -> ET.Element:
        found = [one.target for one in self._relations.values() if one.kind == kind]
        return self._package.tree(found[0]) if found else ET.Element("missing")

    def _around(self, root: ET.Element, kind: str) -> Iterator[str]:
        """The headers or footers of all sections, each text once."""
        written = set()
        for reference in descendants(root, f"{kind}reference"):
            relation = self._relations.get(attribute(reference, "id") or "")
            if relation is None:
                continue
            text = "\n".join(self._part(relation))
            if text and text not in written:
                written.add(text)
                yield text

    def _part(self, relation: Relation) -> list[str]:
        """The blocks of another part, with its own relations."""
        outer, self._relations = self._relations, self._package.relations(relation.target)
        try:
            return list(self._blocks(self._package.tree(relation.target)))
        finally:
            self._relations = outer

    def _note_texts(self) -> Iterator[str]:
        number = 0
        while number < len(self._used):  # a note may refer to another one
            number += 1
            text = " ".join(self._blocks(self._used[number - 1]))
            yield f"[^{number}]: {text}\n\n"

    # -- blocks ------------------------------------------------------------------------------------------------

    def _blocks(self, element: ET.Element) -> Iterator[str]:
        for one in element:
            name = local(one)
            if name == "p":
                yield from self._paragraph(one)
            elif name == "tbl":
                yield from self._table(one)
            elif name == "altchunk":
                yield from self._other_document(one)
            elif name == "omathpara":
                yield drawings.equation(one)
            elif name not in _SKIPPED:
                yield from self._blocks(one)

    def _paragraph(self, paragraph: ET.Element) -> Iterator[str]:
        block = _Block()
        self._inline(paragraph, block)
        text = "".join(block.words).strip()
        if text:
            yield self._marked(paragraph, text)
        yield from (below for below in block.below if below)

    def _marked(self, paragraph: ET.Element, text: str) -> str:
        style = child(paragraph, "ppr", "pstyle")
        level = self._headings.get((attribute(style, "val") or "") if style is not None else "", 0)
        outline = child(paragraph, "ppr", "outlinelvl")
        if outline is not None and not level:
            level = _level(attribute(outline, "val"))
        label = self._lists.label(paragraph)
        if level:
            return f"{'#' * min(level, _DEEPEST_HEADING)} {label}{text.replace(chr(10), ' ')}"
        return label + text

    def _table(self, table: ET.Element) -> Iterator[str]:
        """A row a line, with a rule below the first; a table within a cell is written into it."""
        rows = [[self._cell(cell) for cell in _cells(row)] for row in _rows(table)]
        if self._cells_open:
            yield "; ".join(", ".join(row) for row in rows)
            return
        width = max((len(row) for row in rows), default=0)
        lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in rows]
        if lines:
            lines.insert(1, f"|{' --- |' * width}")
            yield "\n".join(lines)

    def _cell(self, cell: ET.Element) -> str:
        self._cells_open += 1
        text = " ".join(block.replace("\n", " ") for block in self._blocks(cell))
        self._cells_open -= 1
        return text

    def _other_document(self, chunk: ET.Element) -> Iterator[str]:
        relation = self._relations.get(attribute(chunk, "id") or "")
        if relation is None:
            self._source.warn("A document that is embedded in the text is missing.")
        else:
            yield "".join(self._source.embedded(relation.target, self._package.read(relation.target)))

    # -- within a paragraph ------------------------------------------------------------------------------------

    def _inline(self, element: ET.Element, block: _Block) -> None:
        for one in element:
            name = local(one)
            if name == "t":
                block.words.append("".join(one.itertext()))
            elif name in _SIGNS:
                block.words.append(_SIGNS[name])
            elif (reader := _INLINE.get(name)) is not None:
                reader(self, one, block)
            elif name not in _SKIPPED:
                self._inline(one, block)

    def _symbol(self, element: ET.Element, block: _Block) -> None:
        block.words.append(symbol(attribute(element, "font") or "", attribute(element, "char") or ""))

    def _equation(self, element: ET.Element, block: _Block) -> None:
        block.words.append(drawings.equation(element))

    def _ruby(self, element: ET.Element, block: _Block) -> None:
        """The reading behind its base, in brackets."""
        for part in children(element, "rubybase"):
            self._inline(part, block)
        reading = _Block()
        for part in children(element, "rt"):
            self._inline(part, reading)
        if reading.words:
            block.words.append(f"({''.join(reading.words)})")

    def _drawing(self, element: ET.Element, block: _Block) -> None:
        block.words.append(drawings.description(element))
        block.below += drawings.linked_texts(self._package, self._relations, element)
        for box in _boxes(element):
            block.below += self._blocks(box)
        if any(True for _ in descendants(element, "oleobject")):
            self._source.warn("An embedded object was not read.")

    def _alternatives(self, element: ET.Element, block: _Block) -> None:
        """The first choice that has any text."""
        for choice in element:
            part = _Block()
            self._inline(choice, part)
            if "".join(part.words).strip() or part.below:
                block.words += part.words
                block.below += part.below
                return

    def _note(self, element: ET.Element, block: _Block) -> None:
        note = self._notes[_NOTES[local(element)]].get(attribute(element, "id") or "")
        if note is None:
            return
        if note not in self._used:
            self._used.append(note)
        block.words.append(f"[^{self._used.index(note) + 1}]")

    def _comment(self, element: ET.Element, block: _Block) -> None:
        comment = self._comments.get(attribute(element, "id") or "")
        if comment is not None:
            author = attribute(comment, "author") or ""
            text = " ".join(self._blocks(comment))
            block.below.append(f"Comment{f' by {author}' if author else ''}: {text}")

    def _dropdown(self, element: ET.Element, block: _Block) -> None:
        """The chosen entry of a form's list, which stands in no run."""
        chosen = child(element, "result")
        entries = [attribute(one, "val") or "" for one in children(element, "listentry")]
        index = (attribute(chosen, "val") or "0") if chosen is not None else "0"
        if index.isdecimal() and int(index) < len(entries):
            block.words.append(entries[int(index)])

    def _field_start(self, element: ET.Element, block: _Block) -> None:
        for entries in descendants(element, "ddlist"):
            self._dropdown(entries, block)


_INLINE: Final[dict[str, Callable[[_Document, ET.Element, _Block], None]]] = {
    "alternatecontent": _Document._alternatives,  # noqa: SLF001 - a table of its own methods
    "commentreference": _Document._comment,  # noqa: SLF001
    "endnotereference": _Document._note,  # noqa: SLF001
    "fldchar": _Document._field_start,  # noqa: SLF001
    "footnotereference": _Document._note,  # noqa: SLF001
    "omath": _Document._equation,  # noqa: SLF001
    "omathpara": _Document._equation,  # noqa: SLF001
    "ruby": _Document._ruby,  # noqa: SLF001
    "sym": _Document._symbol,  # noqa: SLF001
    **dict.fromkeys(_DRAWN, _Document._drawing),  # noqa: SLF001
}


def _heading_levels(styles: ET.Element) -> dict[str, int]:
    """By style id; the names of built-in styles are English in every edition."""
    levels = {f"Heading{level}": level for level in range(1, 10)} | {"Title": 1}
    for style in children(styles, "style"):
        name = child(style, "name")
        outline = child(style, "ppr", "outlinelvl")
        words = ((attribute(name, "val") or "") if name is not None else "").lower().split()
        level = _level(attribute(outline, "val")) if outline is not None else 0
        if words[:1] == ["heading"] and words[-1].isdecimal():
            level = int(words[-1])
        if words == ["title"]:
            level = 1
        if level:
            levels[attribute(style, "styleid") or ""] = level
    levels.pop("", None)
    return levels


def _level(value: str | None) -> int:
    return int(value) + 1 if value and value.isdecimal() and int(value) < 9 else 0


def _by_id(root: ET.Element, noun: str) -> dict[str, ET.Element]:
    return {attribute(one, "id") or "": one for one in children(root, noun)}


def _rows(table: ET.Element) -> Iterator[ET.Element]:
    for one in table:
        if local(one) == "tr":
            yield one
        elif local(one) in {"sdt", "sdtcontent", "customxml", "ins"}:
            yield from _rows(one)


def _cells(row: ET.Element) -> Iterator[ET.Element]:
    for one in row:
        if local(one) == "tc":
            yield one
        elif local(one) in {"sdt", "sdtcontent", "customxml", "ins"}:
            yield from _cells(one)


def _boxes(element: ET.Element) -> Iterator[ET.Element]:
    """The outermost boxes of text; of alternatives, those of the first that has any."""
    for one in element:
        if local(one) == "txbxcontent":
            yield one
        elif local(one) == "alternatecontent":
            choices = (list(_boxes(choice)) for choice in one)
            yield from next((boxes for boxes in choices if boxes), [])
        else:
            yield from _boxes(one)
