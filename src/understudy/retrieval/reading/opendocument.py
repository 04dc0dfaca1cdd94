"""Reads OpenDocument texts, presentations and spreadsheets. Source of the names: OpenDocument 1.3, part 3."""

import re
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Final
from xml.etree import ElementTree as ET

from understudy.retrieval.reading.markup import (
    find_child,
    iter_descendants,
    local_attribute,
    local_name,
    parse_xml,
    render_structured,
)
from understudy.retrieval.reading.opendocument_pages import SOFT_BREAK, PageBreaks, starts_with_break
from understudy.retrieval.reading.package import Package
from understudy.retrieval.reading.plain import check_is_text
from understudy.retrieval.reading.source import Source
from understudy.retrieval.reading.unreadable import UnreadableError

_FORMAT_NAME: Final = "OpenDocument file"
_CONTENT_PART: Final = "content.xml"
_SKIPPED_ELEMENTS: Final = frozenset(
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
_MAX_REPEATS: Final = 64
"""Repetitions of a cell or row that are written; the empty rest of a sheet is one cell repeated 16,384 times."""

_WHITE_SPACE: Final = re.compile(r"[ \t\r\n]+")


def read_opendocument(source: Source) -> Iterator[str]:
    package = Package(source, _FORMAT_NAME)
    package.require(_CONTENT_PART)
    manifest = package.find("META-INF/manifest.xml")
    if manifest is not None and b"encryption-data" in package.read(manifest):
        raise UnreadableError("invalid_file", "The document is protected by a password. Remove it and try again.")
    yield from _read_parts(package, source)


def read_flat(source: Source) -> Iterator[str]:
    """An OpenDocument file that is one XML document in place of an archive."""
    check_is_text(source)
    yield from _read_parts(_FlatDocument(source), source)


def _read_parts(package: "Package | _FlatDocument", source: Source) -> Iterator[str]:
    reader = _Document(package, source)
    around = {kind: list(reader.render_master_page(kind)) for kind in ("header", "footer")}
    yield from (block + "\n\n" for block in around["header"])
    for block, page in reader.body():
        source.page = page
        yield block + "\n\n"
    source.page = 0
    yield from (block + "\n\n" for block in around["footer"])


class _FlatDocument:
    """One XML document as a package: the root has what the parts `content.xml` and `styles.xml` have."""

    def __init__(self, source: Source) -> None:
        """Raises Unreadable for an XML document of another kind."""
        self._root, whole = parse_xml(b"".join(source.chunks()))
        if find_child(self._root, "body") is None:
            raise UnreadableError("invalid_file", f"The file is not an {_FORMAT_NAME}, despite its name.")
        if not whole:
            source.warn("The document is damaged; it was read as far as it makes sense.")

    def find(self, name: str) -> str | None:
        return name if name in {_CONTENT_PART, "styles.xml"} else None

    def tree(self, _name: str) -> ET.Element:
        return self._root

    def resolve(self, _name: str, _reference: str) -> str | None:
        return None


class _Document:
    def __init__(self, package: Package | _FlatDocument, source: Source) -> None:
        self._package = package
        self._source = source
        self._breaks = PageBreaks()
        self._slides = 0
        self._page = 0
        self._block_page = 0
        self._has_text = False
        self._below: list[str] = []
        self._comments: list[str] = []

    def body(self) -> Iterator[tuple[str, int]]:
        """The blocks with the page or the slide that each starts on, 0 if unknown."""
        root = self._package.tree(_CONTENT_PART)
        body = find_child(root, "body")
        pages: list[int] = []
        blocks = render_structured(
            lambda: self._render_numbered(body if body is not None else root, root, pages), root, self._source
        )
        yield from zip_longest(blocks, pages[: len(blocks)], fillvalue=0)

    def _render_numbered(self, body: ET.Element, root: ET.Element, pages: list[int]) -> Iterator[str]:
        has_styles = self._package.find("styles.xml") is not None
        self._breaks = PageBreaks(root, *([self._package.tree("styles.xml")] if has_styles else ()))
        self._page = 1 if self._breaks.are_complete(body) else 0
        self._slides = self._block_page = 0
        self._has_text = False
        for block in self._render_blocks(body):
            pages.append(self._block_page or self._page)
            yield block
            self._block_page = 0

    def render_master_page(self, kind: str) -> Iterator[str]:
        """The headers or footers of all pages, each text once."""
        if self._package.find("styles.xml") is None:
            return
        root = self._package.tree("styles.xml")
        texts = (
            "\n".join(self._render_blocks(one)) for one in iter_descendants(root, kind, f"{kind}-left", f"{kind}-first")
        )
        yield from dict.fromkeys(text for text in texts if text.strip("\n <>?-0123456789/"))

    def _render_blocks(self, element: ET.Element) -> Iterator[str]:
        for one in element:
            name = local_name(one)
            if name == SOFT_BREAK:
                self._break_page()
            elif (reader := _READERS.get(name)) is not None:
                yield from reader(self, one)
            elif name not in _SKIPPED_ELEMENTS:
                yield from self._render_blocks(one)

    def _break_page(self) -> None:
        self._page += 1 if self._page else 0

    def _start_block(self, element: ET.Element) -> None:
        """Notes the page of a block, unless it is a part of another one."""
        if self._has_text and self._breaks.is_before(element):
            self._break_page()
        self._has_text = True
        if not self._block_page:
            starts_page = bool(self._page) and starts_with_break(element)
            self._block_page = self._page + starts_page

    def _render_table(self, table: ET.Element) -> Iterator[str]:
        self._start_block(table)
        text = "\n".join((*self._render_rows(table), *self._comments))
        self._comments.clear()
        yield text

    def _render_page(self, page: ET.Element) -> Iterator[str]:
        self._slides += 1
        self._page = self._block_page = self._slides
        if text := "\n\n".join(self._render_blocks(page)):
            yield f"## Slide {self._slides}\n\n{text}"

    def _render_speaker_notes(self, notes: ET.Element) -> Iterator[str]:
        if text := "\n".join(self._render_blocks(notes)):
            yield f"Notes: {text}"

    def _render_annotation(self, element: ET.Element) -> Iterator[str]:
        yield self._render_comment(element)

    def _render_paragraph(self, element: ET.Element) -> Iterator[str]:
        outer, self._below = self._below, []
        self._start_block(element)
        text = self._render_inline(element).strip()
        if self._breaks.is_after(element):
            self._break_page()
        if text:
            yield f"{'#' * _heading_level(element)} {text}" if local_name(element) == "h" else text
        yield from (block for block in self._below if block)
        self._below = outer

    def _render_list(self, element: ET.Element, depth: int = 0) -> Iterator[str]:
        for item in element:
            for one in item:
                if local_name(one) == "list":
                    yield from self._render_list(one, depth + 1)
                elif local_name(one) in {"p", "h"}:
                    yield from (f"{'  ' * depth}- {text}" for text in self._render_paragraph(one))

    def _render_sheets(self, element: ET.Element) -> Iterator[str]:
        for one in element:
            if local_name(one) != "table":
                yield from () if local_name(one) in _SKIPPED_ELEMENTS else self._render_blocks(one)
            elif text := "".join(self._render_table(one)):
                yield f"# {local_attribute(one, 'name') or ''}\n\n{text}"

    def _render_rows(self, element: ET.Element) -> Iterator[str]:
        for one in element:
            name = local_name(one)
            if name == "table-row":
                line = " | ".join(self._render_cells(one)).rstrip(" |")
                if line:
                    yield from [line] * _repeat_count(one, "number-rows-repeated")
            elif name == SOFT_BREAK:
                self._break_page()
            elif name == "shapes":
                yield from self._render_blocks(one)
            elif name.startswith("table-") and name not in {"table-column", "table-columns", "table-source"}:
                yield from self._render_rows(one)

    def _render_cells(self, row: ET.Element) -> Iterator[str]:
        """A break of the row's page is in several of its cells."""
        first = last = self._page
        for cell in row:
            if local_name(cell) in {"table-cell", "covered-table-cell"}:
                self._page = first
                text = " ".join(self._render_blocks(_copy_without(cell, {"annotation"}))).replace(
                    "\n", " "
                ) or _cell_value(cell)
                self._comments += (self._render_comment(one) for one in cell if local_name(one) == "annotation")
                last = max(last, self._page)
                yield from [text] * _repeat_count(cell, "number-columns-repeated")
        self._page = last

    def _render_inline(self, element: ET.Element) -> str:
        """The text of a paragraph; a run of spaces counts as one."""
        parts = [_WHITE_SPACE.sub(" ", element.text or "")]
        for one in element:
            parts += (self._render_inline_part(one), _WHITE_SPACE.sub(" ", one.tail or ""))
        return "".join(parts)

    def _render_inline_part(self, element: ET.Element) -> str:
        name = local_name(element)
        if name == "s":
            return " " * min(_repeat_spaces(element), 1000)
        if name in {"tab", "line-break"}:
            return "\t" if name == "tab" else "\n"
        if name == SOFT_BREAK:
            self._break_page()
        if name == "annotation":
            self._below.append(self._render_comment(element))
        elif name in {"frame", "custom-shape", "rect", "line"}:
            self._below += self._render_frame(element)
        elif name == "note":
            return self._render_note(element)
        elif name == "ruby-text":
            return f"({self._render_inline(element)})"
        elif name not in _SKIPPED_ELEMENTS:
            return self._render_inline(element)
        return ""

    def _render_note(self, element: ET.Element) -> str:
        body = find_child(element, "note-body")
        return f" [{' '.join(self._render_blocks(body))}]" if body is not None else ""

    def _render_comment(self, element: ET.Element) -> str:
        author = next((one.text or "" for one in iter_descendants(element, "creator")), "")
        return f"Comment{f' by {author}' if author else ''}: {' '.join(self._render_blocks(element))}"

    def _render_frame(self, frame: ET.Element) -> Iterator[str]:
        """Text boxes, descriptions of pictures, and embedded equations and charts."""
        for one in frame:
            name = local_name(one)
            if name in {"title", "desc"} and (one.text or "").strip():
                yield f"[Image: {(one.text or '').strip()}]"
            elif name == "object":
                yield from self._render_object(one)
            elif name == "object-ole":
                self._source.warn("An embedded object was not read.")
        if local_name(frame) == "object":
            yield from self._render_object(frame)
        else:
            yield from self._render_blocks(_copy_without(frame, {"object", "title", "desc"}))

    def _render_object(self, element: ET.Element) -> Iterator[str]:
        part = self._package.resolve("", f"{local_attribute(element, 'href') or ''}/content.xml")
        if part is None:
            yield from self._render_blocks(element)
            return
        root = self._package.tree(part)
        if local_name(root) == "math":
            annotation = next(iter_descendants(root, "annotation"), None)
            yield (annotation.text or "") if annotation is not None else "".join(root.itertext()).strip()
        else:
            yield from self._render_blocks(root)


_READERS: Final[dict[str, Callable[[_Document, ET.Element], Iterator[str]]]] = {
    "annotation": _Document._render_annotation,  # noqa: SLF001 - a table of its own methods
    "frame": _Document._render_frame,  # noqa: SLF001
    "h": _Document._render_paragraph,  # noqa: SLF001
    "list": _Document._render_list,  # noqa: SLF001
    "notes": _Document._render_speaker_notes,  # noqa: SLF001
    "object": _Document._render_frame,  # noqa: SLF001
    "p": _Document._render_paragraph,  # noqa: SLF001
    "page": _Document._render_page,  # noqa: SLF001
    "spreadsheet": _Document._render_sheets,  # noqa: SLF001
    "table": _Document._render_table,  # noqa: SLF001
}


def _copy_without(element: ET.Element, names: set[str]) -> ET.Element:
    copy = ET.Element("copy")
    copy.extend(one for one in element if local_name(one) not in names)
    return copy


def _heading_level(heading: ET.Element) -> int:
    level = local_attribute(heading, "outline-level") or ""
    return min(max(int(level), 1), 6) if level.isdecimal() else 1


def _cell_value(cell: ET.Element) -> str:
    for name in ("string-value", "date-value", "time-value", "boolean-value", "value", "formula"):
        if value := local_attribute(cell, name):
            return value.removeprefix("of:")
    return ""


def _repeat_spaces(element: ET.Element) -> int:
    count = local_attribute(element, "c") or "1"
    return int(count) if count.isdecimal() else 1


def _repeat_count(element: ET.Element, name: str) -> int:
    count = local_attribute(element, name) or ""
    return min(int(count), _MAX_REPEATS) if count.isdecimal() else 1
