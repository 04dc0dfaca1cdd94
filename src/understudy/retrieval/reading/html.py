"""Converts web pages to Markdown, so that headings and tables are preserved."""

from collections.abc import Iterator
from typing import Final

from understudy.retrieval.reading import plain
from understudy.retrieval.reading.source import Source

_INVISIBLE_ELEMENTS: Final = ["script", "style", "noscript", "template", "svg", "head", "iframe", "object"]


def read_html(source: Source) -> Iterator[str]:
    yield to_markdown("".join(plain.read_text(source)))


def to_markdown(page: str) -> str:
    """A page as Markdown; as plain text if its elements nest too deep."""
    from bs4 import BeautifulSoup  # noqa: PLC0415 - a reader loads what it reads with
    from markdownify import MarkdownConverter  # noqa: PLC0415

    soup = BeautifulSoup(page, "html.parser")
    title = soup.title.get_text(" ", strip=True) if soup.title is not None else ""
    for tag in soup.find_all(_INVISIBLE_ELEMENTS):
        tag.decompose()
    converter = MarkdownConverter(
        heading_style="ATX", strip=["a", "img"], escape_asterisks=False, escape_underscores=False
    )
    try:
        body = str(converter.convert_soup(soup))
    except RecursionError:
        body = soup.get_text("\n", strip=True)
    # With a heading equal to the title, a search would match the title twice.
    return body if not title or title in body else f"{title}\n\n{body}"
