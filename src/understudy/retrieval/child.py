"""The program of a child process: reads documents, cuts texts and makes built-in vectors, one request at a time.

It limits itself before it reads anything of a stranger's. Knows nothing of who asks.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from understudy.parent_death import die_with_parent
from understudy.retrieval import builtin
from understudy.retrieval.chunk import SECTION, Chunk, split_pieces
from understudy.retrieval.messages import (
    LENGTH,
    Begun,
    Embed,
    Extract,
    Extracted,
    More,
    Piece,
    Pieces,
    Refused,
    Render,
    Rendered,
    Reply,
    Request,
    Rows,
    Split,
)

_NICE: Final = 5

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Request).decode


def main() -> None:
    """Its arguments: the bytes of memory that it may take, and the process id of whoever started it."""
    die_with_parent(int(sys.argv[2]))
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "r+b") as nothing:  # noqa: PTH123 - both ends at once
        os.dup2(nothing.fileno(), 0)  # a library that prints must not speak in our place
        os.dup2(nothing.fileno(), 1)
    _limit(int(sys.argv[1]))
    _serve(source, sink)


def _limit(memory: int) -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 - not everywhere

        os.nice(_NICE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _serve(source: BinaryIO, sink: BinaryIO) -> None:
    chunks: Iterator[Chunk] = iter(())
    while head := source.read(LENGTH):
        request = _decode(source.read(int.from_bytes(head, "big")))
        if isinstance(request, Split):
            chunks = split_pieces(_pieces(request.path), request.size, request.overlap)
        message = _encode(_answer(request, chunks))
        sink.write(len(message).to_bytes(LENGTH, "big") + message)
        sink.flush()


def _answer(request: Request, chunks: Iterator[Chunk]) -> Reply:
    match request:
        case Extract():
            return _extract(request)
        case Render():
            return _render(request)
        case Split():
            return Begun()
        case More(count=count):
            return Pieces([Piece(c.position, c.start, c.end, c.text) for c in islice(chunks, count)])
        case Embed(texts=texts):
            return Rows(builtin.vectors(texts))


def _extract(request: Extract) -> Reply:
    from understudy.retrieval import reading  # noqa: PLC0415 - who only splits needs no format

    def extract() -> Reply:
        found = reading.read(Path(request.path), request.filename, Path(request.out), request.limit, request.charset)
        return Extracted(found.characters, found.warnings)

    return _guarded(extract)


def _render(request: Render) -> Reply:
    from understudy.retrieval.reading import scans  # noqa: PLC0415

    def render() -> Reply:
        return Rendered(*scans.pages(Path(request.path), request.most, request.edge, request.size))

    return _guarded(render)


def _guarded(work: Callable[[], Reply]) -> Reply:
    from understudy.retrieval import reading  # noqa: PLC0415

    try:
        return work()
    except reading.Unreadable as error:
        return Refused(error.code, str(error))
    except MemoryError:
        said = "The file takes more memory to read than is allowed. Split it into smaller files."
        return Refused("invalid_file", said, spent=True)
    except Exception as error:  # noqa: BLE001 - whatever a parser raises is the file's fault
        return Refused("invalid_file", f"The file could not be read: it seems to be damaged ({type(error).__name__}).")


def _pieces(path: str) -> Iterator[str]:
    with Path(path).open(encoding="utf-8", newline="") as text:
        while piece := text.read(SECTION):
            yield piece


if __name__ == "__main__":
    main()
