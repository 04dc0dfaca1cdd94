"""Spend limits of keys and projects, and what is spent of them in their current period."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from understudy.store.charges import DAY_SECONDS
from understudy.store.database import Transaction
from understudy.store.sql import compose_sql

Period = Literal["no_reset", "day", "week", "month"]


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


_BALANCE = "SELECT CAST(COALESCE(sum(credits), 0) AS BIGINT) FROM balances WHERE project_id = $1"
_ACCOUNT = compose_sql("SELECT (", _BALANCE, "), (SELECT count(*) FROM budgets WHERE project_id = $1)")


def select_account(project_id: str) -> Transaction[Account]:
    rows = yield _ACCOUNT, (project_id,)
    return Account(rows[0][0], bool(rows[0][1]))


def spending_state(project_id: str, key_id: str, now: int) -> Transaction[SpendingState]:
    limits = yield "SELECT scope, credits, period FROM spend_limits WHERE scope IN ($1, $2)", (project_id, key_id)
    spending = []
    for row in limits:
        limit = SpendLimit(*row)
        spending.append(Spending(limit, (yield from sum_spending(limit, project_id, now))))
    account = yield from select_account(project_id)
    return SpendingState(account.balance if account.budgeted else None, tuple(spending))


def sum_spending(limit: SpendLimit, project_id: str, now: int) -> Transaction[int]:
    sql = "SELECT CAST(COALESCE(sum(credits), 0) AS BIGINT) FROM spending WHERE project_id = $1 AND day >= $2"
    args: tuple[object, ...] = (project_id, first_day(limit.period, now))
    if limit.scope != project_id:
        sql, args = sql + " AND key_id = $3", (*args, limit.scope)
    rows = yield sql, args
    return int(rows[0][0])


def first_day(period: Period, now: int) -> int:
    """The first day of the period that `now` is in, in days since 1970; weeks begin on Monday, all in UTC."""
    day = now // DAY_SECONDS
    match period:
        case "no_reset":
            return 0
        case "day":
            return day
        case "week":
            return day - datetime.fromtimestamp(now, UTC).weekday()
        case "month":
            return day - datetime.fromtimestamp(now, UTC).day + 1


def select_limit(scope: str) -> Transaction[SpendLimit | None]:
    rows = yield "SELECT scope, credits, period FROM spend_limits WHERE scope = $1", (scope,)
    return SpendLimit(*rows[0]) if rows else None


def upsert_limit(limit: SpendLimit) -> Transaction[None]:
    sql = (
        "INSERT INTO spend_limits (scope, credits, period) VALUES ($1, $2, $3)"
        " ON CONFLICT (scope) DO UPDATE SET credits = excluded.credits, period = excluded.period"
    )
    yield sql, (limit.scope, limit.credits, limit.period)


def delete_limit(scope: str) -> Transaction[None]:
    yield "DELETE FROM spend_limits WHERE scope = $1", (scope,)
