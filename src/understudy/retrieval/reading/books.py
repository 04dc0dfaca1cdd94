"""EPUB books: their chapters in reading order, as Markdown. Source: EPUB 3.3, package documents."""

from collections.abc import Iterator
from typing import Final

from understudy.retrieval.reading.charsets import decode
from understudy.retrieval.reading.html import to_markdown
from understudy.retrieval.reading.markup import attribute, descendants
from understudy.retrieval.reading.package import Package
from understudy.retrieval.reading.source import Source
from understudy.retrieval.reading.unreadable import Unreadable

_CONTAINER: Final = "META-INF/container.xml"
_RIGHTS: Final = "META-INF/encryption.xml"
_FONTS: Final = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_PAGES: Final = (".xhtml", ".html", ".htm")


def epub(source: Source) -> Iterator[str]:
    package = Package(source, "EPUB book")
    if package.find(_CONTAINER) is None and not any(name.lower().endswith(".opf") for name in package.names):
        raise Unreadable("invalid_file", "The file is not an EPUB book, despite its name.")
    _check_rights(package)
    for name in _chapters(package, source):
        yield to_markdown(decode(package.read(name))) + "\n\n"


def _check_rights(package: Package) -> None:
    """Scrambled fonts are usual, and of no matter; anything else is a protection of the text."""
    if package.find(_RIGHTS) is None:
        return
    methods = [attribute(one, "algorithm") or "" for one in descendants(package.tree(_RIGHTS), "encryptionmethod")]
    if any(method not in _FONTS for method in methods):
        raise Unreadable("invalid_file", "The book is encrypted (DRM), and cannot be read.")


def _chapters(package: Package, source: Source) -> list[str]:
    """In the order of the spine; all pages there are by their names where it names none."""
    roots = [attribute(one, "full-path") or "" for one in descendants(package.tree(_CONTAINER), "rootfile")]
    roots = [name for name in roots if package.find(name)] or [
        name for name in package.names if name.lower().endswith(".opf")
    ]
    found = []
    for root in roots[:1]:
        tree = package.tree(root)
        items = {attribute(one, "id") or "": attribute(one, "href") or "" for one in descendants(tree, "item")}
        for reference in descendants(tree, "itemref"):
            href = items.get(attribute(reference, "idref") or "", "")
            chapter = package.resolve(root, href) if href else None
            if chapter is None:
                source.warn(f"The chapter {href or attribute(reference, 'idref')!r} is missing in the book.")
            elif chapter not in found:
                found.append(chapter)
    return found or sorted(name for name in package.names if name.lower().endswith(_PAGES))
