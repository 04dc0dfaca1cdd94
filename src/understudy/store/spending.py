"""Spend limits of keys and projects, and what is spent of them in their current period."""

from collections.abc import Mapping
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

    def spend(self, project_id: str, credits_: Mapping[str, int]) -> "SpendingState":
        """The state after the project and its keys have spent these credits, by their ids."""
        balance = None if self.balance is None else self.balance - credits_.get(project_id, 0)
        limits = tuple([Spending(one.limit, one.spent + credits_.get(one.limit.scope, 0)) for one in self.limits])
        return SpendingState(balance, limits)


@dataclass(frozen=True, slots=True)
class Account:
    """A project's sums; `budgeted`: it may spend no more than its grants."""

    balance: int
    budgeted: bool


_BALANCE = "SELECT CAST(COALESCE(sum(credits), 0) AS BIGINT) FROM balances WHERE project_id = $1"
_ACCOUNT = compose_sql("SELECT (", _BALANCE, "), (SELECT count(*) FROM budgets WHERE project_id = $1)")


_SPENT = (
    "SELECT CAST(COALESCE(sum(credits), 0) AS BIGINT) FROM spending WHERE project_id = $1"
    " AND (scope = $1 OR key_id = scope) AND day >="
    " CASE period WHEN 'day' THEN $4 WHEN 'week' THEN $5 WHEN 'month' THEN $6 ELSE 0 END"
)
_SPENDING_STATE = compose_sql(
    "SELECT (",
    _BALANCE,
    "), (SELECT count(*) FROM budgets WHERE project_id = $1),"
    " COALESCE((SELECT position FROM usage_journals WHERE id = $3), 0), scope, credits_limit, period, (",
    _SPENT,
    ") FROM (SELECT 1) AS one LEFT JOIN (SELECT scope, credits AS credits_limit, period FROM spend_limits"
    " WHERE scope IN ($1, $2)) AS limits ON true",
)


def select_account(project_id: str) -> Transaction[Account]:
    rows = yield _ACCOUNT, (project_id,)
    return Account(rows[0][0], bool(rows[0][1]))


def spending_state(project_id: str, key_id: str, now: int, journal: str = "") -> Transaction[tuple[SpendingState, int]]:
    """The state, and the position up to which the usage journal with the id `journal` is part of it.

    One statement, which reads one moment.
    """
    days = [first_day(period, now) for period in ("day", "week", "month")]
    rows = yield _SPENDING_STATE, (project_id, key_id, journal, *days)
    limits = tuple([Spending(SpendLimit(*row[3:6]), row[6]) for row in rows if row[3] is not None])
    balance, is_budgeted, position = rows[0][:3]
    return SpendingState(balance if is_budgeted else None, limits), position


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
