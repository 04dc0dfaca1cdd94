"""Statements of transactions as SQLite takes them. Knows no table but the text index."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

import apsw

from understudy.store.database import Bundle, Query, Row, Transaction

T = TypeVar("T")

_PARAMETER = re.compile(r"\$(\d+)")
_REFERENCE = re.compile(r"\{\d+\}")
_ROW_LOCK = re.compile(r" FOR UPDATE(?: SKIP LOCKED)?")
_CHANGED_TABLE = re.compile(r"\s*(?:INSERT (?:OR \w+ )?INTO|UPDATE|DELETE FROM) (\w+)")
_TEXT_INDEX = "item_text"
INSERT_TEXT = "INSERT INTO item_text (rowid, words) SELECT seq, $1 FROM items WHERE id = $2 AND body IS NOT NULL"
_SELECT_NUMBER = "SELECT seq FROM items WHERE id = ?1 AND body IS NOT NULL"
_INSERT_TEXT_OF_NUMBER = "INSERT INTO item_text (rowid, words) VALUES ($1, $2)"


@dataclass(slots=True)
class Changes:
    """What a batch changes: the tables, and the text index by statements that are executed later."""

    tables: set[str] = field(default_factory=set)
    texts: list[Query] = field(default_factory=list)


@lru_cache(maxsize=1024)
def _to_sqlite(sql: str) -> tuple[str, str]:
    """The statement in SQLite's dialect, and the table that it changes; with one writer, row locks are not needed.

    References to rows of a bundle become a constant: later statements run only if the guard returned a row.
    """
    translated = _REFERENCE.sub("(SELECT 1)", _ROW_LOCK.sub("", _PARAMETER.sub(r"?\1", sql)))
    changed = _CHANGED_TABLE.match(sql)
    return translated, "" if changed is None else changed[1]


def run_transaction(cursor: apsw.Cursor, transaction: Transaction[T], changes: Changes | None = None) -> T:
    """Adds to `changes` what it changes; changes of the text index are not executed yet. Reads need none."""
    try:
        statement = next(transaction)
        while True:
            if isinstance(statement, Bundle):
                rows = _execute_all(cursor, statement, changes)
            else:
                rows = _execute_query(cursor, statement, changes)
            statement = transaction.send(rows)
    except StopIteration as stop:
        value: T = stop.value
        return value


def _execute_all(cursor: apsw.Cursor, bundle: Bundle, changes: Changes | None) -> list[Row]:
    if not bundle.queries:
        return []
    first, *others = bundle.queries
    guard = rows = _execute_query(cursor, first, changes)
    kept = bundle.rows
    if kept is not None:
        kept.append(rows)
    if guard:
        for query in others:
            if changes is not None and query[0] == INSERT_TEXT:
                changes.texts.append(_with_number(query, rows))
                rows = []
            else:
                rows = _execute_query(cursor, query, changes)
            if kept is not None:
                kept.append(rows)
    return guard


def _with_number(query: Query, written: list[Row]) -> Query:
    """An insert of a text by the number of its item, if the statement before it has returned that with the id."""
    text, item_id = query[1]
    if written and written[0][1:] == (item_id,):
        return _INSERT_TEXT_OF_NUMBER, (written[0][0], text)
    return query


def _execute_query(cursor: apsw.Cursor, query: Query, changes: Changes | None) -> list[Row]:
    sql, changed = _to_sqlite(query[0])
    if changed and changes is not None:
        if changed == _TEXT_INDEX:
            changes.texts.append(query)
            return []
        changes.tables.add(changed)
    return cursor.execute(sql, query[1]).fetchall()


def change_texts(cursor: apsw.Cursor, changes: list[Query]) -> None:
    """Changes the text index as the transactions of a batch want, in their order, after all of their other statements.

    FTS5 writes to the database what it has gathered whenever a savepoint begins, as many statements begin with one.
    """
    for sql, args in changes:
        if sql != INSERT_TEXT:
            cursor.execute(_to_sqlite(sql)[0], args)
            continue
        # In one statement, it would begin with a savepoint.
        text, item_id = args
        for (number,) in cursor.execute(_SELECT_NUMBER, (item_id,)).fetchall():
            cursor.execute(_to_sqlite(_INSERT_TEXT_OF_NUMBER)[0], (number, text))
