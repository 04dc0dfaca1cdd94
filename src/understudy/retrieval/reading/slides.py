"""Reads PowerPoint presentations: numbered slides with tables, charts, diagrams, comments and notes.

Source of the names: ECMA-376, part 1, sections 19 and 21.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final
from xml.etree import ElementTree as ET

from understudy.retrieval.reading import drawings
from understudy.retrieval.reading.markup import (
    find_children,
    iter_descendants,
    local_attribute,
    local_name,
    render_structured,
)
from understudy.retrieval.reading.package import Package, Relation
from understudy.retrieval.reading.source import Source

_FORMAT_NAME: Final = "PowerPoint presentation"
_PRESENTATION_PART: Final = "ppt/presentation.xml"
_SLIDE_PART: Final = re.compile(r"ppt/slides/slide(\d+)\.xml", re.IGNORECASE)
_COMMENT_RELATIONS: Final = frozenset({"comments", "comment"})


def read_pptx(source: Source) -> Iterator[str]:
    package = Package(source, _FORMAT_NAME)
    for number, name in enumerate(_slide_names(package), 1):
        relations = package.relations(name)
        root = package.tree(name)
        lines = render_structured(partial(_Slide(package, relations, source).texts, root), root, source)
        texts = ["\n".join(lines) + "\n\n"]
        for relation in relations.values():
            texts += _render_notes(package, relation, source)
        source.page = number
        if text := "".join(texts).strip():
            yield f"## Slide {number}\n\n{text}\n\n"


def _render_notes(package: Package, relation: Relation, source: Source) -> Iterator[str]:
    """The notes and comments of a slide."""
    if relation.kind == "notesslide":
        root = package.tree(relation.target)
        if text := "\n".join(_Slide(package, package.relations(relation.target), source).texts(root)):
            yield f"Notes: {text}\n\n"
    elif relation.kind in _COMMENT_RELATIONS:
        for one in iter_descendants(package.tree(relation.target), "cm", "reply"):
            words = "".join(part.text or "" for part in iter_descendants(one, "t", "text") if part.text)
            if words:
                yield f"Comment: {words}\n\n"


def _slide_names(package: Package) -> list[str]:
    """Slide parts in presentation order; by their numbers if it lists none. Raises Unreadable without any."""
    numbered = sorted(
        (int(match[1]), name) for name in package.names if (match := _SLIDE_PART.fullmatch(name)) is not None
    )
    if numbered and package.find(_PRESENTATION_PART) is None:
        return [name for _, name in numbered]
    main = package.main_part(_PRESENTATION_PART, "presentation")
    relations = package.relations(main)
    named = [
        relations[key].target
        for entry in iter_descendants(package.tree(main), "sldid")
        if (key := _relation_id(entry)) in relations
    ]
    return named or [name for _, name in numbered]


def _relation_id(entry: ET.Element) -> str:
    """The value of `r:id`; the element has another attribute named `id`."""
    return next((value for key, value in entry.attrib.items() if key.endswith(("}id", ":id"))), "")


@dataclass(frozen=True, slots=True)
class _Slide:
    """A slide or its notes, with the related parts."""

    package: Package
    relations: dict[str, Relation]
    source: Source

    def texts(self, element: ET.Element) -> Iterator[str]:
        for one in element:
            name = local_name(one)
            if (reader := _READERS.get(name)) is not None:
                yield from reader(self, one)
            elif not (name == "sp" and _is_footer_placeholder(one)):
                yield from self.texts(one)

    def _render_text(self, paragraph: ET.Element) -> Iterator[str]:
        if text := _render_paragraph(paragraph).strip():
            yield text

    def _render_table(self, table: ET.Element) -> Iterator[str]:
        for row in find_children(table, "tr"):
            cells = [
                " ".join(_render_paragraph(p) for p in iter_descendants(cell, "p")).strip()
                for cell in find_children(row, "tc")
            ]
            if any(cells):
                yield " | ".join(cells)

    def _render_alternatives(self, element: ET.Element) -> Iterator[str]:
        """The first alternative with text."""
        choices = (list(self.texts(choice)) for choice in element)
        yield from next((lines for lines in choices if lines), [])

    def _render_picture(self, picture: ET.Element) -> Iterator[str]:
        if words := drawings.alt_text(picture):
            yield words

    def _render_graphic(self, graphic: ET.Element) -> Iterator[str]:
        yield from drawings.linked_texts(self.package, self.relations, graphic)
        yield from self.texts(graphic)

    def _render_object(self, _element: ET.Element) -> Iterator[str]:
        self.source.warn("An embedded object was not read.")
        return iter(())


_READERS: Final[dict[str, Callable[[_Slide, ET.Element], Iterator[str]]]] = {
    "alternatecontent": _Slide._render_alternatives,  # noqa: SLF001 - a table of its own methods
    "graphicdata": _Slide._render_graphic,  # noqa: SLF001
    "oleobj": _Slide._render_object,  # noqa: SLF001
    "p": _Slide._render_text,  # noqa: SLF001
    "pic": _Slide._render_picture,  # noqa: SLF001
    "tbl": _Slide._render_table,  # noqa: SLF001
}


def _is_footer_placeholder(shape: ET.Element) -> bool:
    """Whether a shape is a placeholder for the slide number or the date."""
    return any(local_attribute(one, "type") in {"sldNum", "dt"} for one in iter_descendants(shape, "ph"))


def _render_paragraph(paragraph: ET.Element) -> str:
    parts = []
    for one in paragraph:
        name = local_name(one)
        if name == "br":
            parts.append("\n")
        elif name == "t":
            parts.append(one.text or "")
        elif name in {"omath", "omathpara"}:
            parts.append(drawings.render_equation(one))
        elif name == "alternatecontent":
            parts.append(next((text for choice in one if (text := _render_paragraph(choice))), ""))
        elif not name.endswith("pr"):
            parts.append(_render_paragraph(one))
    return "".join(parts)
