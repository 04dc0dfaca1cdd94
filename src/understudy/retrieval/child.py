"""The program of a child process: reads documents, splits texts and computes built-in vectors, one request at a time.

It limits its own resources before it reads untrusted input. Does not know the caller.
"""

import contextlib
import os
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from understudy.parent_death import die_with_parent
from understudy.retrieval import builtin
from understudy.retrieval.chunk import SECTION_CHARACTERS, Chunk, split_pieces
from understudy.retrieval.messages import (
    LENGTH_PREFIX_BYTES,
    Embed,
    EmbedMeanings,
    Extract,
    Extracted,
    More,
    Piece,
    Pieces,
    Recognize,
    Recognized,
    Refused,
    Render,
    Rendered,
    Reply,
    Request,
    Rows,
    Scanned,
    Split,
    SplitStarted,
)
from understudy.text.language import detect_language
from understudy.text.terms import is_word_boundary, join_context, join_part_terms

if TYPE_CHECKING:
    from understudy.retrieval.e5 import E5

_NICE_INCREMENT: Final = 5

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Request).decode


def main() -> None:
    """Arguments: the maximum memory in bytes, and the process id of the parent."""
    die_with_parent(int(sys.argv[2]))
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "r+b") as nothing:  # noqa: PTH123 - both ends at once
        os.dup2(nothing.fileno(), 0)  # a library that prints must not write into our replies
        os.dup2(nothing.fileno(), 1)
    _limit_resources(int(sys.argv[1]))
    _serve_requests(source, sink)


def _limit_resources(memory: int) -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 - not everywhere

        os.nice(_NICE_INCREMENT)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _serve_requests(source: BinaryIO, sink: BinaryIO) -> None:
    split = _Splitter("", iter(()))
    while head := source.read(LENGTH_PREFIX_BYTES):
        request = _decode(source.read(int.from_bytes(head, "big")))
        if isinstance(request, Split):
            split = _start_split(request)
        message = _encode(_handle(request, split))
        sink.write(len(message).to_bytes(LENGTH_PREFIX_BYTES, "big") + message)
        sink.flush()


@dataclass(frozen=True, slots=True)
class _Splitter:
    """A text that is being split."""

    language: str
    pieces: Iterator[Piece]


def _handle(request: Request, split: _Splitter) -> Reply:
    match request:
        case Extract() | Recognize() | Render():
            return _read_file(request)
        case Split():
            return SplitStarted(split.language)
        case More(count=count):
            return Pieces(list(islice(split.pieces, count)))
        case Embed(texts=texts):
            return Rows(builtin.embed_texts(texts))
        case EmbedMeanings(texts=texts, query=query):
            return _embed_meanings(texts, query=query)


def _read_file(request: Extract | Recognize | Render) -> Reply:
    match request:
        case Extract():
            return _extract(request)
        case Recognize():
            return _recognize(request)
        case Render():
            return _render_pages(request)


def _extract(request: Extract) -> Reply:
    from understudy.retrieval import reading  # noqa: PLC0415 - who only splits needs no format

    def extract() -> Reply:
        path, out = Path(request.path), Path(request.out)
        try:
            document = reading.read(path, request.filename, out, request.limit, request.charset, request.recognized)
        except reading.ScannedPagesError as error:
            return Scanned(error.pages)
        return Extracted(document.characters, document.warnings, document.pages)

    return _run_guarded(extract)


def _recognize(request: Recognize) -> Reply:
    from understudy.retrieval import recognition  # noqa: PLC0415 - of a child of its own

    def recognize() -> Reply:
        return Recognized(recognition.recognize_page(Path(request.path), request.filename, request.page))

    return _run_guarded(recognize)


def _render_pages(request: Render) -> Reply:
    from understudy.retrieval.reading import scans  # noqa: PLC0415

    def render() -> Reply:
        return Rendered(*scans.render_pages(Path(request.path), request.most, request.edge, request.size))

    return _run_guarded(render)


def _embed_meanings(texts: Sequence[str], *, query: bool) -> Reply:
    from understudy.retrieval.e5_weights import UnusableModelError  # noqa: PLC0415 - an extra

    try:
        return Rows(_load_e5().embed(texts, query=query))
    except UnusableModelError as error:
        return Refused("server_error", str(error), spent=True)
    except Exception as error:  # noqa: BLE001 - of many kinds: the model's library is not ours
        return Refused("server_error", f"The embedder failed: {type(error).__name__}: {error}", spent=True)


@cache
def _load_e5() -> "E5":
    from understudy.retrieval.e5 import E5  # noqa: PLC0415 - an extra

    return E5()


def _run_guarded(work: Callable[[], Reply]) -> Reply:
    from understudy.retrieval import reading  # noqa: PLC0415

    try:
        return work()
    except reading.UnreadableError as error:
        return Refused(error.code, str(error))
    except MemoryError:
        message = "Reading the file exceeds the memory limit. Split it into smaller files."
        return Refused("invalid_file", message, spent=True)
    except Exception as error:  # noqa: BLE001 - whatever a parser raises is the file's fault
        return Refused("invalid_file", f"The file could not be read: it seems to be damaged ({type(error).__name__}).")


def _start_split(request: Split) -> _Splitter:
    sections = _read_sections(request.path)
    first = next(sections, "")
    language = detect_language(first)
    return _Splitter(language, _split(request, chain([first], sections), language))


def _split(request: Split, sections: Iterable[str], language: str) -> Iterator[Piece]:
    chunks = split_pieces(sections, request.size, request.overlap, request.layout)
    before = 0
    for chunk, following in pairwise(chain(chunks, [None])):
        assert chunk is not None
        place = bisect_right(request.pages, chunk.start, key=lambda page: page[0]) - 1
        page = request.pages[place][1] or None if place >= 0 else None
        headings = "\n".join(chunk.headings)
        shared = (before, chunk.end if following is None else following.start)
        parts = [join_context(headings, chunk.header, ""), *_cut_at_overlaps(chunk, shared)]
        terms = join_part_terms([part for part in parts if part], request.heading, language)
        yield Piece(chunk.position, chunk.start, chunk.end, chunk.text, page, headings, chunk.header, *terms)
        before = chunk.end


def _cut_at_overlaps(chunk: Chunk, places: Iterable[int]) -> list[str]:
    """The text, cut at the end of the chunk before and the start of the next, so that their terms are made once."""
    inner = sorted(place - chunk.start for place in places if chunk.start < place < chunk.end)
    cuts = [0, *(place for place in inner if is_word_boundary(chunk.text, place)), len(chunk.text)]
    return [chunk.text[start:end] for start, end in pairwise(cuts)]


def _read_sections(path: str) -> Iterator[str]:
    with Path(path).open(encoding="utf-8", newline="") as text:
        while piece := text.read(SECTION_CHARACTERS):
            yield piece


if __name__ == "__main__":
    main()
