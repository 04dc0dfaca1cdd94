"""Reads PDFs page by page, with form values, annotations and attached documents.

Raises Unreadable for an encrypted PDF, and for one without a text layer.
"""

import ctypes
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from understudy.retrieval.reading import pdf_xfa
from understudy.retrieval.reading.pdf_repair import repair_pdf
from understudy.retrieval.reading.source import Source
from understudy.retrieval.reading.unreadable import ScannedPagesError, UnreadableError

_HEAD_BYTES: Final = 1024
_TAIL_BYTES: Final = 2048
_DAMAGED_MESSAGE: Final = "The PDF could not be read: it seems to be damaged."
_NO_TEXT: Final = "The PDF has no text, only images: it may be a scan. Run text recognition (OCR) first."
_NOTHING_RECOGNIZED: Final = "The PDF has no text, and none was recognized in its images."
_MAX_NAMED_PAGES: Final = 10
_MAX_ANNOTATIONS: Final = 1000


def read_pdf(source: Source) -> Iterator[str]:
    if b"%PDF-" not in source.head(_HEAD_BYTES):
        raise UnreadableError("invalid_file", "The file is not a PDF, despite its name.")
    document = _open_document(source)
    has_text = False
    without: list[int] = []
    for number in range(len(document)):
        text = _render_page(document, number, source) or _recognized_text(source, number + 1)
        if not text.strip():
            without.append(number + 1)
        has_text = has_text or bool(text.strip())
        source.page = number + 1
        yield text + "\n\n"
    source.page = 0
    form = list(pdf_xfa.read_form(document)) if not has_text or pdf_xfa.is_dynamic(document) else []
    if not form and source.recognized is None:
        _require_recognition(document, without)
    yield from form
    has_text = has_text or bool(form)
    for text in _read_attachments(document, source):
        has_text = has_text or bool(text.strip())
        yield text
    if not has_text:
        raise UnreadableError("invalid_file", _NOTHING_RECOGNIZED if source.recognized else _NO_TEXT)
    _warn_of_empty_pages(document, without, source)


def _require_recognition(document: Any, without: list[int]) -> None:
    """Raises ScannedPagesError for pages that are only images."""
    if drawn := [number for number in without if _has_drawings(document, number)]:
        raise ScannedPagesError(drawn)


def _recognized_text(source: Source, number: int) -> str:
    return source.recognized.get(number, "") if source.recognized else ""


def _open_document(source: Source) -> Any:
    import pypdfium2  # noqa: PLC0415 - a reader loads what it reads with

    try:
        document = pypdfium2.PdfDocument(source.path)
        count = len(document)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise UnreadableError(
                "invalid_file", "The PDF is protected by a password. Remove it and try again."
            ) from None
        count = 0
    if count == 0:
        document = _open_repaired(source)
    elif not _has_eof_marker(source):
        source.warn("The PDF has no end: it was cut short, and may have had more pages.")
    with suppress(pypdfium2.PdfiumError):
        document.init_forms()
    return document


def _open_repaired(source: Source) -> Any:
    import pypdfium2  # noqa: PLC0415

    try:
        document = pypdfium2.PdfDocument(repair_pdf(source.path.read_bytes()))
        count = len(document)
    except (pypdfium2.PdfiumError, ValueError):
        raise UnreadableError("invalid_file", _DAMAGED_MESSAGE) from None
    if count == 0:
        raise UnreadableError("invalid_file", _DAMAGED_MESSAGE)
    source.warn(f"The PDF is damaged or cut short; {count} {'page' if count == 1 else 'pages'} could be found in it.")
    return document


def _has_eof_marker(source: Source) -> bool:
    with source.path.open("rb") as file:
        file.seek(max(0, source.path.stat().st_size - _TAIL_BYTES))
        return b"%%EOF" in file.read()


def _render_page(document: Any, number: int, source: Source) -> str:
    import pypdfium2  # noqa: PLC0415

    try:
        page = document[number]
        try:
            words = page.get_textpage()
            text: str = words.get_text_range()
            words.close()
            return "\n".join(part for part in (_clean_text(text), *_render_annotations(document, page)) if part)
        finally:
            page.close()
    except pypdfium2.PdfiumError:
        source.warn(f"Page {number + 1} of the PDF is damaged, and could not be read.")
        return ""


def _clean_text(text: str) -> str:
    # pdfium writes U+FFFE for a hyphen at the end of a line.
    return text.replace("\r\n", "\n").replace("\ufffe\n", "").replace("\ufffe", "")


def _render_annotations(document: Any, page: Any) -> Iterator[str]:
    """The values of a page's form fields with their names, and its annotations."""
    import pypdfium2.raw as pdfium  # noqa: PLC0415

    for index in range(min(pdfium.FPDFPage_GetAnnotCount(page), _MAX_ANNOTATIONS)):
        annotation = pdfium.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        kind = pdfium.FPDFAnnot_GetSubtype(annotation)
        if kind == pdfium.FPDF_ANNOT_WIDGET:
            text = _render_field(document, annotation)
        elif kind in {pdfium.FPDF_ANNOT_LINK, pdfium.FPDF_ANNOT_POPUP}:
            text = ""
        else:
            text = _annotation_text(annotation)
        pdfium.FPDFPage_CloseAnnot(annotation)
        if text:
            yield text


def _render_field(document: Any, annotation: Any) -> str:
    import pypdfium2.raw as pdfium  # noqa: PLC0415

    if document.formenv is None:
        return ""
    form = document.formenv
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    name = _read_utf16(pdfium.FPDFAnnot_GetFormFieldAlternateName, form, annotation) or _read_utf16(
        pdfium.FPDFAnnot_GetFormFieldName, form, annotation
    )
    if kind == pdfium.FPDF_FORMFIELD_PUSHBUTTON:
        return ""
    if kind in {pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON}:
        if not pdfium.FPDFAnnot_IsChecked(form, annotation):
            return ""
        value = _read_utf16(pdfium.FPDFAnnot_GetFormFieldExportValue, form, annotation) or "yes"
    else:
        value = _read_utf16(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation)
    return f"{name}: {value}" if value.strip() else ""


def _annotation_text(annotation: Any) -> str:
    contents, author = _annotation_entry(annotation, b"Contents"), _annotation_entry(annotation, b"T")
    return f"Note{f' by {author}' if author else ''}: {contents}" if contents.strip() else ""


def _annotation_entry(annotation: Any, key: bytes) -> str:
    import pypdfium2.raw as pdfium  # noqa: PLC0415

    return _read_utf16(pdfium.FPDFAnnot_GetStringValue, annotation, key)


def _read_utf16(function: Any, *arguments: Any) -> str:
    """Calls pdfium functions that fill a UTF-16 buffer and return its size in bytes."""
    import pypdfium2.raw as pdfium  # noqa: PLC0415

    size = function(*arguments, None, 0)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    function(*arguments, ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR)), size)
    return buffer.raw[: size - 2].decode("utf-16-le", "replace").replace("\r\n", "\n").replace("\r", "\n")


def _read_attachments(document: Any, source: Source) -> Iterator[str]:
    import pypdfium2  # noqa: PLC0415

    for index in range(document.count_attachments()):
        try:
            attachment = document.get_attachment(index)
            name, data = attachment.get_name(), bytes(attachment.get_data())
        except (pypdfium2.PdfiumError, ValueError):
            source.warn("A document that is attached to the PDF could not be read.")
            continue
        yield f"Attachment {name}:\n\n"
        yield from source.embedded(Path(name).name, data)
        yield "\n\n"


def _warn_of_empty_pages(document: Any, without: list[int], source: Source) -> None:
    """Warns of pages without text in a document that has text elsewhere."""
    drawn = [number for number in without if _has_drawings(document, number)]
    empty = [number for number in without if number not in drawn]
    recognized = source.recognized or {}
    for numbers, reason in (
        ([number for number in drawn if number in recognized], "only images or drawings, and no text was recognized."),
        (
            [number for number in drawn if number not in recognized],
            "images beyond the limit of text recognition, which were not read."
            if recognized
            else "only images or drawings, no text. Run text recognition (OCR).",
        ),
        (empty, "empty, or damaged."),
    ):
        if numbers:
            named = ", ".join(map(str, numbers[:_MAX_NAMED_PAGES])) + (", …" if len(numbers) > _MAX_NAMED_PAGES else "")
            source.warn(f"{'Page' if len(numbers) == 1 else 'Pages'} {named}: {reason}")


def _has_drawings(document: Any, number: int) -> bool:
    import pypdfium2  # noqa: PLC0415

    try:
        page = document[number - 1]
    except pypdfium2.PdfiumError:
        return False
    has_objects = next(iter(page.get_objects(max_depth=1)), None) is not None
    page.close()
    return has_objects
