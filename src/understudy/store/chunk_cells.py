"""Cells of similar vectors in large stores, so that a search reads a part of the codes. Knows no query of words.

The centers of the cells are made from a sample of the vectors of a store and an embedder, again when the store has
grown; then chunks are moved into the cells in small transactions, each of which may be repeated. A search reads the
cells whose centers are nearest to its vector, and the chunks that are in none of these cells yet.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, LiteralString, Protocol

from understudy.store.cell_centers import CenterTree, make_centers
from understudy.store.chunk_rows import READY
from understudy.store.database import Database, Transaction
from understudy.store.search_depth import SEARCHED_CHUNKS, CellPlan, RankedCell, plan_cells
from understudy.store.sql import compose_sql, insert_rows, split_batches

_MIN_DIVIDED_CHUNKS: Final = 100_000
"""Smaller stores are not divided: all of their codes are compared in a few milliseconds."""

_MIN_MOVED_CHUNKS: Final = 5000
"""So many chunks may be in no cell, which every search reads."""

_CELLS: Final = 1024
_SAMPLE_VECTORS: Final = 16_384
_SAMPLE_BYTES: Final = 1 << 25
_VECTORS_PER_CELL: Final = 16
"""The least of a sample from which a center is made."""

_GROWTH: Final = 5
"""A store that has grown so many times has other centers made."""

_BATCH: Final = 250
"""Chunks moved in one transaction, which other writers wait for."""

_CELL_BITS: Final = 16
_LARGE_STORES: Final = (
    "SELECT store, embedder, dimensions, CAST(sum(chunks) AS BIGINT) FROM chunk_totals"
    " GROUP BY store, embedder, dimensions HAVING sum(chunks) >= $1 ORDER BY store"
)
_DOCUMENTS: Final = (
    "JOIN chunk_documents AS d ON d.seq = c.document AND d.embedder = $2 AND d.dimensions = $3 AND d.state = $4"
)
_SELECT_CELLS: Final = (
    "SELECT number, cells, size FROM chunk_cells WHERE store = $1 AND embedder = $2 AND dimensions = $3"
    " ORDER BY number DESC"
)


class VectorTable(Protocol):
    """The statements of one engine."""

    VECTOR_COLUMN: LiteralString
    """The vector of a row `v` of the table of vectors, as `decode_vector` takes it."""

    def table_name(self, dimensions: int) -> str:
        """The table of vectors."""
        ...

    def decode_vector(self, value: Any) -> bytes:
        """Little-endian float32."""
        ...

    def encode_center(self, vector: bytes) -> Any:
        """A value of the column `chunk_centers.vector`."""
        ...

    def rank_centers(self, number: int, vector: bytes) -> Transaction[list[RankedCell]]:
        """Places of the centers of the cells, their shares and distances from the vector, the nearest first."""
        ...

    def move_codes(self, store: int, source: int, numbers: Sequence[int], cells: Sequence[int]) -> Transaction[None]:
        """Moves chunks that are in the cell `source`."""
        ...


@dataclass(frozen=True, slots=True)
class _Group:
    """The chunks of one store and one embedder; `size` is their number."""

    store: int
    embedder: str
    dimensions: int
    size: int


@dataclass(frozen=True, slots=True)
class _Cells:
    """`size` is the number of the store's chunks when the centers were made; 0: an earlier version made others."""

    number: int
    count: int
    size: int

    def identify(self, place: int) -> int:
        """The value of the column `cell`."""
        return (self.number << _CELL_BITS) + place + 1

    def identify_all(self) -> Iterator[int]:
        return map(self.identify, range(self.count))


async def divide_stores(database: Database, table: VectorTable) -> None:
    """Moves the chunks of large stores that are in no cell. Raises StoreError."""
    for group in await database.scan(_list_groups):
        cells = await database.read(_read_cells, group)
        if not cells or cells[0].size * _GROWTH < group.size:
            cells = await _create_cells(database, table, group)
        elif len(cells) == 1 and await database.scan(_count_undivided, group) < _MIN_MOVED_CHUNKS:
            continue
        await _move_chunks(database, table, group, cells)


async def _create_cells(database: Database, table: VectorTable, group: _Group) -> list[_Cells]:
    sample = await database.scan(_sample_vectors, table, group)
    count = max(1, min(_CELLS, len(sample) // _VECTORS_PER_CELL))
    centers, shares = await asyncio.to_thread(make_centers, sample, count)
    return await database.write_slowly(_insert_cells, table, group, centers, shares)


async def _move_chunks(database: Database, table: VectorTable, group: _Group, cells: Sequence[_Cells]) -> None:
    """Into the first of `cells`; the others, which are older, are empty then."""
    newest, *older = cells
    centers = await database.scan(_read_centers, table, newest)
    tree = await asyncio.to_thread(CenterTree, centers)
    try:
        for source in (0, *(cell for one in older for cell in one.identify_all())):
            after = -1
            while rows := await database.scan(_select_chunks, table, group, source, after):
                places = await asyncio.to_thread(tree.find_places, [vector for _, vector in rows])
                numbers = [seq for seq, _ in rows]
                targets = [newest.identify(place) for place in places]
                await database.write_slowly(table.move_codes, group.store, source, numbers, targets)
                after = numbers[-1]
    finally:
        tree.close()
    for one in older:
        await database.write_slowly(_delete_cells, one)


def select_cells(
    table: VectorTable, store: int, embedder: str, vector: bytes, size: int, total: int
) -> Transaction[CellPlan | None]:
    """The cells to search for a vector among `size` of the store's `total` chunks; None is all of its chunks."""
    if size <= SEARCHED_CHUNKS:
        return None
    cells = yield from _read_cells(_Group(store, embedder, len(vector) // 4, size))
    if not cells or not cells[0].size:
        return None
    newest, *older = cells
    ranked = yield from table.rank_centers(newest.number, vector)
    plan = plan_cells(ranked, size, total, newest.identify)
    older_cells = (cell for one in older for cell in one.identify_all())
    return replace(plan, first=[0, *older_cells, *plan.first])


def delete_unused_cells(store: int) -> Transaction[None]:
    """Deletes the cells of a store without documents."""
    sql = (
        "SELECT number FROM chunk_cells WHERE store = $1"
        " AND NOT EXISTS (SELECT 1 FROM chunk_documents WHERE store = $1)"
    )
    for (number,) in (yield sql, (store,)):
        yield from _delete_cells(_Cells(number, 0, 0))


def _delete_cells(cells: _Cells) -> Transaction[None]:
    yield "DELETE FROM chunk_centers WHERE cells = $1", (cells.number,)
    yield "DELETE FROM chunk_cells WHERE number = $1", (cells.number,)


def _list_groups() -> Transaction[list[_Group]]:
    rows = yield _LARGE_STORES, (_MIN_DIVIDED_CHUNKS,)
    return [_Group(*row) for row in rows]


def _count_undivided(group: _Group) -> Transaction[int]:
    """At most `_MIN_MOVED_CHUNKS`."""
    sql = compose_sql(
        "SELECT count(*) FROM (SELECT 1 FROM chunk_codes AS c",
        _DOCUMENTS,
        "WHERE c.store = $1 AND c.cell = 0 LIMIT $5) AS part",
    )
    rows = yield sql, (group.store, group.embedder, group.dimensions, READY, _MIN_MOVED_CHUNKS)
    return int(rows[0][0])


def _read_cells(group: _Group) -> Transaction[list[_Cells]]:
    """The newest first."""
    rows = yield _SELECT_CELLS, (group.store, group.embedder, group.dimensions)
    return [_Cells(*row) for row in rows]


def _read_centers(table: VectorTable, cells: _Cells) -> Transaction[list[bytes]]:
    rows = yield "SELECT vector FROM chunk_centers WHERE cells = $1 ORDER BY place", (cells.number,)
    return [table.decode_vector(row[0]) for row in rows]


def _insert_cells(
    table: VectorTable, group: _Group, centers: Sequence[bytes], shares: Sequence[float]
) -> Transaction[list[_Cells]]:
    """Those of another process if it was quicker."""
    sql = "SELECT 1 FROM vector_stores WHERE seq = $1 FOR UPDATE"
    yield sql, (group.store,)
    cells = yield from _read_cells(group)
    if cells and cells[0].size * _GROWTH >= group.size:
        return cells
    sql = (
        "INSERT INTO chunk_cells (store, embedder, dimensions, cells, size) VALUES ($1, $2, $3, $4, $5)"
        " RETURNING number"
    )
    rows = yield sql, (group.store, group.embedder, group.dimensions, len(centers), group.size)
    number = int(rows[0][0])
    centers_of = enumerate(zip(shares, centers, strict=True))
    rows = [(number, place, share, table.encode_center(center)) for place, (share, center) in centers_of]
    for batch in split_batches(rows):
        yield from insert_rows("chunk_centers", "cells, place, share, vector", batch)
    return (yield from _read_cells(group))


def _sample_vectors(table: VectorTable, group: _Group) -> Transaction[list[bytes]]:
    limit = min(_SAMPLE_VECTORS, _SAMPLE_BYTES // (4 * group.dimensions))
    sql = compose_sql(
        "SELECT",
        table.VECTOR_COLUMN,
        "FROM chunk_codes AS c",
        _DOCUMENTS,
        "JOIN",
        table.table_name(group.dimensions),
        "AS v ON v.seq = c.seq WHERE c.store = $1 AND c.seq % $5 = 0 LIMIT $6",
    )
    step = max(1, group.size // limit)
    rows = yield sql, (group.store, group.embedder, group.dimensions, READY, step, limit)
    return [table.decode_vector(row[0]) for row in rows]


def _select_chunks(table: VectorTable, group: _Group, source: int, after: int) -> Transaction[list[tuple[int, bytes]]]:
    sql = compose_sql(
        "SELECT c.seq,",
        table.VECTOR_COLUMN,
        "FROM chunk_codes AS c",
        _DOCUMENTS,
        "JOIN",
        table.table_name(group.dimensions),
        "AS v ON v.seq = c.seq WHERE c.store = $1 AND c.cell = $5 AND c.seq > $6 ORDER BY c.seq LIMIT $7",
    )
    rows = yield sql, (group.store, group.embedder, group.dimensions, READY, source, after, _BATCH)
    return [(row[0], table.decode_vector(row[1])) for row in rows]
