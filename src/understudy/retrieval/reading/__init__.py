"""Reads the text of a document in any supported format. Runs in a child process and knows only the file and its name.

The format that the name's suffix claims is checked against the first bytes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from io import FileIO
from pathlib import Path
from types import MappingProxyType
from typing import Final

from understudy.retrieval import recognition
from understudy.retrieval.reading import (
    books,
    html,
    images,
    legacy,
    mail,
    notebook,
    opendocument,
    outlook,
    pdf,
    plain,
    rtf,
    sheets,
    slides,
    word,
)
from understudy.retrieval.reading.source import Source
from understudy.retrieval.reading.unreadable import ScannedPagesError, UnreadableError

__all__ = ["TEXT_FORMATS", "ScannedPagesError", "UnreadableError", "list_formats", "read"]

# fmt: off
_PLAIN_SUFFIXES: Final = (
    "c", "cc", "cfg", "conf", "cpp", "cs", "css", "csv", "cxx", "diff", "env", "go", "h", "hpp", "ini", "java",
    "js", "json", "jsonl", "jsx", "kt", "less", "log", "lua", "m", "markdown", "md", "mdx", "php", "pl",
    "properties", "ps1", "py", "r", "rb", "rs", "rst", "scala", "scss", "sh", "sql", "srt", "svelte", "swift",
    "tex", "toml", "ts", "tsv", "tsx", "txt", "vtt", "vue", "xml", "yaml", "yml",
)
# fmt: on
_IMAGE_HINT: Final = " Text in images is recognized with the extra `ocr`."

_READERS: Final[dict[str, Callable[[Source], Iterator[str]]]] = {
    **dict.fromkeys(_PLAIN_SUFFIXES, plain.read_text),
    **dict.fromkeys(("docx", "docm", "dotx"), word.read_docx),
    **dict.fromkeys(("pptx", "pptm", "ppsx"), slides.read_pptx),
    **dict.fromkeys(("xlsx", "xlsm", "xltx"), sheets.read_xlsx),
    **dict.fromkeys(("odt", "ods", "odp", "ott"), opendocument.read_opendocument),
    **dict.fromkeys(("doc", "ppt", "xls"), legacy.read_legacy),
    **dict.fromkeys(("htm", "html", "xhtml"), html.read_html),
    "eml": mail.read_eml,
    "epub": books.epub,
    "ipynb": notebook.read_ipynb,
    "msg": outlook.read_msg,
    "pdf": pdf.read_pdf,
    "rtf": rtf.read_rtf,
}


TEXT_FORMATS: Final = tuple(sorted(_READERS))
"""The suffixes of all formats but images."""


@cache
def list_formats() -> tuple[str, ...]:
    """The suffixes of the formats that can be read; those of images where the extra `ocr` is installed."""
    return tuple(sorted([*TEXT_FORMATS, *(images.SUFFIXES if recognition.is_installed() else ())]))


@dataclass(frozen=True, slots=True)
class ReadText:
    """The number of code points written, and a sentence for each part that could not be read.

    `pages` are the code points where the pages start, with their numbers; empty where the format has no pages.
    """

    characters: int
    warnings: list[str]
    pages: list[tuple[int, int]]


def read(
    path: Path,
    filename: str,
    out: Path,
    limit: int,
    charset: str | None = None,
    recognized: Mapping[int, str] | None = MappingProxyType({}),
) -> ReadText:
    """Writes the text into `out` as UTF-8, at most `limit` bytes. `charset` is the one that the content type declares.

    `recognized` is that of Source. Raises Unreadable for a document without text or above the limit.
    """
    source = Source(path, filename, _read_pieces, charset, recognized=recognized)
    if path.stat().st_size == 0:
        raise UnreadableError("invalid_file", "The file is empty.")
    characters = size = 0
    has_text = False
    pages: list[tuple[int, int]] = []
    with out.open("wb", buffering=0) as sink:
        for piece in _read_pieces(source):
            if source.page != (pages[-1][1] if pages else 0):
                pages.append((characters, source.page))
            # The database stores no NUL, and a lone surrogate cannot be encoded.
            storable = piece.replace("\x00", "")
            text = storable.encode("utf-8", "replace")
            size += len(text)
            if size > limit:
                raise UnreadableError(
                    "invalid_file", f"The file has more than {limit} bytes of text. Split it into smaller files."
                )
            _write_text(sink, text)
            characters += len(storable)
            has_text = has_text or bool(storable.strip())
    if not has_text:
        raise UnreadableError("invalid_file", " ".join(["The file has no text.", *source.warnings]))
    return ReadText(characters, source.warnings, pages)


def _read_pieces(source: Source) -> Iterator[str]:
    """The text of a document or of an embedded one. Raises Unreadable, also for any error of a reader."""
    reader = _select_reader(source)
    has_text = False
    try:
        for piece in reader(source):
            has_text = has_text or bool(piece.strip())
            yield piece
    except (UnreadableError, MemoryError, GeneratorExit):
        raise
    except Exception as error:
        reason = f"it seems to be damaged ({type(error).__name__})"
        if not has_text:
            raise UnreadableError("invalid_file", f"The file could not be read: {reason}.") from error
        source.warn(f"The file was read in part only: {reason}.")


def _write_text(sink: FileIO, text: bytes) -> None:
    left = memoryview(text)
    try:
        while left:
            left = left[sink.write(left) :]
    except OSError as error:
        raise UnreadableError("server_error", f"The text of the file cannot be stored: {error.strerror}.") from None


def _select_reader(source: Source) -> Callable[[Source], Iterator[str]]:
    suffix = Path(source.filename).suffix
    if not suffix:
        return plain.read_text  # README, Makefile, LICENSE
    is_image = suffix[1:].lower() in images.SUFFIXES
    if is_image and (source.recognized is None or source.recognized):
        return images.read_image
    reader = _READERS.get(suffix[1:].lower())
    if reader is None:
        raise UnreadableError(
            "unsupported_file",
            f"Files with the extension {suffix!r} are not supported. Supported are: {', '.join(TEXT_FORMATS)}."
            f"{_IMAGE_HINT if is_image else ''}",
        )
    return reader
