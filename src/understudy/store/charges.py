"""Charges: one `usage` row and one `ledger` entry for each result, in one transaction with the sums.

`record` is yielded inside the transaction that stores a result. The sums (`balances`, `spending`) change with every
entry and are never recomputed. Knows no price and no model.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from understudy import ids
from understudy.store.database import Bundle, Database, Transaction
from understudy.store.sql import compose_sql, insert_rows, split_batches, sql_parameters

DAY_SECONDS: Final = 86_400
# A sum is spread over so many rows, so that writers do not wait for each other; SQLite has one writer.
_SLOTS: Final = {"sqlite": 1, "postgres": 16}
Kind = Literal[
    "completion",
    "embedding",
    "image",
    "video",
    "speech",
    "transcription",
    "moderation",
    "web_search",
    "reranking",
]
EntryType = Literal["PAYMENT", "BONUS", "REFUND", "ADJUSTMENT", "MODEL_USAGE", "CREDITS_EXPIRED", "INIT"]


class Usage(msgspec.Struct, frozen=True, gc=False):
    """The usage of one result. `reference` identifies it: recording it again changes nothing.

    `units` are images, characters of speech, seconds of a transcribed recording, or web searches, by `kind`.
    `cached_tokens` and `input_audio_tokens` are parts of `input_tokens`, as `output_audio_tokens` are of
    `output_tokens`. `credits` is the cost, 0 unless `priced`: the price is unknown.
    `created_at` is in Unix seconds.
    """

    reference: str
    kind: Kind
    model: str
    created_at: int
    key_id: str = ""
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    credits: int = 0
    priced: bool = True
    batch: bool = False
    requests: int = 1
    units: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0


class UsageRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A row of `usage`, in the order of its columns. New members have a default and are at the end, since the journals
    of an earlier version are read as well."""

    reference: str
    project_id: str
    key_id: str
    kind: Kind
    model: str
    batch: int
    requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    credits: int
    priced: int
    created_at: int
    units: int
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of a balance: incoming `credits` are positive."""

    id: str
    type: EntryType
    credits: int
    model: str | None
    reference: str | None
    created_at: int


def row_of(project_id: str, usage: Usage) -> UsageRow:
    return UsageRow(
        usage.reference,
        project_id,
        usage.key_id,
        usage.kind,
        usage.model,
        int(usage.batch),
        usage.requests,
        usage.input_tokens,
        usage.cached_tokens,
        usage.output_tokens,
        usage.credits,
        int(usage.priced),
        usage.created_at,
        usage.units,
        usage.input_audio_tokens,
        usage.output_audio_tokens,
    )


def record(database: Database, project_id: str, usage: Usage) -> Transaction[bool]:
    """Counts usage and debits its cost, in the transaction that stores the result; False if it was counted before."""
    bundle = Bundle()
    used = bundle.add(
        f"{_INSERT_USAGE} ON CONFLICT (reference) DO NOTHING RETURNING reference", *_usage_arguments(project_id, usage)
    )
    _add_debit(bundle, used, project_id, usage, slot_of(database))
    return bool((yield bundle))


def record_group(database: Database, records: Sequence[UsageRow]) -> Transaction[int]:
    """`record` for many results; returns how many were not counted before. A sum changes once for the whole group."""
    unique = {row.reference: row for row in reversed(records)}
    counted: list[UsageRow] = []
    for batch in split_batches([*reversed(unique.values())]):
        rows = [msgspec.structs.astuple(row) for row in batch]
        inserted = yield from insert_rows(
            "usage", _COLUMNS, rows, "ON CONFLICT (reference) DO NOTHING RETURNING reference"
        )
        counted += [unique[row[0]] for row in inserted]
    yield from _debit_group([row for row in counted if row.credits], slot_of(database))
    return len(counted)


def add_usage(bundle: Bundle, after: str, project_id: str, usage: Usage, slot: int) -> None:
    """`record` as a part of a bundle; the rows of `after` guard against counting twice."""
    sql = compose_sql("INSERT INTO usage (", _COLUMNS, ") SELECT", _PLACES, "FROM", after, "RETURNING reference")
    used = bundle.add(sql, *_usage_arguments(project_id, usage))
    _add_debit(bundle, used, project_id, usage, slot)


def slot_of(database: Database) -> int:
    """The slot of the sums that a transaction changes."""
    return int(random.random() * _SLOTS[database.dialect])  # noqa: S311 - spreads writers, no secret


_COLUMNS = (
    "reference, project_id, key_id, kind, model, batch, requests, input_tokens, cached_tokens, output_tokens, credits,"
    " priced, created_at, units, input_audio_tokens, output_audio_tokens"
)
_PLACES = sql_parameters(1, 16)
_INSERT_USAGE = compose_sql("INSERT INTO usage (", _COLUMNS, ") VALUES (", _PLACES, ")")
_ENTRY_COLUMNS = "id, project_id, type, credits, model, reference, created_at"
_INSERT_ENTRY = compose_sql("INSERT INTO ledger (", _ENTRY_COLUMNS, ") VALUES ($1, $2, $3, $4, $5, $6, $7)")
_ADD_TO_BALANCE = "ON CONFLICT (project_id, slot) DO UPDATE SET credits = balances.credits + excluded.credits"
_UPSERT_BALANCE = compose_sql("INSERT INTO balances (project_id, slot, credits) VALUES ($1, $2, $3)", _ADD_TO_BALANCE)
# Without a condition, SQLite would parse ON as a part of a join.
_DEBIT = compose_sql(
    "INSERT INTO balances (project_id, slot, credits) SELECT $1, $2, $3 FROM {used} WHERE true", _ADD_TO_BALANCE
)
_ADD_TO_SPENDING = (
    "ON CONFLICT (project_id, day, key_id, slot) DO UPDATE SET credits = spending.credits + excluded.credits"
)
_SPEND = compose_sql(
    "INSERT INTO spending (project_id, day, key_id, slot, credits) SELECT $1, $2, $3, $4, $5 FROM {used} WHERE true",
    _ADD_TO_SPENDING,
)


def _add_debit(bundle: Bundle, used: str, project_id: str, usage: Usage, slot: int) -> None:
    if not usage.credits:
        return
    entry = _usage_entry(usage)
    sql = compose_sql("INSERT INTO ledger (", _ENTRY_COLUMNS, ") SELECT $1, $2, $3, $4, $5, $6, $7 FROM", used)
    bundle.add(sql, *_entry_arguments(project_id, entry))
    bundle.add(_DEBIT.replace("{used}", used), project_id, slot, entry.credits)
    day = usage.created_at // DAY_SECONDS
    bundle.add(_SPEND.replace("{used}", used), project_id, day, usage.key_id, slot, usage.credits)


def _debit_group(records: Sequence[UsageRow], slot: int) -> Transaction[None]:
    """Sorted, so that two groups change the sums in the same order."""
    balances: dict[str, int] = {}
    spending: dict[tuple[str, int, str], int] = {}
    entries: list[tuple[Any, ...]] = []
    for row in records:
        day = row.project_id, row.created_at // DAY_SECONDS, row.key_id
        balances[row.project_id] = balances.get(row.project_id, 0) - row.credits
        spending[day] = spending.get(day, 0) + row.credits
        entries.append(_entry_arguments(row.project_id, _usage_entry(row)))
    for batch in split_batches(entries):
        yield from insert_rows("ledger", _ENTRY_COLUMNS, batch)
    sums = [(project_id, slot, credits_) for project_id, credits_ in sorted(balances.items())]
    for sum_batch in split_batches(sums):
        yield from insert_rows("balances", "project_id, slot, credits", sum_batch, _ADD_TO_BALANCE)
    spent = [(*day, slot, credits_) for day, credits_ in sorted(spending.items())]
    for spent_batch in split_batches(spent):
        yield from insert_rows("spending", "project_id, day, key_id, slot, credits", spent_batch, _ADD_TO_SPENDING)


def _usage_entry(usage: Usage | UsageRow) -> Entry:
    return Entry(ids.ledger_entry(), "MODEL_USAGE", -usage.credits, usage.model, usage.reference, usage.created_at)


def _usage_arguments(project_id: str, usage: Usage) -> tuple[Any, ...]:
    return msgspec.structs.astuple(row_of(project_id, usage))


def _entry_arguments(project_id: str, entry: Entry) -> tuple[object, ...]:
    return (entry.id, project_id, entry.type, entry.credits, entry.model, entry.reference, entry.created_at)


def insert_entry(project_id: str, entry: Entry, slot: int) -> Transaction[None]:
    yield _INSERT_ENTRY, _entry_arguments(project_id, entry)
    yield _UPSERT_BALANCE, (project_id, slot, entry.credits)
