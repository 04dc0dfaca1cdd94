"""The states of a run and the legal transitions between them: the table that guards each change of a status.

Source: the run lifecycle of the Assistants API v2.
"""

from typing import Final

from understudy.wire.run_outcome import RunStatus

TRANSITIONS: Final[dict[RunStatus, frozenset[RunStatus]]] = {
    "queued": frozenset({"in_progress", "cancelling", "expired", "failed"}),
    "in_progress": frozenset({"requires_action", "completed", "incomplete", "failed", "cancelling", "expired"}),
    "requires_action": frozenset({"queued", "cancelling", "expired"}),
    "cancelling": frozenset({"cancelled", "completed", "failed", "expired"}),
    "cancelled": frozenset(),
    "failed": frozenset(),
    "completed": frozenset(),
    "incomplete": frozenset(),
    "expired": frozenset(),
}
ACTIVE: Final = tuple(status for status, targets in TRANSITIONS.items() if targets)
EXECUTING: Final = tuple(status for status in ACTIVE if status != "requires_action")
"""States in which a worker has to act."""
IS_ACTIVE: Final = (
    "status IN ('queued', 'in_progress', 'requires_action', 'cancelling')"
    " AND (status IN ('queued', 'in_progress') OR status IN ('requires_action', 'cancelling'))"
)
"""A condition on runs. SQLite takes an index of some rows only where a query has its condition word for word: the
second line, whose short lists cost it less than a long one. PostgreSQL has indexes with the first line."""
IS_EXECUTING: Final = f"status IN ('queued', 'in_progress', 'cancelling') AND {IS_ACTIVE}"
"""As `IS_ACTIVE`, of runs whose worker has to act; on PostgreSQL an index of those with an owner has the first list."""
HAS_ENDED: Final = "status NOT IN ('queued', 'in_progress') AND status NOT IN ('requires_action', 'cancelling')"
TERMINAL: Final = frozenset(status for status, targets in TRANSITIONS.items() if not targets)


def sources(target: RunStatus) -> tuple[RunStatus, ...]:
    """The states from which `target` may be entered, in the table's order."""
    return tuple(status for status, targets in TRANSITIONS.items() if target in targets)
