"""Reads the forms of a PDF that are written in XFA: the labels of its template, and the values in its data.

Their pages have only a text that asks for another viewer. Source: XFA 3.3, template and data.
"""

import ctypes
from collections.abc import Iterator
from typing import Any, Final

from understudy.retrieval.reading.markup import iter_descendants, local_attribute, local_name, parse_xml

_MAX_PACKETS: Final = 100
_LABELS: Final = ("text", "exdata")


def is_dynamic(document: Any) -> bool:
    """Whether the pages are drawn from the template, so that they have no text of their own."""
    import pypdfium2.raw as pdfium  # noqa: PLC0415 - a reader loads what it reads with

    return bool(pdfium.FPDF_GetFormType(document) == pdfium.FORMTYPE_XFA_FULL)


def read_form(document: Any) -> Iterator[str]:
    """A line for each label and each value that is not empty."""
    packets = dict(_packets(document))
    labels = parse_xml(packets.get("template", b""))[0]
    for element in iter_descendants(labels, *_LABELS):
        if local_attribute(element, "name") is None and (text := " ".join("".join(element.itertext()).split())):
            yield text + "\n"
    data = parse_xml(packets.get("datasets", b""))[0]
    for element in data.iter():
        if not len(element) and (value := (element.text or "").strip()):
            yield f"{local_name(element)}: {value}\n"


def _packets(document: Any) -> Iterator[tuple[str, bytes]]:
    """The parts of the form by their names; a form in one stream has one, which holds all of them."""
    import pypdfium2.raw as pdfium  # noqa: PLC0415

    for index in range(min(pdfium.FPDF_GetXFAPacketCount(document), _MAX_PACKETS)):
        name = _read_bytes(pdfium.FPDF_GetXFAPacketName, document, index).rstrip(b"\0").decode("latin-1")
        content = _read_content(document, index)
        yield name, content
        if name not in {"template", "datasets"}:
            yield from _split(content)


def _split(content: bytes) -> Iterator[tuple[str, bytes]]:
    from xml.etree import ElementTree as ET  # noqa: PLC0415

    for element in iter_descendants(parse_xml(content)[0], "template", "datasets"):
        yield local_name(element), ET.tostring(element)


def _read_bytes(function: Any, document: Any, index: int) -> bytes:
    size = function(document, index, None, 0)
    buffer = ctypes.create_string_buffer(max(size, 1))
    function(document, index, buffer, size)
    return buffer.raw[:size]


def _read_content(document: Any, index: int) -> bytes:
    import pypdfium2.raw as pdfium  # noqa: PLC0415

    size = ctypes.c_ulong()
    if not pdfium.FPDF_GetXFAPacketContent(document, index, None, 0, size):
        return b""
    buffer = ctypes.create_string_buffer(max(size.value, 1))
    pdfium.FPDF_GetXFAPacketContent(document, index, buffer, size.value, size)
    return buffer.raw[: size.value]
