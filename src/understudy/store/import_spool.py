"""The objects of one import, sorted on the local disk: an SQLite file of its own, no part of the database.

It is read by one thread at a time, and has no durability: after a crash the input is read again.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import apsw

_SCHEMA: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -16000;
CREATE TABLE objects (
    kind TEXT NOT NULL, scope TEXT NOT NULL, id TEXT NOT NULL, parent TEXT NOT NULL, created_at INTEGER NOT NULL,
    list INTEGER NOT NULL, place INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (kind, scope, id)
);
CREATE TABLE problems (place TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE contents (name TEXT NOT NULL, reference TEXT NOT NULL, size INTEGER NOT NULL);
BEGIN;
"""
_INSERT: Final = "INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
# The first and the last object of a list decide its order. Lists without a parent in common are compared as a whole.
_REVERSE: Final = """
CREATE TABLE descending AS
SELECT first.kind, first.list, first.parent
FROM (SELECT kind, list, parent, created_at, min(place) FROM objects GROUP BY kind, list, parent) AS first
JOIN (SELECT kind, list, parent, created_at, max(place) FROM objects GROUP BY kind, list, parent) AS last
    USING (kind, list, parent)
WHERE first.created_at > last.created_at;
UPDATE objects SET list = -objects.list, place = -objects.place FROM descending AS one
WHERE objects.kind = one.kind AND objects.list = one.list AND objects.parent = one.parent;
"""
_ADD_THREADS: Final = """
INSERT INTO objects
SELECT 'thread', '', parent, '', min(created_at), min(list), min(place), CAST(json_object(
    'id', parent, 'object', 'thread', 'created_at', min(created_at), 'metadata', json('{}')
) AS BLOB)
FROM objects WHERE kind IN ('message', 'run') AND substr(parent, 1, 5) <> 'resp_'
    AND NOT EXISTS (SELECT 1 FROM objects AS thread
                    WHERE thread.kind = 'thread' AND thread.scope = '' AND thread.id = objects.parent)
GROUP BY parent
"""
_INDEX: Final = """
CREATE INDEX sorted_objects ON objects (kind, created_at, list, place);
CREATE INDEX named_contents ON contents (name, size, reference);
COMMIT;
"""
_READ: Final = (
    "SELECT id, created_at, body FROM objects WHERE kind = ? ORDER BY created_at, list, place LIMIT -1 OFFSET ?"
)
_FIND_PLACE: Final = "SELECT list, place FROM objects WHERE kind = ? AND scope = ? AND id = ?"
_FIND: Final = "SELECT body FROM objects WHERE kind = ? AND scope = ? AND id = ?"
_COUNT: Final = "SELECT kind, count(*) FROM objects GROUP BY kind"
_ADD_PROBLEM: Final = "INSERT INTO problems VALUES (?, ?)"
_PROBLEMS: Final = "SELECT place, reason FROM problems ORDER BY rowid"
_ADD_CONTENT: Final = "INSERT INTO contents VALUES (?, ?, ?)"
_FIND_CONTENT: Final = (
    "SELECT reference FROM contents WHERE name = ?1 AND (?2 IS NULL OR size = ?2) ORDER BY reference LIMIT 1"
)

SpooledRow = tuple[str, str, str, str, int, int, int, bytes]
"""The kind, the scope, the id, the parent, the time, the number of the list, the place in it, and the body."""

Row = tuple[str, int, bytes]
"""The id, the time of creation and the encoded body of an object."""


class ImportSpool:
    """Filled, then finished, then read. `kind` is an opaque name, except that messages and runs need a thread.

    The items of responses without a conversation are in threads that no client can see.
    """

    def __init__(self, path: Path) -> None:
        """Overwrites what another attempt left at `path`."""
        path.unlink(missing_ok=True)
        self._path = path
        self._connection = apsw.Connection(str(path))
        self._execute_statements(_SCHEMA)

    def add(self, rows: Sequence[SpooledRow]) -> list[SpooledRow]:
        """Returns those that were not added, since there is an object of the same kind, scope and id."""
        before = self._connection.total_changes()
        self._connection.executemany(_INSERT, rows)
        if self._connection.total_changes() - before == len(rows):
            return []
        refused: list[SpooledRow] = []
        added: set[tuple[str, str, str]] = set()
        for row in rows:
            key = row[:3]
            if next(self._select(_FIND_PLACE, *key)) != row[5:7] or key in added:
                refused.append(row)
            else:
                added.add(key)
        return refused

    def add_problem(self, place: str, reason: str) -> None:
        self._connection.execute(_ADD_PROBLEM, (place, reason))

    def add_content(self, name: str, reference: str, size: int) -> None:
        """A name under which the bytes at `reference` can be found."""
        self._connection.execute(_ADD_CONTENT, (name, reference, size))

    def finish(self) -> None:
        """Adds the threads that messages and runs need, turns descending lists around, and sorts."""
        for statement in (_REVERSE, _ADD_THREADS, _INDEX):
            self._execute_statements(statement)

    def count(self) -> dict[str, int]:
        return dict(self._select(_COUNT))

    def read(self, kind: str, start: int) -> Iterator[Row]:
        yield from self._select(_READ, kind, start)

    def find(self, kind: str, scope: str, identifier: str) -> bytes | None:
        """The encoded body of an object."""
        row = next(self._select(_FIND, kind, scope, identifier), None)
        return row and row[0]

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from self._select(_PROBLEMS)

    def find_content(self, name: str, size: int | None) -> str | None:
        """The reference of bytes with this name and size, of any size if it is None."""
        row = next(self._select(_FIND_CONTENT, name, size), None)
        return row and row[0]

    def close(self) -> None:
        """Deletes the file."""
        self._connection.close()
        self._path.unlink(missing_ok=True)

    def _execute_statements(self, statements: str) -> None:
        for _ in self._connection.execute(statements):
            pass

    def _select(self, statement: str, *values: Any) -> Iterator[Any]:
        return iter(self._connection.cursor().execute(statement, values))
