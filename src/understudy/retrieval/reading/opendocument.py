"""OpenDocument texts, presentations and spreadsheets. Source of the names: OpenDocument 1.3, part 3."""

import re
from collections.abc import Callable, Iterator
from typing import Final
from xml.etree import ElementTree as ET

from understudy.retrieval.reading.markup import attribute, child, descendants, local, structured
from understudy.retrieval.reading.package import Package
from understudy.retrieval.reading.source import Source
from understudy.retrieval.reading.unreadable import Unreadable

_NOUN: Final = "OpenDocument file"
_CONTENT: Final = "content.xml"
_SKIPPED: Final = frozenset(
    {
        *(
            "tracked-changes",
            "sequence-decls",
            "variable-decls",
            "forms",
            "automatic-styles",
            "scripts",
            "font-face-decls",
        ),
        *("note-citation", "creator", "date", "event-listeners", "named-expressions", "label-ranges", "binary-data"),
        *("page-number", "page-count"),
    }
)
_MOST_REPEATS: Final = 64
"""Times that a repeated cell or row is written; a sheet's empty rest is one cell repeated 16,384 times."""

_SPACES: Final = re.compile(r"[ \t\r\n]+")


def opendocument(source: Source) -> Iterator[str]:
    package = Package(source, _NOUN)
    package.require(_CONTENT)
    manifest = package.find("META-INF/manifest.xml")
    if manifest is not None and b"encryption-data" in package.read(manifest):
        raise Unreadable("invalid_file", "The document is protected by a password. Remove it and try again.")
    reader = _Document(package, source)
    around = {kind: list(reader.around(kind)) for kind in ("header", "footer")}
    for block in (*around["header"], *reader.body(), *around["footer"]):
        yield block + "\n\n"


class _Document:
    def __init__(self, package: Package, source: Source) -> None:
        self._package = package
        self._source = source
        self._slides = 0
        self._below: list[str] = []
        self._comments: list[str] = []

    def body(self) -> Iterator[str]:
        root = self._package.tree(_CONTENT)
        body = child(root, "body")
        yield from structured(lambda: self._blocks(body if body is not None else root), root, self._source)

    def around(self, kind: str) -> Iterator[str]:
        """The headers or footers of all pages, each text once."""
        if self._package.find("styles.xml") is None:
            return
        root = self._package.tree("styles.xml")
        texts = ("\n".join(self._blocks(one)) for one in descendants(root, kind, f"{kind}-left", f"{kind}-first"))
        yield from dict.fromkeys(text for text in texts if text.strip("\n <>?-0123456789/"))

    def _blocks(self, element: ET.Element) -> Iterator[str]:
        for one in element:
            name = local(one)
            if (reader := _READERS.get(name)) is not None:
                yield from reader(self, one)
            elif name not in _SKIPPED:
                yield from self._blocks(one)

    def _table(self, table: ET.Element) -> Iterator[str]:
        text = "\n".join((*self._rows(table), *self._comments))
        self._comments.clear()
        yield text

    def _page(self, page: ET.Element) -> Iterator[str]:
        self._slides += 1
        if text := "\n\n".join(self._blocks(page)):
            yield f"## Slide {self._slides}\n\n{text}"

    def _speaker_notes(self, notes: ET.Element) -> Iterator[str]:
        if text := "\n".join(self._blocks(notes)):
            yield f"Notes: {text}"

    def _annotation(self, element: ET.Element) -> Iterator[str]:
        yield self._comment(element)

    def _paragraph(self, element: ET.Element) -> Iterator[str]:
        outer, self._below = self._below, []
        text = self._inline(element).strip()
        if text:
            yield f"{'#' * _level(element)} {text}" if local(element) == "h" else text
        yield from (block for block in self._below if block)
        self._below = outer

    def _list(self, element: ET.Element, depth: int = 0) -> Iterator[str]:
        for item in element:
            for one in item:
                if local(one) == "list":
                    yield from self._list(one, depth + 1)
                elif local(one) in {"p", "h"}:
                    yield from (f"{'  ' * depth}- {text}" for text in self._paragraph(one))

    def _sheets(self, element: ET.Element) -> Iterator[str]:
        for one in element:
            if local(one) != "table":
                yield from () if local(one) in _SKIPPED else self._blocks(one)
            elif text := "".join(self._table(one)):
                yield f"# {attribute(one, 'name') or ''}\n\n{text}"

    def _rows(self, element: ET.Element) -> Iterator[str]:
        for one in element:
            name = local(one)
            if name == "table-row":
                line = " | ".join(self._cells(one)).rstrip(" |")
                if line:
                    yield from [line] * _repeats(one, "number-rows-repeated")
            elif name == "shapes":
                yield from self._blocks(one)
            elif name.startswith("table-") and name not in {"table-column", "table-columns", "table-source"}:
                yield from self._rows(one)

    def _cells(self, row: ET.Element) -> Iterator[str]:
        for cell in row:
            if local(cell) in {"table-cell", "covered-table-cell"}:
                text = " ".join(self._blocks(_without(cell, {"annotation"}))).replace("\n", " ") or _value(cell)
                self._comments += (self._comment(one) for one in cell if local(one) == "annotation")
                yield from [text] * _repeats(cell, "number-columns-repeated")

    def _inline(self, element: ET.Element) -> str:
        """The text of a paragraph, whose runs of spaces mean one."""
        parts = [_SPACES.sub(" ", element.text or "")]
        for one in element:
            parts += (self._part(one), _SPACES.sub(" ", one.tail or ""))
        return "".join(parts)

    def _part(self, element: ET.Element) -> str:
        name = local(element)
        if name == "s":
            count = attribute(element, "c") or "1"
            return " " * min(int(count) if count.isdecimal() else 1, 1000)
        if name in {"tab", "line-break"}:
            return "\t" if name == "tab" else "\n"
        if name == "annotation":
            self._below.append(self._comment(element))
        elif name in {"frame", "custom-shape", "rect", "line"}:
            self._below += self._frame(element)
        elif name == "note":
            body = child(element, "note-body")
            return f" [{' '.join(self._blocks(body))}]" if body is not None else ""
        elif name == "ruby-text":
            return f"({self._inline(element)})"
        elif name not in _SKIPPED:
            return self._inline(element)
        return ""

    def _comment(self, element: ET.Element) -> str:
        author = next((one.text or "" for one in descendants(element, "creator")), "")
        return f"Comment{f' by {author}' if author else ''}: {' '.join(self._blocks(element))}"

    def _frame(self, frame: ET.Element) -> Iterator[str]:
        """Boxes of text, the words that describe a picture, and embedded equations and charts."""
        for one in frame:
            name = local(one)
            if name in {"title", "desc"} and (one.text or "").strip():
                yield f"[Image: {(one.text or '').strip()}]"
            elif name == "object":
                yield from self._object(one)
            elif name == "object-ole":
                self._source.warn("An embedded object was not read.")
        if local(frame) == "object":
            yield from self._object(frame)
        else:
            yield from self._blocks(_without(frame, {"object", "title", "desc"}))

    def _object(self, element: ET.Element) -> Iterator[str]:
        part = self._package.resolve("", f"{attribute(element, 'href') or ''}/content.xml")
        if part is None:
            yield from self._blocks(element)
            return
        root = self._package.tree(part)
        if local(root) == "math":
            annotation = next(descendants(root, "annotation"), None)
            yield (annotation.text or "") if annotation is not None else "".join(root.itertext()).strip()
        else:
            yield from self._blocks(root)


_READERS: Final[dict[str, Callable[[_Document, ET.Element], Iterator[str]]]] = {
    "annotation": _Document._annotation,  # noqa: SLF001 - a table of its own methods
    "frame": _Document._frame,  # noqa: SLF001
    "h": _Document._paragraph,  # noqa: SLF001
    "list": _Document._list,  # noqa: SLF001
    "notes": _Document._speaker_notes,  # noqa: SLF001
    "object": _Document._frame,  # noqa: SLF001
    "p": _Document._paragraph,  # noqa: SLF001
    "page": _Document._page,  # noqa: SLF001
    "spreadsheet": _Document._sheets,  # noqa: SLF001
    "table": _Document._table,  # noqa: SLF001
}


def _without(element: ET.Element, names: set[str]) -> ET.Element:
    kept = ET.Element("kept")
    kept.extend(one for one in element if local(one) not in names)
    return kept


def _level(heading: ET.Element) -> int:
    level = attribute(heading, "outline-level") or ""
    return min(max(int(level), 1), 6) if level.isdecimal() else 1


def _value(cell: ET.Element) -> str:
    for name in ("string-value", "date-value", "time-value", "boolean-value", "value", "formula"):
        if value := attribute(cell, name):
            return value.removeprefix("of:")
    return ""


def _repeats(element: ET.Element, name: str) -> int:
    count = attribute(element, name) or ""
    return min(int(count), _MOST_REPEATS) if count.isdecimal() else 1
