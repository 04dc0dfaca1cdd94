"""What a list of threads shows beside the threads: a preview, the number of messages, the last run, the match."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from understudy.store.database import Database, Transaction
from understudy.store.sql import SqlArguments, compose_sql
from understudy.wire.thread_details import LastRun, ThreadDetail, ThreadMatch

MAX_COUNTED_MESSAGES: Final = 10_000
_MAX_PREVIEW: Final = 200
_IS_MESSAGE: Final = "items.thread_id = threads.id AND items.kind = 'message' AND items.body IS NOT NULL"
_PREVIEW: Final = compose_sql(
    "(SELECT items.body FROM items WHERE", _IS_MESSAGE, "AND items.role = 'user' ORDER BY items.seq LIMIT 1)"
)
_COUNT: Final = compose_sql(
    "(SELECT count(*) FROM (SELECT 1 FROM items WHERE", _IS_MESSAGE, f"LIMIT {MAX_COUNTED_MESSAGES}) AS counted)"
)
_LAST_RUN: Final = (
    "(SELECT runs.body FROM runs WHERE runs.thread_id = threads.id AND runs.kind = 'run' AND runs.body IS NOT NULL"
    " ORDER BY runs.seq DESC LIMIT 1)"
)
_NOTHING: Final = "CAST(NULL AS TEXT)"


class _Text(Struct):
    value: str


class _Part(Struct):
    text: _Text | UnsetType = UNSET


class _Message(Struct):
    id: str
    content: list[_Part]


_decode_message = msgspec.json.Decoder(_Message).decode
_decode_run = msgspec.json.Decoder(LastRun).decode


def describe_threads(
    database: Database, thread_ids: Sequence[str], wanted: frozenset[ThreadDetail], text: str | None
) -> Transaction[dict[str, dict[str, object]]]:
    """The wanted members of each thread, by its id. `text`: the words that a match has."""
    arguments = SqlArguments()
    match = _NOTHING
    if "match" in wanted and text is not None:
        found = database.text_match.replace("$1", arguments.bind(database.text_query(text)))
        match = compose_sql(
            "(SELECT items.body FROM items WHERE",
            _IS_MESSAGE,
            "AND items.seq IN (",
            found,
            ") ORDER BY items.seq DESC LIMIT 1)",
        )
    columns = [
        _PREVIEW if "preview" in wanted else _NOTHING,
        _COUNT if "message_count" in wanted else _NOTHING,
        _LAST_RUN if "last_run" in wanted else _NOTHING,
        match,
        "last_active_at" if "last_active_at" in wanted else "0",
    ]
    sql = compose_sql(
        "SELECT id,", ", ".join(columns), "FROM threads WHERE id IN (", arguments.bind_all(thread_ids), ")"
    )
    rows = yield sql, arguments.values
    return {row[0]: _render_members(wanted, *row[1:]) for row in rows}


def _render_members(
    wanted: frozenset[ThreadDetail],
    preview: str | None,
    count: int | None,
    last_run: str | None,
    match: str | None,
    active_at: int,
) -> dict[str, object]:
    members: dict[str, object] = {}
    if "preview" in wanted:
        members["preview"] = None if preview is None else _text_of(_decode_message(preview))[:_MAX_PREVIEW]
    if "message_count" in wanted:
        members["message_count"] = count
    if "last_run" in wanted:
        members["last_run"] = None if last_run is None else _decode_run(last_run)
    if "match" in wanted:
        members["match"] = None if match is None else _render_match(_decode_message(match))
    if "last_active_at" in wanted:
        members["last_active_at"] = active_at / 1000
    return members


def _render_match(message: _Message) -> ThreadMatch:
    return ThreadMatch(message.id, _text_of(message))


def _text_of(message: _Message) -> str:
    return " ".join(part.text.value for part in message.content if part.text is not UNSET)
