"""Pages of the chunks of a file in a vector store, in the order of its text."""

from collections.abc import Sequence
from dataclasses import dataclass

from understudy.store.chunk_rows import READY, StoredChunk
from understudy.store.database import Transaction


@dataclass(frozen=True, slots=True)
class ChunkPageRequest:
    """At most `limit` chunks: those after a position, before one, around one, or the first ones."""

    limit: int
    after: int | None = None
    before: int | None = None
    around: int | None = None

    def positions(self, total: int) -> range:
        """The positions of the page, of `total` chunks."""
        if self.around is not None:
            middle = min(self.around, total - 1)
            first = max(0, min(middle - (self.limit - 1) // 2, total - self.limit))
        elif self.after is None and self.before is not None:
            last = min(self.before, total)
            return range(max(0, last - self.limit), last)
        else:
            first = 0 if self.after is None else self.after + 1
        end = total if self.before is None else min(self.before, total)
        return range(min(first, total), min(first + self.limit, end))


@dataclass(frozen=True, slots=True)
class ChunkPage:
    """`total` is the number of all chunks of the file: 0 while it is not indexed."""

    chunks: Sequence[StoredChunk]
    total: int


def select_chunk_page(store: int, file: int, request: ChunkPageRequest) -> Transaction[ChunkPage]:
    """`store` and `file` are row numbers."""
    sql = "SELECT seq, chunks FROM chunk_documents WHERE store = $1 AND file = $2 AND state = $3"
    rows = yield sql, (store, file, READY)
    if not rows:
        return ChunkPage([], 0)
    document, total = rows[0]
    positions = request.positions(total)
    if not positions:
        return ChunkPage([], total)
    sql = (
        "SELECT position, start_at, end_at, body, page, headings, header FROM chunks"
        " WHERE document = $1 AND position >= $2 AND position < $3 ORDER BY position"
    )
    rows = yield sql, (document, positions.start, positions.stop)
    return ChunkPage([StoredChunk(*row) for row in rows], total)
