"""Office documents: Word by mammoth, Excel by openpyxl, PowerPoint by a reader of its few elements of text.

The usual library for PowerPoint brings 33 MB that draw pictures and write spreadsheets.
"""

import posixpath
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from understudy.retrieval.reading.pages import markdown
from understudy.retrieval.reading.unreadable import Unreadable

if TYPE_CHECKING:
    from openpyxl import Workbook

_LARGEST: Final = 1 << 30
"""Bytes that an archive may unpack to."""

_RATIO: Final = 200
"""How many times its size one file in an archive may unpack to, once it is large."""

_LARGE: Final = 50 << 20
_OLE: Final = b"\xd0\xcf\x11\xe0"
_DRAWING: Final = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_RELATION: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_SLIDE: Final = re.compile(r"ppt/slides/slide(\d+)\.xml")


def docx(path: Path) -> Iterator[str]:
    import mammoth  # noqa: PLC0415 - a reader loads what it reads with
    from bs4 import BeautifulSoup  # noqa: PLC0415

    with _archive(path, "word/document.xml", "Word document"), path.open("rb") as file:
        html = mammoth.convert_to_html(file, convert_image=mammoth.images.img_element(lambda _: {"src": ""})).value
    yield markdown(BeautifulSoup(html, "html.parser"))


def xlsx(path: Path) -> Iterator[str]:
    """Each sheet under its name, a row a line; a row of a wide table is cut nowhere."""
    import openpyxl  # noqa: PLC0415

    with _archive(path, "xl/workbook.xml", "Excel workbook"), path.open("rb") as file:
        # A name would be judged by its ending, which bytes at rest do not have.
        yield from _sheets(openpyxl.load_workbook(file, read_only=True, data_only=True))


def _sheets(book: "Workbook") -> Iterator[str]:
    for sheet in book.worksheets:
        # What a sheet says of its size is not to be trusted.
        sheet.reset_dimensions()
        yield f"# {sheet.title}\n\n"
        for row in sheet.iter_rows(values_only=True):
            cells = ["" if value is None else str(value).replace("\n", " ") for value in row]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                yield " | ".join(cells) + "\n"
        yield "\n"


def pptx(path: Path) -> Iterator[str]:
    """Each slide under its number, with its notes."""
    with _archive(path, "ppt/presentation.xml", "PowerPoint presentation") as archive:
        for number, name in enumerate(_slides(archive), 1):
            yield f"## Slide {number}\n\n{_shapes(archive, name)}\n\n"
            for notes in _related(archive, name, "notesSlide"):
                if text := _shapes(archive, notes):
                    yield f"Notes: {text}\n\n"


def _archive(path: Path, member: str, noun: str) -> zipfile.ZipFile:
    with path.open("rb") as file:
        head = file.read(4)
    if head == _OLE:
        raise Unreadable(
            "invalid_file", f"The file is no {noun} of today: it has a password, or is of the kind before 2007."
        )
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError):
        raise Unreadable(
            "invalid_file", f"The file is no {noun}, although its name says so, or it is damaged."
        ) from None
    members = archive.infolist()
    if member not in archive.namelist():
        raise Unreadable("invalid_file", f"The file is no {noun}, although its name says so.")
    bomb = any(one.file_size > _LARGE and one.file_size > _RATIO * one.compress_size for one in members)
    if bomb or sum(one.file_size for one in members) > _LARGEST:
        raise Unreadable("invalid_file", "The file unpacks to far more than it should, and was not read.")
    return archive


def _slides(archive: zipfile.ZipFile) -> list[str]:
    """The slides' names in the order of the presentation."""
    targets = _targets(archive, "ppt/presentation.xml")
    order = [
        targets[entry.get(_RELATION, "")]
        for entry in ET.fromstring(archive.read("ppt/presentation.xml")).iter()  # noqa: S314 - in a limited child
        if entry.tag.endswith("}sldId") and entry.get(_RELATION, "") in targets
    ]
    numbered = sorted(
        (int(match[1]), match[0]) for name in archive.namelist() if (match := _SLIDE.fullmatch(name)) is not None
    )
    return [name for name in order if name in archive.namelist()] or [name for _, name in numbered]


def _related(archive: zipfile.ZipFile, name: str, kind: str) -> list[str]:
    return [target for target in _targets(archive, name).values() if kind in target and target in archive.namelist()]


def _targets(archive: zipfile.ZipFile, name: str) -> dict[str, str]:
    """From relation id to the archive's name for what it points to."""
    folder, file = posixpath.split(name)
    relations = f"{folder}/_rels/{file}.rels"
    if relations not in archive.namelist():
        return {}
    entries = ET.fromstring(archive.read(relations))  # noqa: S314
    return {
        entry.get("Id", ""): posixpath.normpath(posixpath.join(folder, entry.get("Target", ""))).lstrip("/")
        for entry in entries
        if entry.get("TargetMode") != "External"
    }


def _shapes(archive: zipfile.ZipFile, name: str) -> str:
    root = ET.fromstring(archive.read(name))  # noqa: S314
    rows = {id(cell) for row in root.iter(f"{_DRAWING}tr") for cell in row.iter(f"{_DRAWING}p")}
    lines = [" | ".join(_paragraph(p) for p in row.iter(f"{_DRAWING}p")) for row in root.iter(f"{_DRAWING}tr")]
    texts = [_paragraph(p) for p in root.iter(f"{_DRAWING}p") if id(p) not in rows]
    return "\n".join(line for line in [*texts, *lines] if line.strip())


def _paragraph(paragraph: ET.Element) -> str:
    parts = (
        "\n" if part.tag == f"{_DRAWING}br" else part.text or ""
        for part in paragraph.iter()
        if part.tag in {f"{_DRAWING}t", f"{_DRAWING}br"}
    )
    return "".join(parts)
