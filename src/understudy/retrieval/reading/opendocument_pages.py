"""Where the pages of an OpenDocument text begin, as its writer has broken them. Source: OpenDocument 1.3, part 3.

Breaks by the length of the text are elements, `text:soft-page-break`; those that the author wants are in the styles of
the paragraphs and tables after or before them.
"""

from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree as ET

from understudy.retrieval.reading.markup import iter_descendants, local_attribute, local_name

SOFT_BREAK: Final = "soft-page-break"
_MAX_PARENTS: Final = 20
_INLINE: Final = frozenset({"span", "a"})


class PageBreaks:
    """The breaks of the styles in these trees."""

    def __init__(self, *trees: ET.Element) -> None:
        self._styles = {
            local_attribute(style, "name") or "": style for tree in trees for style in iter_descendants(tree, "style")
        }

    def are_complete(self, body: ET.Element) -> bool:
        """Whether the writer has stored all breaks of the text."""
        texts = iter_descendants(body, "text")
        return any(local_attribute(one, "use-soft-page-breaks") == "true" for one in texts) or (
            next(iter_descendants(body, SOFT_BREAK), None) is not None
        )

    def is_before(self, element: ET.Element) -> bool:
        """Another master page begins a page as well. Breaks nothing before the first block of a text."""
        return self._property(element, "break-before") == "page" or self._has_master_page(element)

    def is_after(self, element: ET.Element) -> bool:
        return self._property(element, "break-after") == "page"

    def _has_master_page(self, element: ET.Element) -> bool:
        return any(local_attribute(style, "master-page-name") for style in self._styles_of(element))

    def _property(self, element: ET.Element, name: str) -> str | None:
        """By the style of an element, or the nearest of its parents that has it."""
        for style in self._styles_of(element):
            for one in iter_descendants(style, "paragraph-properties", "table-properties"):
                if (value := local_attribute(one, name)) is not None:
                    return value
        return None

    def _styles_of(self, element: ET.Element) -> Iterator[ET.Element]:
        """The style of an element and its parents, the nearest first."""
        name = local_attribute(element, "style-name")
        for _ in range(_MAX_PARENTS):
            style = self._styles.get(name or "")
            if style is None:
                return
            yield style
            name = local_attribute(style, "parent-style-name")


def starts_with_break(element: ET.Element) -> bool:
    """Whether a paragraph has no text before its first soft break."""
    if (element.text or "").strip() or not len(element):
        return False
    first = element[0]
    return local_name(first) == SOFT_BREAK or (local_name(first) in _INLINE and starts_with_break(first))
