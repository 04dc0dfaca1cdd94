"""Extracts the text of a document in a child process with limits. Knows no format; the child does."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, cast

from understudy.errors import UnderstudyError
from understudy.retrieval import recognition
from understudy.retrieval.children import ChildPool, ChildRequestError
from understudy.retrieval.messages import (
    Extract,
    Extracted,
    Recognize,
    Recognized,
    Refused,
    Render,
    Rendered,
    Reply,
    Request,
    Scanned,
)
from understudy.settings.sections.retrieval import RetrievalSettings

_IDLE_SECONDS: Final = 60.0
_MAX_LEASES: Final = 1000
_MAX_RECOGNITION_FAILURES: Final = 3
"""After so many pages whose recognition failed, the others are left out."""

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


@dataclass(frozen=True, slots=True)
class Recognition:
    """The processes that recognize the text in images, of at most `pages` pages of a document, each in `seconds`."""

    children: ChildPool
    seconds: float
    pages: int


def build_recognition(settings: RetrievalSettings) -> Recognition | None:
    """None where the extra `ocr` is missing or turned off. Processes start when they are needed."""
    if not settings.ocr_pages or not recognition.is_installed():
        return None
    children = ChildPool(1, settings.ocr_memory_mb << 20, idle_seconds=_IDLE_SECONDS, max_leases=_MAX_LEASES)
    return Recognition(children, settings.seconds, settings.ocr_pages)


class Extractor:
    """Texts are written into the directory `spool`; files that an earlier process left there are removed."""

    def __init__(
        self,
        children: ChildPool,
        spool: Path,
        *,
        seconds: float,
        text_bytes: int,
        recognition: Recognition | None = None,
    ) -> None:
        self._children = children
        self._recognition = recognition
        self._spool = spool
        self._seconds = seconds
        self._text_bytes = text_bytes
        spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in spool.glob("*.txt"):
            left.unlink(missing_ok=True)

    async def text(
        self, path: Path, filename: str, charset: str | None = None, *, recognizes: bool = False
    ) -> ExtractedText:
        """Raises ExtractionFailed. `filename` decides the format; `path` holds the bytes.

        `charset` is the one that the content type declares. `recognizes`: the text in images is recognized, if it can
        be, which takes seconds a page.
        """
        out = self._spool_path()
        request = Extract(str(path), filename, str(out), self._text_bytes, charset)
        try:
            extracted, warnings = await self._extract(request, self._recognition if recognizes else None)
            return ExtractedText(out, extracted.characters, tuple(warnings), tuple(extracted.pages))
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
        reply = await self._request_reply(self._children, Render(str(path), most, edge, size), self._seconds)
        assert isinstance(reply, Rendered)
        return reply

    async def _extract(self, request: Extract, recognition: Recognition | None) -> tuple[Extracted, list[str]]:
        """The reply and its warnings."""
        warnings: list[str] = []
        if recognition is not None:
            request.recognized = None
        reply = await self._request_reply(self._children, request, self._seconds)
        if isinstance(reply, Scanned):
            assert recognition is not None
            request.recognized = await self._recognize_pages(request, recognition, reply.pages, warnings)
            reply = await self._request_reply(self._children, request, self._seconds)
        assert isinstance(reply, Extracted)
        return reply, [*reply.warnings, *warnings]

    async def _recognize_pages(
        self, request: Extract, recognition: Recognition, pages: Sequence[int], warnings: list[str]
    ) -> dict[int, str]:
        """The texts of the first pages, a process's turn each, so that another document's pages come in between."""
        texts: dict[int, str] = {}
        for page in pages[: recognition.pages]:
            one = Recognize(request.path, request.filename, page)
            try:
                reply = await self._request_reply(recognition.children, one, recognition.seconds)
            except ExtractionError as error:
                warnings.append(f"The text in the image of page {page} was not recognized: {error.message}")
                if len(warnings) == _MAX_RECOGNITION_FAILURES:
                    break
            else:
                assert isinstance(reply, Recognized)
                texts[page] = reply.text
        if not texts:
            raise ExtractionError("invalid_file", " ".join(warnings))
        return texts

    async def _request_reply(self, children: ChildPool, request: Request, seconds: float) -> Reply:
        try:
            async with children.lease() as child:
                reply = await child.request(request, seconds)
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
