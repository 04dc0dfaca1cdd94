"""Parses the XML of documents into a tree, also when it is damaged.

Names are local and in lower case, so that a document's dialect (Transitional, Strict, an unbound prefix) makes no
difference. Nothing outside of the document is loaded.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from html.parser import HTMLParser
from typing import Final
from xml.etree import ElementTree as ET

from understudy.retrieval.reading.source import Source

_MAX_DEPTH: Final = 2000
_LINE_ELEMENTS: Final = ("p", "h", "br", "tr", "table-row", "line-break")
_INLINE_ELEMENTS: Final = ("t", "span", "a")
_DOCTYPE: Final = re.compile(r"<!DOCTYPE[^\[>]*(\[.*?\]\s*)?>", re.DOTALL | re.IGNORECASE)


def parse_xml(data: bytes) -> tuple[ET.Element, bool]:
    """The tree, and whether the document is intact; a damaged one is parsed as far as possible."""
    try:
        return ET.fromstring(data), True  # noqa: S314 - in a limited child; expat bounds entities, and loads none
    except (ET.ParseError, ValueError, LookupError):
        return _parse_damaged(data), False


def local_name(element: ET.Element) -> str:
    """`p` for `{http://…}p` and for `w:p`; empty for a comment."""
    tag = element.tag
    return tag.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(tag, str) else ""


def local_attribute(element: ET.Element, name: str) -> str | None:
    """The attribute with that local name, in lower case."""
    for key, value in element.attrib.items():
        if key.rpartition("}")[2].rpartition(":")[2].lower() == name:
            return value
    return None


def find_child(element: ET.Element, *path: str) -> ET.Element | None:
    """The first descendant along the names of `path`; None if a step is missing."""
    child: ET.Element | None = element
    for name in path:
        child = next((one for one in child if local_name(one) == name), None) if child is not None else None
    return child


def find_children(element: ET.Element, name: str) -> Iterator[ET.Element]:
    return (one for one in element if local_name(one) == name)


def iter_descendants(element: ET.Element, *names: str) -> Iterator[ET.Element]:
    """All descendants with one of the names, in document order."""
    return (one for one in element.iter() if local_name(one) in names)


def render_structured(blocks: Callable[[], Iterable[str]], root: ET.Element, source: Source) -> list[str]:
    """Renders a tree with `blocks`; if it is nested too deeply for that, its plain text with a warning."""
    try:
        return list(blocks())
    except RecursionError:
        source.warn("The document is nested too deeply; its text was read without its structure.")
        elements = iter_descendants(root, *_LINE_ELEMENTS, *_INLINE_ELEMENTS)
        return [
            "".join(f"\n{one.text or ''}" if local_name(one) in _LINE_ELEMENTS else one.text or "" for one in elements)
        ]


class _LenientTreeBuilder(HTMLParser):
    """Builds a tree from damaged markup. Elements that nest too deep become siblings."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = ET.Element("damaged")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = ET.SubElement(self._open[-1], tag, {key: value or "" for key, value in attrs})
        if len(self._open) < _MAX_DEPTH:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        ET.SubElement(self._open[-1], tag, {key: value or "" for key, value in attrs})

    def handle_endtag(self, tag: str) -> None:
        places = [place for place, element in enumerate(self._open) if place and element.tag == tag]
        if places:
            del self._open[places[-1] :]

    def handle_data(self, data: str) -> None:
        top = self._open[-1]
        if len(top):
            top[-1].tail = (top[-1].tail or "") + data
        else:
            top.text = (top.text or "") + data

    def unknown_decl(self, data: str) -> None:
        if data.startswith("CDATA["):
            self.handle_data(data[6:])


def _parse_damaged(data: bytes) -> ET.Element:
    from understudy.retrieval.reading.charsets import decode  # noqa: PLC0415 - most documents are whole

    builder = _LenientTreeBuilder()
    builder.feed(_DOCTYPE.sub("", decode(data)))
    builder.close()
    roots = list(builder.root)
    return roots[0] if len(roots) == 1 else builder.root
