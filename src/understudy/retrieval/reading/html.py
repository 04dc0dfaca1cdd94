"""Converts web pages to Markdown, so that headings and tables are preserved."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from understudy.retrieval.reading import plain
from understudy.retrieval.reading.source import Source

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

_INVISIBLE_ELEMENTS: Final = frozenset({"script", "style", "noscript", "template", "svg", "head", "iframe", "object"})
_BLOCK_ELEMENTS: Final = frozenset(
    {
        *("address", "aside", "center", "details", "dialog", "fieldset", "figure", "footer", "form", "header"),
        *("hgroup", "legend", "main", "nav", "option", "search", "summary", "textarea"),
    }
)
"""Elements that begin a line, and that the converter takes for words within one."""

_PARAGRAPH_ENDS: Final = frozenset(
    {
        *("address", "article", "aside", "blockquote", "details", "div", "dl", "fieldset", "figure", "footer", "form"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "main", "nav", "ol", "p", "pre", "section", "table"),
        *("dd", "dt", "li", "td", "th", "tr", "ul"),
    }
)
_PARAGRAPH: Final = frozenset({"p"})
_IMPLIED_ENDS: Final[dict[str, tuple[frozenset[str], frozenset[str]]]] = {
    "li": (frozenset({"li"}), frozenset({"ul", "ol", "menu"})),
    **dict.fromkeys(("dt", "dd"), (frozenset({"dt", "dd"}), frozenset({"dl"}))),
    **dict.fromkeys(("td", "th"), (frozenset({"td", "th"}), frozenset({"tr", "table"}))),
    "tr": (frozenset({"tr"}), frozenset({"table"})),
    **dict.fromkeys(("thead", "tbody", "tfoot"), (frozenset({"thead", "tbody", "tfoot"}), frozenset({"table"}))),
    "option": (frozenset({"option"}), frozenset({"select", "datalist"})),
}
"""For a start tag, the open elements that it ends, and those beyond which it ends none. Source: HTML, optional tags."""

_MAX_OPEN_INLINE: Final = 100
"""Open elements that are searched for one that a start tag ends."""


def read_html(source: Source) -> Iterator[str]:
    yield to_markdown("".join(plain.read_text(source)))


def to_markdown(page: str) -> str:
    """A page as Markdown; as plain text if its elements nest too deep."""
    from markdownify import MarkdownConverter  # noqa: PLC0415 - a reader loads what it reads with

    soup = _parse(page)
    title = soup.title.get_text(" ", strip=True) if soup.title is not None else ""
    _prepare(soup)
    converter = MarkdownConverter(heading_style="ATX", strip=["a"], escape_asterisks=False, escape_underscores=False)
    try:
        body = str(converter.convert_soup(soup))
    except RecursionError:
        body = soup.get_text("\n", strip=True)
    # With a heading equal to the title, a search would match the title twice.
    return body if not title or title in body else f"{title}\n\n{body}"


def _parse(page: str) -> "BeautifulSoup":
    """The elements of a page, with the ends that HTML lets authors leave out."""
    from bs4 import BeautifulSoup  # noqa: PLC0415

    class Page(BeautifulSoup):
        def handle_starttag(self, name, *args, **options):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN002, ANN003, ANN202
            _close_implied(self, name)
            return super().handle_starttag(name, *args, **options)

    return Page(page, "html.parser")


def _close_implied(soup: "BeautifulSoup", name: str) -> None:
    if name in _PARAGRAPH_ENDS:
        _close_open(soup, _PARAGRAPH, _PARAGRAPH_ENDS)
    if (implied := _IMPLIED_ENDS.get(name)) is not None:
        _close_open(soup, *implied)


def _close_open(soup: "BeautifulSoup", names: frozenset[str], limits: frozenset[str]) -> None:
    counts = soup.open_tag_counter
    if not any(map(counts.get, names)):
        return
    tag = soup.currentTag
    for _ in range(_MAX_OPEN_INLINE):
        if tag is None or (tag.name in limits and tag.name not in names):
            return
        if tag.name in names:
            soup.handle_endtag(tag.name)
            return
        tag = tag.parent


def _prepare(soup: "BeautifulSoup") -> None:
    """Removes what a browser does not show, and writes the description of an image in its place."""
    from bs4 import element  # noqa: PLC0415

    # One pass for all: each search visits every node of the page.
    hidden: list[element.PageElement] = []
    images: list[element.Tag] = []
    for node in soup.descendants:
        if not isinstance(node, element.Tag):
            if isinstance(node, (element.ProcessingInstruction, element.Declaration)):
                hidden.append(node)
        elif node.name in _INVISIBLE_ELEMENTS:
            hidden.append(node)
        elif node.name in _BLOCK_ELEMENTS:
            node.name = "div"
        elif node.name == "img":
            images.append(node)
    for image in images:
        words = " ".join(str(image.get("alt") or "").split())
        image.replace_with(f"[Image: {words}]" if words else "")
    for node in hidden:
        node.extract()
