"""Rows of webhook deliveries: due times, claims, attempts, replays.

A delivery is claimed by moving its due time behind the attempt: a crashed sender leaves nothing to clean up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from understudy.errors import not_found
from understudy.store.database import Row, Transaction
from understudy.store.pages import PageSource
from understudy.store.sql import compose_sql
from understudy.store.webhook_endpoints import Endpoint, to_endpoint
from understudy.wire.webhooks import DeliveryStatus, WebhookAttempt, WebhookDelivery, WebhookEvent

_DELIVERY_JSON = (
    "'[' || created_at || ',' || attempts || ',' || due_at || ',\"' || status || '\",\"' || endpoint_id || '\",'"
    " || COALESCE(last, 'null') || ',' || event || ']'"
)
_SELECT_DELIVERY = compose_sql("SELECT", _DELIVERY_JSON, "FROM webhook_deliveries WHERE id = $1 AND project_id = $2")
_DUE = (
    "SELECT e.id, e.body, e.secret, e.old_secret, e.old_secret_until FROM webhook_endpoints e"
    " WHERE e.body IS NOT NULL AND EXISTS (SELECT 1 FROM webhook_deliveries"
    "  WHERE endpoint_id = e.id AND status = 'pending' AND due_at <= $1)"
)
_CLAIM = (
    "UPDATE webhook_deliveries SET due_at = $3, attempts = attempts + 1 WHERE seq IN"
    " (SELECT seq FROM webhook_deliveries WHERE endpoint_id = $1 AND status = 'pending' AND due_at <= $2"
    "  ORDER BY due_at, seq LIMIT $4)"
    " AND status = 'pending' AND due_at <= $2 RETURNING seq, id, attempts, since, event"
)


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """One claimed attempt. `since` is the time of the first attempt; `event` is encoded."""

    endpoint: Endpoint
    id: str
    attempt: int
    since: float
    event: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: over, or to be tried again at `due_at`."""

    status: DeliveryStatus
    due_at: float
    attempt: WebhookAttempt


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    endpoint_id: str | None = None
    status: DeliveryStatus | None = None
    event_type: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    deliveries: list[WebhookDelivery]
    has_more: bool


class _DeliveryRow(msgspec.Struct, array_like=True):
    created_at: int
    attempts: int
    due_at: float
    status: DeliveryStatus
    endpoint_id: str
    last: WebhookAttempt | None
    event: WebhookEvent


_decode_delivery_row = msgspec.json.Decoder(_DeliveryRow).decode


def list_newest_deliveries(status: DeliveryStatus | None, limit: int) -> Transaction[list[WebhookDelivery]]:
    condition = "" if status is None else "WHERE status = $2"
    sql = compose_sql("SELECT id,", _DELIVERY_JSON, "FROM webhook_deliveries", condition, "ORDER BY seq DESC LIMIT $1")
    rows = yield sql, ((limit,) if status is None else (limit, status))
    return [to_delivery(*row) for row in rows]


def replay_by_id(delivery_id: str, now: float) -> Transaction[WebhookDelivery]:
    rows = yield "SELECT project_id FROM webhook_deliveries WHERE id = $1", (delivery_id,)
    return (yield from replay_delivery(rows[0][0] if rows else "", delivery_id, now))


def filter_deliveries(project_id: str, condition: DeliveryFilter) -> tuple[PageSource, tuple[str, ...]]:
    args, filters = [project_id], ["1 = 1"]
    for column, value in (
        ("endpoint_id", condition.endpoint_id),
        ("status", condition.status),
        ("event_type", condition.event_type),
    ):
        if value is not None:
            args.append(value)
            filters.append(f"{column} = ${len(args)}")
    source = PageSource("webhook_deliveries", "project_id = $1", " AND ".join(filters), len(args), _DELIVERY_JSON)
    return source, tuple(args)


def to_delivery(delivery_id: str, body: str) -> WebhookDelivery:
    stored = _decode_delivery_row(body)
    return WebhookDelivery(
        id=delivery_id,
        created_at=stored.created_at,
        webhook_endpoint_id=stored.endpoint_id,
        status=stored.status,
        attempts=stored.attempts,
        next_attempt_at=int(stored.due_at) if stored.status == "pending" else None,
        last_attempt=stored.last,
        event=stored.event,
    )


def get_delivery(project_id: str, delivery_id: str) -> Transaction[WebhookDelivery]:
    rows = yield _SELECT_DELIVERY, (delivery_id, project_id)
    if not rows:
        raise not_found("webhook delivery", delivery_id)
    return to_delivery(delivery_id, rows[0][0])


def replay_delivery(project_id: str, delivery_id: str, now: float) -> Transaction[WebhookDelivery]:
    sql = (
        "UPDATE webhook_deliveries SET status = 'pending', since = $3, due_at = $3 WHERE id = $1 AND project_id = $2"
        " AND endpoint_id IN (SELECT id FROM webhook_endpoints WHERE body IS NOT NULL) RETURNING seq"
    )
    if not (yield sql, (delivery_id, project_id, now)):
        delivery = yield from get_delivery(project_id, delivery_id)
        raise not_found("webhook endpoint", delivery.webhook_endpoint_id)
    return (yield from get_delivery(project_id, delivery_id))


def list_due_endpoints(now: float) -> Transaction[list[Row]]:
    return (yield _DUE, (now,))


def claim_deliveries(
    now: float, until: float, busy: Mapping[str, int], each: int, places: int
) -> Transaction[list[DueDelivery]]:
    claimed: list[DueDelivery] = []
    for endpoint_id, *row in (yield from list_due_endpoints(now)):
        free = min(each - busy.get(endpoint_id, 0), places - len(claimed))
        if free > 0:
            rows = yield _CLAIM, (endpoint_id, now, until, free)
            claimed += _attempts(to_endpoint(tuple(row), now), rows)
    return claimed


def _attempts(endpoint: Endpoint, rows: Sequence[Row]) -> list[DueDelivery]:
    return [DueDelivery(endpoint, *row[1:]) for row in sorted(rows)]


def record_outcome(due: DueDelivery, outcome: Outcome) -> Transaction[None]:
    sql = (
        "UPDATE webhook_deliveries SET status = $3, due_at = $4, last = $5"
        " WHERE id = $1 AND attempts = $2 AND status = 'pending'"
    )
    last = msgspec.json.encode(outcome.attempt).decode()
    yield sql, (due.id, due.attempt, outcome.status, outcome.due_at, last)


def prune_deliveries(before: float, limit: int) -> Transaction[int]:
    sql = (
        "DELETE FROM webhook_deliveries WHERE seq IN"
        " (SELECT seq FROM webhook_deliveries WHERE status <> 'pending' AND due_at < $1 LIMIT $2) RETURNING seq"
    )
    return len((yield sql, (before, limit)))
