"""Extracts the text of a document in a child process with limits. Knows no format; the child does."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from understudy.errors import UnderstudyError
from understudy.retrieval.children import ChildPool, ChildRequestError
from understudy.retrieval.messages import Extract, Extracted, Refused, Render, Rendered, Reply, Request

FailureCode = Literal["unsupported_file", "invalid_file", "server_error"]


class ExtractionError(UnderstudyError):
    """`code` and the message become the `last_error` of a vector store file."""

    def __init__(self, code: FailureCode, message: str) -> None:
        super().__init__(message)
        self.code: FailureCode = code
        self.message = message


@dataclass(frozen=True, slots=True)
class ExtractedText:
    """The text as UTF-8 in a temporary file that the caller owns: call `discard`. `warnings` has a sentence for each
    part of the document that could not be read, `pages` the code points where pages start, with their numbers.
    """

    path: Path
    characters: int
    warnings: tuple[str, ...] = ()
    pages: tuple[tuple[int, int], ...] = ()

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)


class Extractor:
    """Texts are written into the directory `spool`; files that an earlier process left there are removed."""

    def __init__(self, children: ChildPool, spool: Path, *, seconds: float, text_bytes: int) -> None:
        self._children = children
        self._spool = spool
        self._seconds = seconds
        self._text_bytes = text_bytes
        spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in spool.glob("*.txt"):
            left.unlink(missing_ok=True)

    async def text(self, path: Path, filename: str, charset: str | None = None) -> ExtractedText:
        """Raises ExtractionFailed. `filename` decides the format; `path` holds the bytes.

        `charset` is the one that the content type declares.
        """
        out = self._spool_path()
        try:
            extracted = await self._extract(path, filename, out, charset)
            return ExtractedText(out, extracted.characters, tuple(extracted.warnings), tuple(extracted.pages))
        except BaseException:
            out.unlink(missing_ok=True)
            raise

    def _spool_path(self) -> Path:
        try:
            with tempfile.NamedTemporaryFile(dir=self._spool, suffix=".txt", delete=False) as file:
                return Path(file.name)
        except OSError as error:
            raise ExtractionError("server_error", f"The extracted text cannot be stored: {error.strerror}.") from None

    async def render_scanned_pages(self, path: Path, *, most: int, edge: int, size: int) -> Rendered:
        """The pages of a PDF without text as PNGs of `edge` pixels: `most` pages and `size` bytes at most.

        Raises ExtractionFailed.
        """
        reply = await self._request(Render(str(path), most, edge, size))
        assert isinstance(reply, Rendered)
        return reply

    async def _extract(self, path: Path, filename: str, out: Path, charset: str | None) -> Extracted:
        reply = await self._request(Extract(str(path), filename, str(out), self._text_bytes, charset))
        assert isinstance(reply, Extracted)
        return reply

    async def _request(self, request: Request) -> Reply:
        try:
            async with self._children.lease() as child:
                reply = await child.request(request, self._seconds)
                if isinstance(reply, Refused) and reply.spent:
                    child.kill()
        except ChildRequestError as error:
            raise self._to_extraction_error(error) from None
        if isinstance(reply, Refused):
            raise ExtractionError(cast("FailureCode", reply.code), reply.message)
        return reply

    def _to_extraction_error(self, error: ChildRequestError) -> ExtractionError:
        if error.reason == "timeout":
            return ExtractionError(
                "invalid_file",
                f"Reading the file timed out after {self._seconds:g} s. Split it, or save it again.",
            )
        return ExtractionError("invalid_file", "The file cannot be read: its reader crashed.")
