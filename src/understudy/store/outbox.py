"""Webhook events, stored by the transaction that causes them.

`yield from add(...)` inside any transaction: a committed event is delivered at least once, a rolled back one never.
Without a subscribed endpoint, it costs one index lookup.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from understudy import correlation, ids
from understudy.store.database import Transaction
from understudy.store.qualified_ids import SEPARATOR
from understudy.wire.webhooks import EventType, WebhookEvent

OPERATOR_PROJECT: Final = ""
"""The project of the operator's own endpoints, which receive the events of every project."""

_ENDPOINTS = "SELECT id, project_id, body FROM webhook_endpoints WHERE project_id IN ($1, '') AND body IS NOT NULL"


class _EndpointEvents(msgspec.Struct):
    event_types: list[str]


_decode = msgspec.json.Decoder(_EndpointEvents).decode


def add(project_id: str, event_type: EventType, data: Mapping[str, str], now: float) -> Transaction[None]:
    """Queues the event for every subscribed endpoint. `data` is `{"id": …}`, for a run with its `thread_id`.

    `now` is in Unix seconds. Ids of imported objects are sent as the client knows them.
    """
    rows = yield _ENDPOINTS, (project_id,)
    subscribed = [row for row in rows if {"*", event_type} & set(_decode(row[2]).event_types)]
    if subscribed:
        event = WebhookEvent(id=ids.event(), type=event_type, created_at=int(now), data=_plain_ids(data))
        for endpoint_id, owner, _ in subscribed:
            yield from insert_delivery(owner, endpoint_id, event, now)


def _plain_ids(data: Mapping[str, str]) -> dict[str, str]:
    return {name: value.partition(SEPARATOR)[0] for name, value in data.items()}


def insert_delivery(project_id: str, endpoint_id: str, event: WebhookEvent, now: float) -> Transaction[None]:
    sql = (
        "INSERT INTO webhook_deliveries"
        " (id, project_id, endpoint_id, event_type, status, attempts, since, due_at, created_at, event, origin)"
        " VALUES ($1, $2, $3, $4, 'pending', 0, $5, $5, $6, $7, $8)"
    )
    body = msgspec.json.encode(event).decode()
    yield (
        sql,
        (ids.webhook_delivery(), project_id, endpoint_id, event.type, now, int(now), body, correlation.encode_origin()),
    )
