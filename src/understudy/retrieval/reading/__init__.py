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
    detection,
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
    "adoc", "asciidoc", "asm", "ass", "atom", "awk", "bash", "bat", "bib", "c", "cc", "cfg", "cjs", "clj", "cls",
    "cmake", "cmd", "conf", "cpp", "cs", "css", "csv", "cts", "cxx", "dart", "diff", "dockerfile", "dtd", "el",
    "env", "erl", "ex", "exs", "f90", "fs", "geojson", "go", "gql", "gradle", "graphql", "groovy", "h", "hcl", "hh",
    "hpp", "hs", "ics", "iif", "inc", "ini", "java", "jl", "js", "json", "json5", "jsonc", "jsonl", "jsx", "kt",
    "kts", "latex", "less", "lisp", "log", "lua", "m", "makefile", "markdown", "md", "mdx", "mjs", "ml", "mm",
    "mts", "ndjson", "nim", "nix", "opml", "org", "pas", "patch", "php", "pl", "plist", "pm", "po", "properties",
    "proto", "ps1", "py", "pyi", "r", "rb", "rs", "rss", "rst", "s", "sass", "sbv", "scala", "scss", "sh", "sol",
    "sql", "srt", "ssa", "sty", "sv", "svelte", "svg", "swift", "tcl", "tex", "text", "textile", "tf", "tfvars",
    "toml", "ts", "tsv", "tsx", "ttl", "txt", "v", "vb", "vbs", "vcf", "vhd", "vtt", "vue", "wiki", "wsdl", "xml",
    "xsd", "xsl", "xslt", "yaml", "yml", "zig", "zsh",
)
# fmt: on
_IMAGE_HINT: Final = " Text in images is recognized with the extra `ocr`."

_READERS: Final[dict[str, Callable[[Source], Iterator[str]]]] = {
    **dict.fromkeys(_PLAIN_SUFFIXES, plain.read_text),
    **dict.fromkeys(("docx", "docm", "dotx", "dotm"), word.read_docx),
    **dict.fromkeys(("pptx", "pptm", "ppsx", "ppsm", "potx", "potm"), slides.read_pptx),
    **dict.fromkeys(("xlsx", "xlsm", "xltx", "xltm"), sheets.read_xlsx),
    **dict.fromkeys(("odt", "ods", "odp", "odg", "ott", "ots", "otp", "otg"), opendocument.read_opendocument),
    **dict.fromkeys(("fodt", "fods", "fodp", "fodg"), opendocument.read_flat),
    **dict.fromkeys(("doc", "dot", "ppt", "pps", "pot", "xls", "xlt"), legacy.read_legacy),
    **dict.fromkeys(("htm", "html", "xhtml"), html.read_html),
    **dict.fromkeys(("eml", "mht", "mhtml"), mail.read_eml),
    "mbox": mail.read_mbox,
    "epub": books.epub,
    "ipynb": notebook.read_ipynb,
    "msg": outlook.read_msg,
    "pdf": pdf.read_pdf,
    "rtf": rtf.read_rtf,
}


_TEXT_READERS: Final = frozenset({plain.read_text, html.read_html, notebook.read_ipynb, opendocument.read_flat})
"""They refuse bytes that are not text, and name what these are."""

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
    return reader if reader in _TEXT_READERS else _select_by_content(source, reader)


def _select_by_content(source: Source, claimed: Callable[[Source], Iterator[str]]) -> Callable[[Source], Iterator[str]]:
    """The reader of the format that the bytes have, whatever the name says; `claimed` where they say nothing."""
    suffix = detection.suffix_of_file(source.path)
    reader = _READERS.get(suffix, claimed)
    if reader is not claimed:
        source.filename = f"document.{suffix}"
    return reader
