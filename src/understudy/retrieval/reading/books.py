"""EPUB books: their chapters in reading order, as Markdown. Source: EPUB 3.3, package documents."""

from collections.abc import Iterator
from typing import Final

from understudy.retrieval.reading.charsets import decode
from understudy.retrieval.reading.html import to_markdown
from understudy.retrieval.reading.markup import iter_descendants, local_attribute
from understudy.retrieval.reading.package import Package
from understudy.retrieval.reading.source import Source
from understudy.retrieval.reading.unreadable import UnreadableError

_CONTAINER_PATH: Final = "META-INF/container.xml"
_ENCRYPTION_PATH: Final = "META-INF/encryption.xml"
_FONT_ALGORITHMS: Final = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_PAGE_SUFFIXES: Final = (".xhtml", ".html", ".htm")


def epub(source: Source) -> Iterator[str]:
    package = Package(source, "EPUB book")
    if package.find(_CONTAINER_PATH) is None and not any(name.lower().endswith(".opf") for name in package.names):
        raise UnreadableError("invalid_file", "The file is not an EPUB book, despite its name.")
    _check_encryption(package)
    for name in _list_chapters(package, source):
        yield to_markdown(decode(package.read(name))) + "\n\n"


def _check_encryption(package: Package) -> None:
    """Obfuscated fonts are common and harmless; any other encryption protects the text."""
    if package.find(_ENCRYPTION_PATH) is None:
        return
    methods = [
        local_attribute(one, "algorithm") or ""
        for one in iter_descendants(package.tree(_ENCRYPTION_PATH), "encryptionmethod")
    ]
    if any(method not in _FONT_ALGORITHMS for method in methods):
        raise UnreadableError("invalid_file", "The book is encrypted (DRM) and cannot be read.")


def _list_chapters(package: Package, source: Source) -> list[str]:
    """Chapters in the order of the spine; all pages, sorted by name, if the spine lists none."""
    root = _find_package_document(package)
    chapters = _list_spine(package, root, source) if root is not None else []
    return chapters or sorted(name for name in package.names if name.lower().endswith(_PAGE_SUFFIXES))


def _find_package_document(package: Package) -> str | None:
    entries = iter_descendants(package.tree(_CONTAINER_PATH), "rootfile")
    listed = (local_attribute(entry, "full-path") or "" for entry in entries)
    by_suffix = (name for name in package.names if name.lower().endswith(".opf"))
    return next(filter(package.find, listed), None) or next(by_suffix, None)


def _list_spine(package: Package, root: str, source: Source) -> list[str]:
    tree = package.tree(root)
    items = {
        local_attribute(one, "id") or "": local_attribute(one, "href") or "" for one in iter_descendants(tree, "item")
    }
    chapters = []
    for reference in iter_descendants(tree, "itemref"):
        href = items.get(local_attribute(reference, "idref") or "", "")
        chapter = package.resolve(root, href) if href else None
        if chapter is None:
            source.warn(f"The chapter {href or local_attribute(reference, 'idref')!r} is missing in the book.")
        elif chapter not in chapters:
            chapters.append(chapter)
    return chapters
