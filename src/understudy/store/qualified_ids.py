"""Ids of imported objects, which are unique within their project.

An export can be imported into any number of projects, and each must have the ids of the original. So the id that is
stored of an imported object has a suffix that only its project has: `thread_abc@9f86d081…`. The HTTP edge adds it to
the ids of a request and removes it from responses. So a lookup never finds an object of another project.
"""

import hashlib
import time
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, LiteralString

from understudy.store.database import Database, Transaction
from understudy.store.sql import compose_sql, padded_batches, sql_parameters

SEPARATOR: Final = "@"
"""No id of an imported object contains it."""

CACHE_SECONDS: Final = 1.0
"""How long a process may not notice that another one created the first import of a project."""

_DIGITS: Final = 24
_TABLES: Final[tuple[tuple[str, LiteralString], ...]] = (
    ("asst", "assistants"),
    ("thread", "threads"),
    ("msg", "items"),
    ("run", "runs"),
    ("step", "steps"),
    ("file", "files"),
    ("assistant", "files"),
    ("vs", "vector_stores"),
    ("pmpt", "prompts"),
    ("resp", "responses"),
    ("chatcmpl", "chat_completions"),
    ("batch", "batches"),
    ("msgbatch", "batches"),
    ("vsfb", "file_batches"),
    ("upload", "uploads"),
    ("part", "upload_parts"),
    ("cntr", "containers"),
    ("we", "webhook_endpoints"),
)
_ALL_TABLES: Final = tuple(dict.fromkeys(table for _, table in _TABLES))
_HAS_IMPORT: Final = "SELECT 1 FROM transfers WHERE project_id = $1 AND kind = 'import' AND body IS NOT NULL LIMIT 1"
_MAX_CACHED: Final = 10_000


@lru_cache(maxsize=_MAX_CACHED)
def qualifier(project_id: str) -> str:
    """The suffix of a project: `@` and 24 hexadecimal digits."""
    return SEPARATOR + hashlib.sha256(b"qualifier:" + project_id.encode()).hexdigest()[:_DIGITS]


class QualifiedIds:
    def __init__(self, database: Database) -> None:
        self._database = database
        # Until when it is known that a project has no import; forever that it has one.
        self._without_import: dict[str, float] = {}
        self._with_import: set[str] = set()

    def has_no_imports(self, project_id: str) -> bool:
        """Whether the project had no import a moment ago; False if `has_imports` has to find out."""
        return self._without_import.get(project_id, 0.0) > time.monotonic()

    async def has_imports(self, project_id: str) -> bool:
        """Whether ids of the project may be qualified; at most CACHE_SECONDS late."""
        if project_id in self._with_import:
            return True
        if self.has_no_imports(project_id):
            return False
        if await self._database.read(_has_import, project_id):
            self.mark(project_id)
        if project_id in self._with_import:
            return True
        if len(self._without_import) >= _MAX_CACHED:
            self._without_import.clear()
        self._without_import[project_id] = time.monotonic() + CACHE_SECONDS
        return False

    def mark(self, project_id: str) -> None:
        """The project has an import."""
        self._with_import.add(project_id)
        self._without_import.pop(project_id, None)

    async def find(self, project_id: str, ids: Iterable[str]) -> dict[str, str]:
        """The stored ids of imported objects by their public ones; those of all other objects are left out."""
        found = await self._database.read(_find_stored, project_id, sorted(set(ids)))
        return {public: stored for public, stored in found.items() if stored != public}


def _has_import(project_id: str) -> Transaction[bool]:
    return bool((yield _HAS_IMPORT, (project_id,)))


def _find_stored(project_id: str, ids: Sequence[str]) -> Transaction[dict[str, str]]:
    suffix = qualifier(project_id)
    by_table: dict[LiteralString, dict[str, str]] = {}
    for public in ids:
        # A thread is a conversation as well.
        stored = "thread_" + public[5:] if public.startswith("conv_") else public
        for table in _tables_of(stored):
            by_table.setdefault(table, {})[stored + suffix] = public
    found: dict[str, str] = {}
    for table, public_ids in by_table.items():
        for batch in padded_batches(list(public_ids)):
            sql = compose_sql("SELECT id FROM", table, "WHERE id IN (", sql_parameters(1, len(batch)), ")")
            for (stored,) in (yield sql, tuple(batch)):
                found[public_ids[stored]] = public_ids[stored] + suffix
    return found


def _tables_of(public_id: str) -> Sequence[LiteralString]:
    """The tables that may have the object; all of them for a shape that no known API uses."""
    tables = [table for prefix, table in _TABLES if public_id.startswith((f"{prefix}_", f"{prefix}-"))]
    return tables or _ALL_TABLES
