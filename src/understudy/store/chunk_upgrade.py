"""Makes the terms of chunks that an earlier version indexed, a page of chunks at a time. Knows no query.

Each page is one small transaction and may be repeated: another process may do the same, or a crash may undo the rest.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from understudy.store.chunk_rows import READY, StoredChunk
from understudy.store.database import Database, Transaction
from understudy.text.language import detect_language
from understudy.text.terms import filename_heading, passage_terms

_PAGE_SIZE: Final = 20
_NEXT_DOCUMENT: Final = (
    "SELECT seq, store, file FROM chunk_documents WHERE terms IS NULL AND state = $1 ORDER BY seq LIMIT 1"
)
_PAGE: Final = (
    "SELECT seq, position, start_at, end_at, body, page, headings, header FROM chunks"
    " WHERE document = $1 AND position > $2 ORDER BY position LIMIT $3"
)


class TermTable(Protocol):
    """The statements of one engine."""

    def insert_terms(self, store: int, document: int, chunks: Sequence[tuple[int, str, int]]) -> Transaction[None]: ...

    def delete_terms(self, numbers: Sequence[int]) -> Transaction[None]: ...

    def pad_terms(self) -> Transaction[bool]:
        """Rewrites some terms as this version stores them; True if there may be more."""
        ...


@dataclass(frozen=True, slots=True)
class _Document:
    seq: int
    store: int
    filename: str


async def upgrade_terms(database: Database, table: TermTable) -> None:
    """Makes the terms of all documents without, and rewrites those stored by an earlier version. Raises StoreError."""
    while (document := await database.read(_next_document)) is not None:
        await _upgrade_document(database, table, document)
    while await database.write_slowly(table.pad_terms):
        pass


async def _upgrade_document(database: Database, table: TermTable, document: _Document) -> None:
    heading = filename_heading(document.filename)
    language, length, position = None, 0, -1
    while page := await database.read(_select_page, document.seq, position):
        texts = [chunk.context for _, chunk in page]
        if language is None:
            language = detect_language("\n".join(texts))
        made = await asyncio.to_thread(_make_terms, texts, heading, language)
        rows = [(seq, terms, count) for (seq, _), (terms, count) in zip(page, made, strict=True)]
        await database.write_slowly(_replace_terms, table, document, rows)
        length += sum(count for _, count in made)
        position = page[-1][1].position
    await database.write(_finish_upgrade, document.seq, language or "", heading, length)


def _make_terms(texts: Sequence[str], heading: str, language: str) -> list[tuple[str, int]]:
    return [passage_terms(text, heading, language) for text in texts]


def _next_document() -> Transaction[_Document | None]:
    rows = yield _NEXT_DOCUMENT, (READY,)
    if not rows:
        return None
    seq, store, file = rows[0]
    names = yield "SELECT filename FROM store_files WHERE seq = $1", (file,)
    return _Document(seq, store, (names[0][0] or "") if names else "")


def _select_page(document: int, after: int) -> Transaction[list[tuple[int, StoredChunk]]]:
    rows = yield _PAGE, (document, after, _PAGE_SIZE)
    return [(row[0], StoredChunk(*row[1:])) for row in rows]


def _replace_terms(table: TermTable, document: _Document, rows: Sequence[tuple[int, str, int]]) -> Transaction[None]:
    sql = "SELECT seq FROM chunk_documents WHERE seq = $1 AND terms IS NULL AND state = $2 FOR UPDATE"
    if not (yield sql, (document.seq, READY)):
        return
    yield from table.delete_terms([seq for seq, _, _ in rows])
    yield from table.insert_terms(document.store, document.seq, rows)


def _finish_upgrade(document: int, language: str, heading: str, length: int) -> Transaction[None]:
    sql = "UPDATE chunk_documents SET language = $2, heading = $3, terms = $4 WHERE seq = $1 AND terms IS NULL"
    yield sql, (document, language, heading, length)
