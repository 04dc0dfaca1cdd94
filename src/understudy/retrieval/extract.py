"""The text of a document, taken out of it by a child process with limits. Knows no format; the child does."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from understudy.errors import UnderstudyError
from understudy.retrieval.children import Children

FailureCode = Literal["unsupported_file", "invalid_file", "server_error"]


class ExtractionFailed(UnderstudyError):
    """`code` and the message are what a vector store file's `last_error` says."""

    def __init__(self, code: FailureCode, message: str) -> None:
        super().__init__(message)
        self.code: FailureCode = code
        self.message = message


@dataclass(frozen=True, slots=True)
class ExtractedText:
    """The text as UTF-8 in a temporary file, which is whoever's who asked for it: `discard` it."""

    path: Path
    characters: int
    markdown: bool

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)


class Extractor:
    def __init__(self, children: Children, spool: Path) -> None:
        """Texts are written into the directory `spool`."""
        self._children = children
        self._spool = spool

    async def text(self, path: Path, filename: str) -> ExtractedText:
        """Raises ExtractionFailed. `filename` says what the file claims to be; `path` only where its bytes are."""
        raise NotImplementedError
