"""Rows of webhook deliveries: jobs of one attempt each, and replays."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from understudy.correlation import NO_ORIGIN, Origin, decode_origin
from understudy.errors import not_found
from understudy.store.database import Transaction
from understudy.store.fair_candidates import FairCursor, FairListing
from understudy.store.pages import PageSource
from understudy.store.sql import compose_sql
from understudy.store.webhook_endpoints import Endpoint, to_endpoint
from understudy.store.workers import Candidate, JobTable
from understudy.wire.webhooks import DeliveryStatus, WebhookAttempt, WebhookDelivery, WebhookEvent

_DELIVERY_JSON = (
    "'[' || created_at || ',' || attempts || ',' || due_at || ',\"' || status || '\",\"' || endpoint_id || '\",'"
    " || COALESCE(last, 'null') || ',' || event || ']'"
)
_SELECT_DELIVERY = compose_sql("SELECT", _DELIVERY_JSON, "FROM webhook_deliveries WHERE id = $1 AND project_id = $2")
DELIVERY_JOBS = JobTable("webhook_deliveries", "status = 'pending'", "0")
WAITING_DELIVERIES = FairListing(
    "webhook_deliveries",
    DELIVERY_JOBS.is_waiting,
    condition="AND due_at <= $2",
    group="endpoint_id",
    order="due_at, seq",
)
_MAX_PROJECTS: Final = 500
_DUE_PROJECT = compose_sql(
    "SELECT 1 FROM webhook_deliveries WHERE", DELIVERY_JOBS.is_waiting, "AND project_id = $1 AND due_at <= $2 LIMIT 1"
)
_ENDPOINT = (
    "SELECT body, secret, old_secret, old_secret_until FROM webhook_endpoints WHERE id = $1 AND body IS NOT NULL"
)


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """One claimed attempt. `since` is the time of the first attempt; `event` is encoded."""

    seq: int
    endpoint: Endpoint
    id: str
    attempt: int
    since: float
    event: str
    origin: Origin = NO_ORIGIN


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


def list_claimable_deliveries(now: float, limit: int, cursor: FairCursor) -> Transaction[list[Candidate[int]]]:
    orphaned = yield from DELIVERY_JOBS.list_orphaned("seq, project_id, endpoint_id", now, limit)
    # Most endpoints that wait are unreachable, and wait for hours: only projects with a due delivery have a turn.
    due: list[str] = []
    for project in (yield from WAITING_DELIVERIES.list_projects(_MAX_PROJECTS, cursor)):
        if len(due) < limit and (yield _DUE_PROJECT, (project, now)):
            due.append(project)
    lanes = yield from _list_lanes(due, max(limit // len(due), 1) if due else 0)
    return orphaned + (
        yield from WAITING_DELIVERIES.list_oldest(now, lanes, max(limit // len(lanes), 1) if lanes else 0)
    )


def _list_lanes(projects: Sequence[str], each: int) -> Transaction[list[tuple[str, str]]]:
    """Projects with their endpoints, up to `each` of them: other ones in each list."""
    lanes = []
    for project in projects:
        rows = yield "SELECT id FROM webhook_endpoints WHERE project_id = $1 AND body IS NOT NULL", (project,)
        endpoints = [row[0] for row in rows]
        random.shuffle(endpoints)
        lanes += [(project, endpoint) for endpoint in endpoints[:each]]
    return lanes


def claim_delivery(seq: int, owner: str, now: float) -> Transaction[DueDelivery | None]:
    row = yield from DELIVERY_JOBS.claim(seq, owner, now, "id, attempts, since, event, endpoint_id, origin")
    if row is None:
        return None
    endpoints = yield _ENDPOINT, (row[4],)
    if not endpoints:
        yield from DELIVERY_JOBS.release(seq, owner)
        return None
    delivery_id, attempts, since, event, _, origin = row
    endpoint = to_endpoint(endpoints[0], now)
    return DueDelivery(seq, endpoint, delivery_id, attempts, since, event, decode_origin(origin))


def list_owned_deliveries(owner: str) -> Transaction[dict[int, int]]:
    return (yield from DELIVERY_JOBS.list_owned(owner))


def release_delivery(seq: int, owner: str, due_at: float, attempts: int) -> Transaction[None]:
    yield from DELIVERY_JOBS.release(seq, owner, due_at, attempts)


def record_outcome(owner: str, due: DueDelivery, outcome: Outcome) -> Transaction[None]:
    sql = (
        "UPDATE webhook_deliveries SET owner = NULL, status = $3, due_at = $4, last = $5"
        " WHERE seq = $1 AND owner = $2 AND status = 'pending' RETURNING seq"
    )
    last = msgspec.json.encode(outcome.attempt).decode()
    if not (yield sql, (due.seq, owner, outcome.status, outcome.due_at, last)):
        # The endpoint was deleted, or another worker has the delivery.
        yield "UPDATE webhook_deliveries SET owner = NULL WHERE seq = $1 AND owner = $2", (due.seq, owner)


def prune_deliveries(before: float, limit: int) -> Transaction[int]:
    sql = (
        "DELETE FROM webhook_deliveries WHERE seq IN"
        " (SELECT seq FROM webhook_deliveries WHERE status <> 'pending' AND due_at < $1 LIMIT $2) RETURNING seq"
    )
    return len((yield sql, (before, limit)))
