"""The ledger of a project: its balance, grants and entries. Knows no price and no model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from understudy import ids
from understudy.errors.objects import unknown_ledger_cursor, unknown_project
from understudy.store import audit_logs
from understudy.store.audit_logs import Change
from understudy.store.charges import Entry, EntryType, Usage, insert_entry, record
from understudy.store.database import Database, Row, Transaction
from understudy.store.pages import RecordPage
from understudy.store.spending import (
    Account,
    SpendingState,
    SpendLimit,
    delete_limit,
    select_account,
    select_limit,
    spending_state,
    sum_spending,
    upsert_limit,
)
from understudy.store.usage_journal import UsageJournal, fold_before_reading

CREDITS_PER_USD: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """`since` and `until` are Unix seconds, the first inclusive, the second not. `incoming` None means both."""

    since: int | None = None
    until: int | None = None
    incoming: bool | None = None
    type: EntryType | None = None


class Ledger:
    """Whatever reads sums or entries folds the journals of this data directory before."""

    def __init__(self, database: Database, journal: UsageJournal) -> None:
        self._database = database
        self._journal = journal

    async def record(self, project_id: str, usage: Usage) -> bool:
        """`record` in a transaction of its own; durable when this returns."""
        return await self._database.write(record, self._database, project_id, usage)

    async def grant(
        self,
        project_id: str,
        credits_: int,
        type_: EntryType,
        now: int,
        note: str | None = None,
        change: Change | None = None,
    ) -> Account:
        """Adds to a project's balance, which limits it from then on: the balance is 0 before the first grant.

        A negative amount takes credits back. A `change` is in the audit log. Raises InvalidRequest for an unknown
        project.
        """
        await fold_before_reading(self._journal)
        return await self._database.write(_grant_credits, project_id, credits_, type_, now, note, change)

    async def top_up(self, project_id: str, below: int, credits_: int, now: int) -> bool:
        """Adds `credits_` if the balance is below `below`; only one of several concurrent calls does."""
        await fold_before_reading(self._journal)
        return await self._database.write(_top_up, project_id, below, credits_, now)

    async def remove_budget(self, project_id: str, change: Change) -> bool:
        """Removes the project's budget; its entries and its balance stay. False if it has none."""
        return await self._database.write(_remove_budget, project_id, change)

    async def account(self, project_id: str) -> Account:
        await fold_before_reading(self._journal)
        return await self._database.read(select_account, project_id)

    async def spending_state(self, project_id: str, key_id: str, now: int) -> SpendingState:
        """The state with the records of this process that are not folded. Folds nothing."""
        while True:
            journal = self._journal.id
            state, position = await self._database.read(spending_state, project_id, key_id, now, journal)
            unfolded = self._journal.unfolded_credits(journal, position)
            if unfolded is not None:
                return state.spend(project_id, unfolded)

    async def spending(self, limit: SpendLimit, project_id: str, now: int) -> int:
        """Credits spent in the limit's current period by its key or project."""
        await fold_before_reading(self._journal)
        return await self._database.read(sum_spending, limit, project_id, now)

    async def limit(self, scope: str) -> SpendLimit | None:
        return await self._database.read(select_limit, scope)

    async def change_limit(self, project_id: str, scope: str, limit: SpendLimit | None, change: Change) -> None:
        """Sets the limit of a project, or of a key of it, or removes it for None; in the audit log."""
        await self._database.write(_change_limit, project_id, scope, limit, change)

    async def entries(
        self, project_id: str, entry_filter: EntryFilter, limit: int, after: str | None
    ) -> RecordPage[Entry]:
        """Entries, newest first. Raises InvalidRequest for an unknown cursor."""
        await fold_before_reading(self._journal)
        return await self._database.read(_list_entries, project_id, entry_filter, limit, after)


# -- balances ----------------------------------------------------------------------------------------------------


def _grant_credits(
    project_id: str, credits_: int, type_: EntryType, now: int, note: str | None, change: Change | None
) -> Transaction[Account]:
    if not (yield "SELECT 1 FROM projects WHERE id = $1", (project_id,)):
        raise unknown_project(project_id)
    created = yield (
        "INSERT INTO budgets (project_id, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING created_at",
        (project_id, now),
    )
    if created:
        used = (yield from select_account(project_id)).balance
        if used:
            # Usage before the first grant is not debited from it.
            yield from insert_entry(project_id, Entry(ids.ledger_entry(), "INIT", -used, None, None, now), 0)
    yield from insert_entry(project_id, Entry(ids.ledger_entry(), type_, credits_, None, note, now), 0)
    if change is not None:
        details = {"data": {"credits": credits_, "type": type_}}
        yield from audit_logs.insert_entry(change, "understudy.credits.granted", project_id, details, project_id)
    return (yield from select_account(project_id))


def _top_up(project_id: str, below: int, credits_: int, now: int) -> Transaction[bool]:
    if not (yield "SELECT 1 FROM budgets WHERE project_id = $1 FOR UPDATE", (project_id,)):
        return False
    if (yield from select_account(project_id)).balance >= below:
        return False
    yield from insert_entry(project_id, Entry(ids.ledger_entry(), "PAYMENT", credits_, None, "auto top-up", now), 0)
    return True


def _remove_budget(project_id: str, change: Change) -> Transaction[bool]:
    if not (yield "DELETE FROM budgets WHERE project_id = $1 RETURNING 1", (project_id,)):
        return False
    details = {"changes_requested": {"budget": None}}
    yield from audit_logs.insert_entry(change, "project.updated", project_id, details, project_id)
    return True


def _change_limit(project_id: str, scope: str, limit: SpendLimit | None, change: Change) -> Transaction[None]:
    yield from (delete_limit(scope) if limit is None else upsert_limit(limit))
    requested = None if limit is None else {"credits": limit.credits, "period": limit.period}
    details = {"changes_requested": {"spend_limit": requested}}
    type_: audit_logs.EventType = "project.updated" if scope == project_id else "api_key.updated"
    yield from audit_logs.insert_entry(change, type_, scope, details, project_id)


# -- reading -----------------------------------------------------------------------------------------------------

_ENTRIES = "SELECT id, type, credits, model, reference, created_at FROM ledger WHERE project_id = $1"


def _list_entries(
    project_id: str, entry_filter: EntryFilter, limit: int, after: str | None
) -> Transaction[RecordPage[Entry]]:
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
    return RecordPage([Entry(*row) for row in rows[:limit]], len(rows) > limit)


def _find_entry(project_id: str, cursor: str) -> Transaction[int]:
    rows = yield "SELECT seq FROM ledger WHERE project_id = $1 AND id = $2", (project_id, cursor)
    if not rows:
        raise unknown_ledger_cursor(cursor)
    return int(rows[0][0])
