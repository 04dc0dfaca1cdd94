"""Rows of webhook endpoints: added, read, changed, rotated, deleted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from understudy.errors import not_found
from understudy.errors.objects import endpoint_limit_reached
from understudy.store.database import Row, Transaction
from understudy.wire.webhooks import WebhookAttempt, WebhookEndpoint

# Each is a look and a write more for whatever ends.
_MAX_ENDPOINTS: Final = 50
_GET = "SELECT body, secret, old_secret, old_secret_until FROM webhook_endpoints WHERE id = $1 AND project_id = $2"
_LIVE = " AND body IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint with its secrets, the newest first, of which more than one is valid while they are rotated."""

    public: WebhookEndpoint
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwnedEndpoint:
    """`project_id` is empty where the operator's own settings name the endpoint."""

    project_id: str
    endpoint: WebhookEndpoint


_decode_endpoint = msgspec.json.Decoder(WebhookEndpoint).decode


def count_free_endpoints(project_id: str) -> Transaction[int]:
    """How many more the project may have."""
    rows = yield "SELECT count(*) FROM webhook_endpoints WHERE project_id = $1 AND body IS NOT NULL", (project_id,)
    return max(0, _MAX_ENDPOINTS - int(rows[0][0]))


def insert_endpoint(project_id: str, endpoint: WebhookEndpoint, secret: str) -> Transaction[None]:
    if not (yield from count_free_endpoints(project_id)):
        raise endpoint_limit_reached(_MAX_ENDPOINTS)
    yield from _insert(project_id, endpoint, secret)


def _insert(project_id: str, endpoint: WebhookEndpoint, secret: str) -> Transaction[None]:
    sql = (
        "INSERT INTO webhook_endpoints (id, project_id, secret, old_secret_until, body) VALUES ($1, $2, $3, 0, $4)"
        " ON CONFLICT (id) DO UPDATE SET secret = excluded.secret, body = excluded.body"
    )
    yield sql, (endpoint.id, project_id, secret, msgspec.json.encode(endpoint).decode())


def get_endpoint(project_id: str, endpoint_id: str, now: float) -> Transaction[Endpoint]:
    rows = yield _GET + _LIVE, (endpoint_id, project_id)
    if not rows:
        raise not_found("webhook endpoint", endpoint_id)
    return to_endpoint(rows[0], now)


def to_endpoint(row: Row, now: float) -> Endpoint:
    body, secret, old_secret, old_until = row
    old = (old_secret,) if old_secret is not None and old_until > now else ()
    return Endpoint(_decode_endpoint(body), (secret, *old))


def modify_endpoint(
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


def rotate_secret(
    project_id: str, endpoint_id: str, secret: str, old_until: int, change: Callable[[WebhookEndpoint], None]
) -> Transaction[WebhookEndpoint]:
    endpoint = yield from modify_endpoint(project_id, endpoint_id, change)
    sql = "UPDATE webhook_endpoints SET old_secret = secret, old_secret_until = $3, secret = $2 WHERE id = $1"
    yield sql, (endpoint_id, secret, old_until)
    return endpoint


def delete_endpoint(project_id: str, endpoint_id: str, now: float) -> Transaction[None]:
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


def replace_endpoints(project_id: str, endpoints: Mapping[str, WebhookEndpoint], now: float) -> Transaction[None]:
    rows = yield "SELECT id FROM webhook_endpoints WHERE project_id = $1 AND body IS NOT NULL", (project_id,)
    kept = {endpoint.id for endpoint in endpoints.values()}
    for (endpoint_id,) in rows:
        if endpoint_id not in kept:
            yield from delete_endpoint(project_id, endpoint_id, now)
    for secret, endpoint in endpoints.items():
        yield from _insert(project_id, endpoint, secret)


def list_endpoints() -> Transaction[list[OwnedEndpoint]]:
    rows = yield "SELECT project_id, body FROM webhook_endpoints WHERE body IS NOT NULL ORDER BY seq", ()
    return [OwnedEndpoint(row[0], _decode_endpoint(row[1])) for row in rows]
