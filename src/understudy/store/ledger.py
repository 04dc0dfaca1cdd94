"""Usage and costs: one `usage` row and one `ledger` entry for each result, in one transaction with the sums.

`record` is yielded inside the transaction that stores a result. The sums (`balances`, `spending`) change with every
entry and are never recomputed. Knows no price and no model.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from understudy import ids
from understudy.errors.objects import unknown_ledger_cursor, unknown_project
from understudy.store.database import Bundle, Database, Row, Transaction
from understudy.store.sql import compose_sql

CREDITS_PER_USD: Final = 2_000_000
_DAY_SECONDS: Final = 86_400
# A sum is spread over so many rows, so that writers do not wait for each other; SQLite has one writer.
_SLOTS: Final = {"sqlite": 1, "postgres": 16}

Kind = Literal["completion", "embedding", "image", "video", "audio", "moderation"]
EntryType = Literal["PAYMENT", "BONUS", "REFUND", "ADJUSTMENT", "MODEL_USAGE", "CREDITS_EXPIRED", "INIT"]
Period = Literal["no_reset", "day", "week", "month"]


@dataclass(frozen=True, slots=True)
class Usage:
    """The usage of one result. `reference` identifies it: recording it again changes nothing.

    `cached_tokens` are part of `input_tokens`. `credits` is the cost, 0 unless `priced`: the price is unknown.
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


@dataclass(frozen=True, slots=True)
class SpendLimit:
    """`scope` is a key's or a project's id; `credits` may be spent in each `period`."""

    scope: str
    credits: int
    period: Period


@dataclass(frozen=True, slots=True)
class Spending:
    """A limit, and the credits spent of it in the current period."""

    limit: SpendLimit
    spent: int


@dataclass(frozen=True, slots=True)
class SpendingState:
    """What decides whether a project and its key may start a job. `balance` is None without a budget."""

    balance: int | None
    limits: tuple[Spending, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """A project's sums; `budgeted`: it may spend no more than its grants."""

    balance: int
    budgeted: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of a balance: incoming `credits` are positive."""

    id: str
    type: EntryType
    credits: int
    model: str | None
    reference: str | None
    created_at: int


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """`since` and `until` are Unix seconds, the first inclusive, the second not. `incoming` None means both."""

    since: int | None = None
    until: int | None = None
    incoming: bool | None = None
    type: EntryType | None = None


@dataclass(frozen=True, slots=True)
class EntryPage:
    entries: list[Entry]
    has_more: bool


def record(database: Database, project_id: str, usage: Usage) -> Transaction[bool]:
    """Counts usage and debits its cost, in the transaction that stores the result; False if it was counted before."""
    bundle = Bundle()
    used = bundle.add(
        f"{_INSERT_USAGE} ON CONFLICT (reference) DO NOTHING RETURNING reference", *_usage_arguments(project_id, usage)
    )
    _add_debit(bundle, used, project_id, usage, slot_of(database))
    return bool((yield bundle))


def add_usage(bundle: Bundle, after: str, project_id: str, usage: Usage, slot: int) -> None:
    """`record` as a part of a bundle; the rows of `after` guard against counting twice."""
    places = ", ".join(f"${number}" for number in range(1, 14))
    sql = compose_sql("INSERT INTO usage (", _COLUMNS, ") SELECT", places, "FROM", after, "RETURNING reference")
    used = bundle.add(sql, *_usage_arguments(project_id, usage))
    _add_debit(bundle, used, project_id, usage, slot)


def slot_of(database: Database) -> int:
    """The slot of the sums that a transaction changes."""
    return random.randrange(_SLOTS[database.dialect])  # noqa: S311 - spreads writers, no secret


class Ledger:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, project_id: str, usage: Usage) -> bool:
        """`record` in a transaction of its own; durable when this returns."""
        return await self._database.write(record, self._database, project_id, usage)

    async def grant(
        self, project_id: str, credits_: int, type_: EntryType, now: int, note: str | None = None
    ) -> Account:
        """Adds to a project's balance, which limits it from then on: the balance is 0 before the first grant.

        A negative amount takes credits back. Raises InvalidRequest for an unknown project.
        """
        return await self._database.write(_grant_credits, project_id, credits_, type_, now, note)

    async def top_up(self, project_id: str, below: int, credits_: int, now: int) -> bool:
        """Adds `credits_` if the balance is below `below`; only one of several concurrent calls does."""
        return await self._database.write(_top_up, project_id, below, credits_, now)

    async def remove_budget(self, project_id: str) -> bool:
        """Removes the project's budget; its entries and its balance stay. False if it has none."""
        return await self._database.write(_remove_budget, project_id)

    async def account(self, project_id: str) -> Account:
        return await self._database.read(_select_account, project_id)

    async def spending_state(self, project_id: str, key_id: str, now: int) -> SpendingState:
        return await self._database.read(_spending_state, project_id, key_id, now)

    async def spending(self, limit: SpendLimit, project_id: str, now: int) -> int:
        """Credits spent in the limit's current period by its key or project."""
        return await self._database.read(_sum_spending, limit, project_id, now)

    async def limit(self, scope: str) -> SpendLimit | None:
        return await self._database.read(_select_limit, scope)

    async def set_limit(self, limit: SpendLimit) -> None:
        await self._database.write(_upsert_limit, limit)

    async def drop_limit(self, scope: str) -> None:
        await self._database.write(_delete_limit, scope)

    async def entries(self, project_id: str, entry_filter: EntryFilter, limit: int, after: str | None) -> EntryPage:
        """Entries, newest first. Raises InvalidRequest for an unknown cursor."""
        return await self._database.read(_list_entries, project_id, entry_filter, limit, after)


# -- recording ---------------------------------------------------------------------------------------------------

_COLUMNS = (
    "reference, project_id, key_id, kind, model, batch, requests, input_tokens, cached_tokens, output_tokens, credits,"
    " priced, created_at"
)
_INSERT_USAGE = compose_sql(
    "INSERT INTO usage (", _COLUMNS, ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
)
_ENTRY_COLUMNS = "id, project_id, type, credits, model, reference, created_at"
_INSERT_ENTRY = compose_sql("INSERT INTO ledger (", _ENTRY_COLUMNS, ") VALUES ($1, $2, $3, $4, $5, $6, $7)")
_ADD_TO_BALANCE = "ON CONFLICT (project_id, slot) DO UPDATE SET credits = balances.credits + excluded.credits"
_UPSERT_BALANCE = compose_sql("INSERT INTO balances (project_id, slot, credits) VALUES ($1, $2, $3)", _ADD_TO_BALANCE)
# Without a condition, SQLite would parse ON as a part of a join.
_DEBIT = compose_sql(
    "INSERT INTO balances (project_id, slot, credits) SELECT $1, $2, $3 FROM {used} WHERE true", _ADD_TO_BALANCE
)
_SPEND = (
    "INSERT INTO spending (project_id, day, key_id, slot, credits) SELECT $1, $2, $3, $4, $5 FROM {used} WHERE true"
    " ON CONFLICT (project_id, day, key_id, slot) DO UPDATE SET credits = spending.credits + excluded.credits"
)


def _add_debit(bundle: Bundle, used: str, project_id: str, usage: Usage, slot: int) -> None:
    if not usage.credits:
        return
    entry = Entry(ids.ledger_entry(), "MODEL_USAGE", -usage.credits, usage.model, usage.reference, usage.created_at)
    sql = compose_sql("INSERT INTO ledger (", _ENTRY_COLUMNS, ") SELECT $1, $2, $3, $4, $5, $6, $7 FROM", used)
    bundle.add(sql, *_entry_arguments(project_id, entry))
    bundle.add(_DEBIT.replace("{used}", used), project_id, slot, entry.credits)
    day = usage.created_at // _DAY_SECONDS
    bundle.add(_SPEND.replace("{used}", used), project_id, day, usage.key_id, slot, usage.credits)


def _usage_arguments(project_id: str, usage: Usage) -> tuple[object, ...]:
    return (
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
    )


def _entry_arguments(project_id: str, entry: Entry) -> tuple[object, ...]:
    return (entry.id, project_id, entry.type, entry.credits, entry.model, entry.reference, entry.created_at)


def _insert_entry(project_id: str, entry: Entry, slot: int) -> Transaction[None]:
    yield _INSERT_ENTRY, _entry_arguments(project_id, entry)
    yield _UPSERT_BALANCE, (project_id, slot, entry.credits)


# -- balances ----------------------------------------------------------------------------------------------------

_BALANCE = "SELECT CAST(COALESCE(sum(credits), 0) AS BIGINT) FROM balances WHERE project_id = $1"
_ACCOUNT = compose_sql("SELECT (", _BALANCE, "), (SELECT count(*) FROM budgets WHERE project_id = $1)")


def _select_account(project_id: str) -> Transaction[Account]:
    rows = yield _ACCOUNT, (project_id,)
    return Account(rows[0][0], bool(rows[0][1]))


def _grant_credits(
    project_id: str, credits_: int, type_: EntryType, now: int, note: str | None
) -> Transaction[Account]:
    if not (yield "SELECT 1 FROM projects WHERE id = $1", (project_id,)):
        raise unknown_project(project_id)
    created = yield (
        "INSERT INTO budgets (project_id, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING created_at",
        (project_id, now),
    )
    if created:
        used = (yield from _select_account(project_id)).balance
        if used:
            # Usage before the first grant is not debited from it.
            yield from _insert_entry(project_id, Entry(ids.ledger_entry(), "INIT", -used, None, None, now), 0)
    yield from _insert_entry(project_id, Entry(ids.ledger_entry(), type_, credits_, None, note, now), 0)
    return (yield from _select_account(project_id))


def _top_up(project_id: str, below: int, credits_: int, now: int) -> Transaction[bool]:
    if not (yield "SELECT 1 FROM budgets WHERE project_id = $1 FOR UPDATE", (project_id,)):
        return False
    if (yield from _select_account(project_id)).balance >= below:
        return False
    yield from _insert_entry(project_id, Entry(ids.ledger_entry(), "PAYMENT", credits_, None, "auto top-up", now), 0)
    return True


def _remove_budget(project_id: str) -> Transaction[bool]:
    return bool((yield "DELETE FROM budgets WHERE project_id = $1 RETURNING 1", (project_id,)))


# -- limits ------------------------------------------------------------------------------------------------------


def _spending_state(project_id: str, key_id: str, now: int) -> Transaction[SpendingState]:
    limits = yield "SELECT scope, credits, period FROM spend_limits WHERE scope IN ($1, $2)", (project_id, key_id)
    spending = []
    for row in limits:
        limit = SpendLimit(*row)
        spending.append(Spending(limit, (yield from _sum_spending(limit, project_id, now))))
    account = yield from _select_account(project_id)
    return SpendingState(account.balance if account.budgeted else None, tuple(spending))


def _sum_spending(limit: SpendLimit, project_id: str, now: int) -> Transaction[int]:
    sql = "SELECT CAST(COALESCE(sum(credits), 0) AS BIGINT) FROM spending WHERE project_id = $1 AND day >= $2"
    args: tuple[object, ...] = (project_id, first_day(limit.period, now))
    if limit.scope != project_id:
        sql, args = sql + " AND key_id = $3", (*args, limit.scope)
    rows = yield sql, args
    return int(rows[0][0])


def first_day(period: Period, now: int) -> int:
    """The first day of the period that `now` is in, in days since 1970; weeks begin on Monday, all in UTC."""
    day = now // _DAY_SECONDS
    match period:
        case "no_reset":
            return 0
        case "day":
            return day
        case "week":
            return day - datetime.fromtimestamp(now, UTC).weekday()
        case "month":
            return day - datetime.fromtimestamp(now, UTC).day + 1


def _select_limit(scope: str) -> Transaction[SpendLimit | None]:
    rows = yield "SELECT scope, credits, period FROM spend_limits WHERE scope = $1", (scope,)
    return SpendLimit(*rows[0]) if rows else None


def _upsert_limit(limit: SpendLimit) -> Transaction[None]:
    sql = (
        "INSERT INTO spend_limits (scope, credits, period) VALUES ($1, $2, $3)"
        " ON CONFLICT (scope) DO UPDATE SET credits = excluded.credits, period = excluded.period"
    )
    yield sql, (limit.scope, limit.credits, limit.period)


def _delete_limit(scope: str) -> Transaction[None]:
    yield "DELETE FROM spend_limits WHERE scope = $1", (scope,)


# -- reading -----------------------------------------------------------------------------------------------------

_ENTRIES = "SELECT id, type, credits, model, reference, created_at FROM ledger WHERE project_id = $1"


def _list_entries(project_id: str, entry_filter: EntryFilter, limit: int, after: str | None) -> Transaction[EntryPage]:
    args: list[object] = [project_id]
    conditions = ""
    if after is not None:
        args.append((yield from _find_entry(project_id, after)))
        conditions += f" AND seq < ${len(args)}"
    for condition, value in (
        ("created_at >=", entry_filter.since),
        ("created_at <", entry_filter.until),
        ("type =", entry_filter.type),
    ):
        if value is not None:
            args.append(value)
            conditions += f" AND {condition} ${len(args)}"
    if entry_filter.incoming is not None:
        conditions += " AND credits >= 0" if entry_filter.incoming else " AND credits < 0"
    rows: Sequence[Row] = yield (
        f"{_ENTRIES}{conditions} ORDER BY seq DESC LIMIT ${len(args) + 1}",
        (*args, limit + 1),
    )
    return EntryPage([Entry(*row) for row in rows[:limit]], len(rows) > limit)


def _find_entry(project_id: str, cursor: str) -> Transaction[int]:
    rows = yield "SELECT seq FROM ledger WHERE project_id = $1 AND id = $2", (project_id, cursor)
    if not rows:
        raise unknown_ledger_cursor(cursor)
    return int(rows[0][0])
