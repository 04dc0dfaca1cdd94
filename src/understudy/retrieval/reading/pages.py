"""Documents of one stream: HTML, PDF, RTF. HTML becomes Markdown, so that headings and tables stay what they are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from understudy.retrieval.reading import plain
from understudy.retrieval.reading.unreadable import Unreadable

_UNSEEN: Final = ["script", "style", "noscript", "template", "svg", "head", "iframe", "object"]
_PDF_HEAD: Final = 1024


def html(path: Path) -> Iterator[str]:
    from bs4 import BeautifulSoup  # noqa: PLC0415 - a reader loads what it reads with

    yield markdown(BeautifulSoup("".join(plain.text(path)), "html.parser"))


def markdown(soup: "object") -> str:
    """A page of BeautifulSoup's as Markdown; as mere text where it nests too deep for that."""
    from bs4 import BeautifulSoup  # noqa: PLC0415
    from markdownify import MarkdownConverter  # noqa: PLC0415

    assert isinstance(soup, BeautifulSoup)
    title = soup.title.get_text(" ", strip=True) if soup.title is not None else ""
    for tag in soup.find_all(_UNSEEN):
        tag.decompose()
    converter = MarkdownConverter(
        heading_style="ATX", strip=["a", "img"], escape_asterisks=False, escape_underscores=False
    )
    try:
        body = str(converter.convert_soup(soup))
    except RecursionError:
        body = soup.get_text("\n", strip=True)
    # A heading that says the title already would have it found twice.
    return body if not title or title in body else f"{title}\n\n{body}"


def rtf(path: Path) -> Iterator[str]:
    from striprtf.striprtf import rtf_to_text  # noqa: PLC0415

    data = path.read_bytes()
    if not data.lstrip().startswith(b"{\\rtf"):
        raise Unreadable("invalid_file", "The file is no RTF, although its name says so.")
    text: str = rtf_to_text(data.decode("latin-1"), errors="replace")  # type: ignore[no-untyped-call]
    yield text


def pdf(path: Path) -> Iterator[str]:
    """Page by page. Raises Unreadable for one with a password, and for one without a text layer."""
    import pypdfium2  # noqa: PLC0415

    with path.open("rb") as file:
        if b"%PDF-" not in file.read(_PDF_HEAD):
            raise Unreadable("invalid_file", "The file is no PDF, although its name says so.")
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise Unreadable("invalid_file", "The PDF is protected by a password. Remove it and try again.") from None
        raise Unreadable("invalid_file", "The PDF could not be read: it seems to be damaged.") from None
    told = False
    for page in document:
        text = _page(page)
        told = told or bool(text.strip())
        yield text + "\n\n"
        page.close()
    if not told:
        raise Unreadable(
            "invalid_file",
            "The PDF has no text, only images: it was scanned perhaps. Run text recognition (OCR) first.",
        )


def _page(page: "object") -> str:
    from pypdfium2 import PdfPage  # noqa: PLC0415

    assert isinstance(page, PdfPage)
    words = page.get_textpage()
    text: str = words.get_text_bounded()
    words.close()
    # U+FFFE is pdfium's sign for a hyphen at the end of a line.
    return text.replace("\r\n", "\n").replace("\ufffe\n", "").replace("\ufffe", "")
