"""Limits of projects and keys that differ from the settings'. Knows no default, and counts no use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from understudy.store.audit_logs import Change, EventType, insert_entry
from understudy.store.database import Database, Transaction

Metric = Literal[
    "requests_per_minute",
    "requests_per_day",
    "tokens_per_minute",
    "tokens_per_day",
    "batch_tokens_per_day",
    "images_per_minute",
    "audio_megabytes_per_minute",
    "concurrent_runs",
    "stored_bytes",
    "vector_stores",
]
METRICS: Final[tuple[Metric, ...]] = get_args(Metric)
UNLIMITED: Final = -1
"""The amount of a limit that overrides the settings' with none."""


@dataclass(frozen=True, slots=True)
class Limit:
    """`scope` is a project's or a key's id; `model` is empty for the sum of all models."""

    scope: str
    model: str
    metric: Metric
    amount: int


@dataclass(frozen=True, slots=True)
class LimitChange:
    """The amounts to set by metric; None removes a limit, so that the settings' applies. `requested` is for the log."""

    project_id: str
    scope: str
    model: str
    amounts: Mapping[Metric, int | None]
    type: EventType
    resource_id: str
    requested: Mapping[str, Any]


def describe_change(scope: str, project_id: str, model: str, amounts: Mapping[Metric, int | None]) -> LimitChange:
    """The change of limits of a project, key or model, as the audit log has it."""
    requested: dict[str, Any] = {
        metric: "unlimited" if amount == UNLIMITED else amount for metric, amount in amounts.items()
    }
    if model:
        return LimitChange(project_id, scope, model, amounts, "rate_limit.updated", f"rl-{model}", requested)
    type_: EventType = "project.updated" if scope == project_id else "api_key.updated"
    return LimitChange(project_id, scope, "", amounts, type_, scope, {"limits": requested})


class Limits:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def count_changes(self) -> int:
        """The number of changes of limits and permissions since the database was created."""
        return await self._database.read(_count_changes)

    async def list(self, scopes: Sequence[str]) -> list[Limit]:
        """Those of two scopes at most, which may be empty."""
        return await self._database.read(_list_limits, scopes)

    async def change(self, requested: LimitChange, change: Change) -> None:
        """Sets or removes limits; in the audit log."""
        await self._database.write(_change_limits, requested, change)


def count_policy_change() -> Transaction[None]:
    """Part of each transaction that changes limits or permissions: other processes drop what they have cached."""
    if not (yield "UPDATE policy_changes SET number = number + 1 RETURNING number", ()):
        yield "INSERT INTO policy_changes (number) VALUES (1)", ()


def _count_changes() -> Transaction[int]:
    rows = yield "SELECT CAST(COALESCE(sum(number), 0) AS BIGINT) FROM policy_changes", ()
    return int(rows[0][0])


def _list_limits(scopes: Sequence[str]) -> Transaction[list[Limit]]:
    first, second = [*scopes, "", ""][:2]
    sql = "SELECT scope, model, metric, amount FROM limits WHERE scope IN ($1, $2) ORDER BY scope, model, metric"
    return [Limit(*row) for row in (yield sql, (first, second))]


def _change_limits(requested: LimitChange, change: Change) -> Transaction[None]:
    for metric, amount in requested.amounts.items():
        named = (requested.scope, requested.model, metric)
        if amount is None:
            yield "DELETE FROM limits WHERE scope = $1 AND model = $2 AND metric = $3", named
        else:
            sql = (
                "INSERT INTO limits (scope, model, metric, amount) VALUES ($1, $2, $3, $4)"
                " ON CONFLICT (scope, model, metric) DO UPDATE SET amount = excluded.amount"
            )
            yield sql, (*named, amount)
    details = {"changes_requested": requested.requested}
    yield from insert_entry(change, requested.type, requested.resource_id, details, requested.project_id)
    yield from count_policy_change()
