"""Stored webhook endpoints and their deliveries: due times, claims, attempts.

A delivery is claimed by moving its due time behind the attempt: a crashed sender leaves nothing to clean up.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from understudy.errors import not_found
from understudy.errors.objects import endpoint_limit_reached
from understudy.store.database import Database, Row, Transaction
from understudy.store.outbox import insert_delivery
from understudy.store.pages import Page, PageRequest, PageSource, read_page
from understudy.wire.webhooks import (
    DeliveryStatus,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
)

# Each is a look and a write more for whatever ends.
_MAX_ENDPOINTS: Final = 50
_ENDPOINTS = PageSource("webhook_endpoints", "project_id = $1")
_GET = "SELECT body, secret, old_secret, old_secret_until FROM webhook_endpoints WHERE id = $1 AND project_id = $2"
_LIVE = " AND body IS NOT NULL"
_DELIVERY_JSON = (
    "'[' || created_at || ',' || attempts || ',' || due_at || ',\"' || status || '\",\"' || endpoint_id || '\",'"
    " || COALESCE(last, 'null') || ',' || event || ']'"
)
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
class Endpoint:
    """An endpoint with its secrets, the newest first, of which more than one is valid while they are rotated."""

    shown: WebhookEndpoint
    secrets: tuple[str, ...]


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
class OwnedEndpoint:
    """`project_id` is empty where the operator's own settings name the endpoint."""

    project_id: str
    endpoint: WebhookEndpoint


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


_decode_endpoint = msgspec.json.Decoder(WebhookEndpoint).decode
_decode_delivery_row = msgspec.json.Decoder(_DeliveryRow).decode


class Webhooks:
    """Every verb on one endpoint or delivery raises NotFound where the project has none of that id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- endpoints ---------------------------------------------------------------------------------------------

    async def create(self, project_id: str, endpoint: WebhookEndpoint, secret: str) -> None:
        """Raises InvalidRequest where the project has as many as it may have."""
        await self._database.write(_insert_endpoint, project_id, endpoint, secret)

    async def get(self, project_id: str, endpoint_id: str, now: float) -> Endpoint:
        return await self._database.read(_get, project_id, endpoint_id, now)

    async def page(self, project_id: str, request: PageRequest) -> Page:
        return await self._database.read(read_page, _ENDPOINTS, (project_id,), request)

    async def modify(
        self, project_id: str, endpoint_id: str, change: Callable[[WebhookEndpoint], None]
    ) -> WebhookEndpoint:
        return await self._database.write(_modify, project_id, endpoint_id, change)

    async def rotate(
        self,
        project_id: str,
        endpoint_id: str,
        secret: str,
        old_until: int,
        change: Callable[[WebhookEndpoint], None],
    ) -> WebhookEndpoint:
        """Signs with `secret` from here on, and with the one before it as well until `old_until`, in Unix seconds."""
        return await self._database.write(_rotate, project_id, endpoint_id, secret, old_until, change)

    async def delete(self, project_id: str, endpoint_id: str, now: float) -> None:
        """What is still on its way to the endpoint fails."""
        await self._database.write(_delete, project_id, endpoint_id, now)

    async def replace_endpoints(self, project_id: str, endpoints: Mapping[str, WebhookEndpoint], now: float) -> None:
        """Makes these, by their secrets, the project's only endpoints."""
        await self._database.write(_replace_endpoints, project_id, endpoints, now)

    # -- for the operator, of all projects and of none ---------------------------------------------------------

    async def all(self) -> list[OwnedEndpoint]:
        """Every endpoint, oldest first."""
        return await self._database.read(_all)

    async def newest(self, status: DeliveryStatus | None, limit: int) -> list[WebhookDelivery]:
        return await self._database.read(_newest, status, limit)

    async def replay_by_id(self, delivery_id: str, now: float) -> WebhookDelivery:
        """Like `replay`, whosever it is."""
        return await self._database.write(_replay_by_id, delivery_id, now)

    # -- deliveries --------------------------------------------------------------------------------------------

    async def send(self, project_id: str, endpoint_id: str, event: WebhookEvent, now: float) -> None:
        """Has one endpoint told of something, whatever it wants to hear."""
        await self._database.write(insert_delivery, project_id, endpoint_id, event, now)

    async def get_delivery(self, project_id: str, delivery_id: str) -> WebhookDelivery:
        return await self._database.read(_get_delivery, project_id, delivery_id)

    async def page_deliveries(self, project_id: str, request: PageRequest, condition: DeliveryFilter) -> DeliveryPage:
        source, args = _filter_source(project_id, condition)
        page = await self._database.read(read_page, source, args, request)
        return DeliveryPage([_delivery(*row) for row in page.rows], page.has_more)

    async def replay(self, project_id: str, delivery_id: str, now: float) -> WebhookDelivery:
        """Sends it again, and tries as long as if it were new."""
        return await self._database.write(_replay, project_id, delivery_id, now)

    async def has_due(self, now: float) -> bool:
        return bool(await self._database.read(_has_due, now))

    async def claim(
        self, now: float, until: float, busy: Mapping[str, int], each: int, places: int
    ) -> list[DueDelivery]:
        """Takes up to `places` due deliveries, for an endpoint up to `each` less those it has `busy`.

        They are due again at `until`, unless `settle` says what became of them.
        """
        return await self._database.write(_claim, now, until, busy, each, places)

    async def record_outcome(self, due: DueDelivery, outcome: Outcome) -> None:
        """Nothing happens where the attempt is no longer the newest one."""
        await self._database.write(_record_outcome, due, outcome)

    async def prune(self, before: float, limit: int) -> int:
        """Forgets deliveries that were over before then; returns how many."""
        return await self._database.write(_prune, before, limit)


# -- endpoints ---------------------------------------------------------------------------------------------------


def _insert_endpoint(project_id: str, endpoint: WebhookEndpoint, secret: str) -> Transaction[None]:
    rows = yield "SELECT count(*) FROM webhook_endpoints WHERE project_id = $1 AND body IS NOT NULL", (project_id,)
    if rows[0][0] >= _MAX_ENDPOINTS:
        raise endpoint_limit_reached(_MAX_ENDPOINTS)
    yield from _insert(project_id, endpoint, secret)


def _insert(project_id: str, endpoint: WebhookEndpoint, secret: str) -> Transaction[None]:
    sql = (
        "INSERT INTO webhook_endpoints (id, project_id, secret, old_secret_until, body) VALUES ($1, $2, $3, 0, $4)"
        " ON CONFLICT (id) DO UPDATE SET secret = excluded.secret, body = excluded.body"
    )
    yield sql, (endpoint.id, project_id, secret, msgspec.json.encode(endpoint).decode())


def _get(project_id: str, endpoint_id: str, now: float) -> Transaction[Endpoint]:
    rows = yield _GET + _LIVE, (endpoint_id, project_id)
    if not rows:
        raise not_found("webhook endpoint", endpoint_id)
    return _endpoint(rows[0], now)


def _endpoint(row: Row, now: float) -> Endpoint:
    body, secret, old_secret, old_until = row
    old = (old_secret,) if old_secret is not None and old_until > now else ()
    return Endpoint(_decode_endpoint(body), (secret, *old))


def _modify(
    project_id: str, endpoint_id: str, change: Callable[[WebhookEndpoint], None]
) -> Transaction[WebhookEndpoint]:
    rows = yield _GET + _LIVE + " FOR UPDATE", (endpoint_id, project_id)
    if not rows:
        raise not_found("webhook endpoint", endpoint_id)
    endpoint = _decode_endpoint(rows[0][0])
    change(endpoint)
    body = msgspec.json.encode(endpoint).decode()
    yield "UPDATE webhook_endpoints SET body = $2 WHERE id = $1", (endpoint_id, body)
    return endpoint


def _rotate(
    project_id: str, endpoint_id: str, secret: str, old_until: int, change: Callable[[WebhookEndpoint], None]
) -> Transaction[WebhookEndpoint]:
    endpoint = yield from _modify(project_id, endpoint_id, change)
    sql = "UPDATE webhook_endpoints SET old_secret = secret, old_secret_until = $3, secret = $2 WHERE id = $1"
    yield sql, (endpoint_id, secret, old_until)
    return endpoint


def _delete(project_id: str, endpoint_id: str, now: float) -> Transaction[None]:
    sql = (
        "UPDATE webhook_endpoints SET body = NULL, secret = '', old_secret = NULL"
        " WHERE id = $1 AND project_id = $2 AND body IS NOT NULL RETURNING seq"
    )
    if not (yield sql, (endpoint_id, project_id)):
        raise not_found("webhook endpoint", endpoint_id)
    attempt = WebhookAttempt(attempted_at=int(now), error="The endpoint was deleted.")
    sql = (
        "UPDATE webhook_deliveries SET status = 'failed', due_at = $2, last = $3"
        " WHERE endpoint_id = $1 AND status = 'pending'"
    )
    yield sql, (endpoint_id, now, msgspec.json.encode(attempt).decode())


def _replace_endpoints(project_id: str, endpoints: Mapping[str, WebhookEndpoint], now: float) -> Transaction[None]:
    rows = yield "SELECT id FROM webhook_endpoints WHERE project_id = $1 AND body IS NOT NULL", (project_id,)
    kept = {endpoint.id for endpoint in endpoints.values()}
    for (endpoint_id,) in rows:
        if endpoint_id not in kept:
            yield from _delete(project_id, endpoint_id, now)
    for secret, endpoint in endpoints.items():
        yield from _insert(project_id, endpoint, secret)


def _all() -> Transaction[list[OwnedEndpoint]]:
    rows = yield "SELECT project_id, body FROM webhook_endpoints WHERE body IS NOT NULL ORDER BY seq", ()
    return [OwnedEndpoint(row[0], _decode_endpoint(row[1])) for row in rows]


# -- deliveries --------------------------------------------------------------------------------------------------


def _newest(status: DeliveryStatus | None, limit: int) -> Transaction[list[WebhookDelivery]]:
    condition = "" if status is None else " WHERE status = $2"
    sql = f"SELECT id, {_DELIVERY_JSON} FROM webhook_deliveries{condition} ORDER BY seq DESC LIMIT $1"  # noqa: S608
    rows = yield sql, ((limit,) if status is None else (limit, status))
    return [_delivery(*row) for row in rows]


def _replay_by_id(delivery_id: str, now: float) -> Transaction[WebhookDelivery]:
    rows = yield "SELECT project_id FROM webhook_deliveries WHERE id = $1", (delivery_id,)
    return (yield from _replay(rows[0][0] if rows else "", delivery_id, now))


def _filter_source(project_id: str, condition: DeliveryFilter) -> tuple[PageSource, tuple[str, ...]]:
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


def _delivery(delivery_id: str, body: str) -> WebhookDelivery:
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


def _get_delivery(project_id: str, delivery_id: str) -> Transaction[WebhookDelivery]:
    sql = f"SELECT {_DELIVERY_JSON} FROM webhook_deliveries WHERE id = $1 AND project_id = $2"  # noqa: S608
    rows = yield sql, (delivery_id, project_id)
    if not rows:
        raise not_found("webhook delivery", delivery_id)
    return _delivery(delivery_id, rows[0][0])


def _replay(project_id: str, delivery_id: str, now: float) -> Transaction[WebhookDelivery]:
    sql = (
        "UPDATE webhook_deliveries SET status = 'pending', since = $3, due_at = $3 WHERE id = $1 AND project_id = $2"
        " AND endpoint_id IN (SELECT id FROM webhook_endpoints WHERE body IS NOT NULL) RETURNING seq"
    )
    if not (yield sql, (delivery_id, project_id, now)):
        delivery = yield from _get_delivery(project_id, delivery_id)
        raise not_found("webhook endpoint", delivery.webhook_endpoint_id)
    return (yield from _get_delivery(project_id, delivery_id))


def _has_due(now: float) -> Transaction[list[Row]]:
    return (yield _DUE, (now,))


def _claim(now: float, until: float, busy: Mapping[str, int], each: int, places: int) -> Transaction[list[DueDelivery]]:
    claimed: list[DueDelivery] = []
    for endpoint_id, *row in (yield from _has_due(now)):
        free = min(each - busy.get(endpoint_id, 0), places - len(claimed))
        if free > 0:
            rows = yield _CLAIM, (endpoint_id, now, until, free)
            claimed += _attempts(_endpoint(tuple(row), now), rows)
    return claimed


def _attempts(endpoint: Endpoint, rows: Sequence[Row]) -> list[DueDelivery]:
    return [DueDelivery(endpoint, *row[1:]) for row in sorted(rows)]


def _record_outcome(due: DueDelivery, outcome: Outcome) -> Transaction[None]:
    sql = (
        "UPDATE webhook_deliveries SET status = $3, due_at = $4, last = $5"
        " WHERE id = $1 AND attempts = $2 AND status = 'pending'"
    )
    last = msgspec.json.encode(outcome.attempt).decode()
    yield sql, (due.id, due.attempt, outcome.status, outcome.due_at, last)


def _prune(before: float, limit: int) -> Transaction[int]:
    sql = (
        "DELETE FROM webhook_deliveries WHERE seq IN"
        " (SELECT seq FROM webhook_deliveries WHERE status <> 'pending' AND due_at < $1 LIMIT $2) RETURNING seq"
    )
    return len((yield sql, (before, limit)))
