"""The text of a document of any known format. Runs in a child process, and knows no more than the file and its name.

What a file claims to be by its name is checked against its first bytes.
"""

from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import Final

from understudy.retrieval.reading import office, pages, plain
from understudy.retrieval.reading.unreadable import Unreadable

__all__ = ["SUPPORTED", "Unreadable", "read"]

# fmt: off
_PLAIN: Final = (
    "c", "cc", "cfg", "conf", "cpp", "cs", "css", "csv", "cxx", "diff", "env", "go", "h", "hpp", "ini", "java",
    "js", "json", "jsonl", "jsx", "kt", "less", "log", "lua", "m", "markdown", "md", "mdx", "php", "pl",
    "properties", "ps1", "py", "r", "rb", "rs", "rst", "scala", "scss", "sh", "sql", "srt", "svelte", "swift",
    "tex", "toml", "ts", "tsv", "tsx", "txt", "vtt", "vue", "xml", "yaml", "yml",
)
# fmt: on

_READERS: Final[dict[str, Callable[[Path], Iterator[str]]]] = {
    **dict.fromkeys(_PLAIN, plain.text),
    "docx": office.docx,
    "htm": pages.html,
    "html": pages.html,
    "pdf": pages.pdf,
    "pptx": office.pptx,
    "rtf": pages.rtf,
    "xhtml": pages.html,
    "xlsx": office.xlsx,
}
SUPPORTED: Final = tuple(sorted(_READERS))


def read(path: Path, filename: str, out: Path, limit: int) -> int:
    """Writes the text into `out` as UTF-8, at most `limit` bytes; returns its code points. Raises Unreadable."""
    reader = _reader(filename)
    if path.stat().st_size == 0:
        raise Unreadable("invalid_file", "The file is empty.")
    characters = size = 0
    told = False
    with out.open("wb", buffering=0) as sink:
        for piece in reader(path):
            # NUL is no text, and half a surrogate pair cannot be stored.
            kept = piece.replace("\x00", "")
            text = kept.encode("utf-8", "replace")
            size += len(text)
            if size > limit:
                raise Unreadable(
                    "invalid_file", f"The file has more than {limit} bytes of text. Split it into smaller files."
                )
            _keep(sink, text)
            characters += len(kept)
            told = told or bool(kept.strip())
    if not told:
        raise Unreadable("invalid_file", "The file has no text.")
    return characters


def _keep(sink: FileIO, text: bytes) -> None:
    left = memoryview(text)
    try:
        while left:
            left = left[sink.write(left) :]
    except OSError as error:
        raise Unreadable("server_error", f"The text of the file cannot be kept: {error.strerror}.") from None


def _reader(filename: str) -> Callable[[Path], Iterator[str]]:
    suffix = Path(filename).suffix
    if not suffix:
        return plain.text  # README, Makefile, LICENSE
    reader = _READERS.get(suffix[1:].lower())
    if reader is None:
        raise Unreadable(
            "unsupported_file",
            f"Files with the extension {suffix!r} are not supported. Supported are: {', '.join(SUPPORTED)}.",
        )
    return reader
