"""What uses a file or a vector store: rows beside assistants and threads, one for each id in their tool resources.

The rows change in the transaction that changes the object, so a lookup reads an index and no object that it does not
return.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
from msgspec import UNSET

from understudy.store.database import Bundle, Database, Transaction
from understudy.wire.tools import ToolResources

Kind = Literal["assistant", "thread"]

_INSERT: Final = "INSERT INTO resource_references (target, kind, source) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
_SELECT_STORES: Final = (
    "SELECT v.id, v.body FROM store_files AS f JOIN vector_stores AS v ON v.seq = f.store"
    " WHERE f.id = $1 AND f.project_id = $2 AND f.body IS NOT NULL AND v.body IS NOT NULL ORDER BY f.store LIMIT $3"
)
_SELECT_ASSISTANTS: Final = (
    "SELECT o.id, o.body FROM resource_references AS r JOIN assistants AS o ON o.id = r.source"
    " WHERE r.target = $1 AND r.kind = 'assistant' AND o.project_id = $2 AND o.body IS NOT NULL"
    " ORDER BY r.source LIMIT $3"
)
_SELECT_THREADS: Final = (
    "SELECT o.id, NULL FROM resource_references AS r JOIN threads AS o ON o.id = r.source"
    " WHERE r.target = $1 AND r.kind = 'thread' AND o.project_id = $2 AND o.body IS NOT NULL"
    " ORDER BY r.source LIMIT $3"
)


class _Named(msgspec.Struct):
    name: str | None = None


_decode_name = msgspec.json.Decoder(_Named).decode


@dataclass(frozen=True, slots=True)
class References:
    """The ids and names of the first objects of one kind; `has_more`: there are others."""

    rows: Sequence[tuple[str, str | None]]
    has_more: bool


@dataclass(frozen=True, slots=True)
class FileReferences:
    vector_stores: References
    assistants: References
    threads: References


@dataclass(frozen=True, slots=True)
class VectorStoreReferences:
    assistants: References
    threads: References


class ReferenceIndex:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_file(self, project_id: str, file_id: str, limit: int) -> FileReferences:
        """At most `limit` objects of each kind."""
        return await self._database.read(_select_file_references, project_id, file_id, limit)

    async def of_vector_store(self, project_id: str, store_id: str, limit: int) -> VectorStoreReferences:
        """At most `limit` objects of each kind."""
        return await self._database.read(_select_store_references, project_id, store_id, limit)


# -- parts of the transactions that change an object ---------------------------------------------------------------


def add_references(bundle: Bundle, kind: Kind, source: str, resources: ToolResources) -> None:
    """Adds the rows of a new object."""
    for target in resource_ids(resources):
        bundle.add(_INSERT, target, kind, source)


def replace_references(kind: Kind, source: str, before: Sequence[str], after: ToolResources) -> Transaction[None]:
    """`before` are the `resource_ids` of the object before its change."""
    new = resource_ids(after)
    if new == list(before):
        return
    yield from delete_references(source)
    for target in new:
        yield _INSERT, (target, kind, source)


def delete_references(source: str) -> Transaction[None]:
    yield "DELETE FROM resource_references WHERE source = $1", (source,)


def resource_ids(resources: ToolResources) -> list[str]:
    """The vector stores and files that the resources name, each once."""
    code = resources.code_interpreter
    return list(dict.fromkeys([*resources.vector_store_ids(), *([] if code is UNSET else code.file_ids)]))


# -- lookups -------------------------------------------------------------------------------------------------------


def _select_file_references(project_id: str, file_id: str, limit: int) -> Transaction[FileReferences]:
    stores = yield from _select_references(_SELECT_STORES, file_id, project_id, limit)
    used = yield from _select_store_references(project_id, file_id, limit)
    return FileReferences(stores, used.assistants, used.threads)


def _select_store_references(project_id: str, target: str, limit: int) -> Transaction[VectorStoreReferences]:
    assistants = yield from _select_references(_SELECT_ASSISTANTS, target, project_id, limit)
    return VectorStoreReferences(
        assistants, (yield from _select_references(_SELECT_THREADS, target, project_id, limit))
    )


def _select_references(sql: str, target: str, project_id: str, limit: int) -> Transaction[References]:
    rows = yield sql, (target, project_id, limit + 1)
    named = [(row[0], None if row[1] is None else _decode_name(row[1]).name) for row in rows[:limit]]
    return References(named, has_more=len(rows) > limit)
