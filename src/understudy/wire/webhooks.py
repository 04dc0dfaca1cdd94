"""Webhook endpoints, their events and deliveries.

Source: the hosted API's webhook events, its package's `webhooks` operations, and Standard Webhooks. Deliveries, and the
events of runs, are this server's own.
"""

from typing import Annotated, Literal, get_args

from msgspec import UNSET, Meta, Struct, UnsetType

from understudy.wire.queries import ListQuery

EventType = Literal[
    "batch.completed",
    "batch.failed",
    "batch.expired",
    "batch.cancelled",
    "response.completed",
    "response.failed",
    "response.cancelled",
    "response.incomplete",
    "thread.run.completed",
    "thread.run.failed",
    "thread.run.cancelled",
    "thread.run.expired",
    "thread.run.incomplete",
    "thread.run.requires_action",
]
EVENT_TYPES: tuple[str, ...] = get_args(EventType)
DeliveryStatus = Literal["pending", "delivered", "failed"]

_Types = Annotated[
    list[EventType | Literal["*"]],
    Meta(min_length=1, max_length=64, description="The events of the endpoint; `*` is all of them."),
]
_Name = Annotated[str, Meta(min_length=1, max_length=256)]
_Url = Annotated[str, Meta(min_length=1, max_length=2048, description="Where events are sent.")]


class WebhookEndpoint(Struct, kw_only=True):
    id: str
    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    created_at: int
    event_types: list[str]
    name: str
    signing_secret_hint: str
    url: str
    updated_at: int


class WebhookEndpointWithSecret(WebhookEndpoint, kw_only=True):
    """Only this object contains the secret."""

    signing_secret: str


class CreateWebhookEndpointRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    event_types: _Types
    name: _Name
    url: _Url


class UpdateWebhookEndpointRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is absent keeps its value."""

    event_types: _Types | UnsetType = UNSET
    name: _Name | UnsetType = UNSET
    url: _Url | UnsetType = UNSET


class RotateWebhookSecretRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    keep_old_secret_active_for_24_hours: bool = False


class TestWebhookEndpointRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    event_type: EventType


class WebhookEndpointTestResult(Struct, kw_only=True):
    """`status_code` is what the endpoint has answered."""

    object: Literal["webhook_endpoint.test"] = "webhook_endpoint.test"
    event_type: str
    status_code: int
    success: bool = True
    webhook_endpoint_id: str


class DeletedWebhookEndpoint(Struct, kw_only=True):
    id: str
    object: Literal["webhook_endpoint.deleted"] = "webhook_endpoint.deleted"
    deleted: bool = True


class WebhookEndpointList(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[WebhookEndpoint]
    first_id: str | None
    last_id: str | None
    has_more: bool


class WebhookEventTypeList(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[str]


class WebhookEvent(Struct, kw_only=True):
    """What an endpoint is sent. `data` has the id of what it happened to, and for a run that of its thread."""

    id: str
    object: Literal["event"] = "event"
    type: str
    created_at: int
    data: dict[str, str]


class WebhookAttempt(Struct, kw_only=True):
    """`status_code` is None, and `error` says why, where no answer came."""

    attempted_at: int
    status_code: int | None = None
    error: str | None = None


class WebhookDelivery(Struct, kw_only=True):
    """One event on its way to one endpoint; its id is the `webhook-id` of every attempt."""

    id: str
    object: Literal["webhook_delivery"] = "webhook_delivery"
    created_at: int
    webhook_endpoint_id: str
    status: DeliveryStatus
    attempts: int
    next_attempt_at: int | None
    last_attempt: WebhookAttempt | None
    event: WebhookEvent


class WebhookDeliveryList(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[WebhookDelivery]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ListWebhookDeliveriesQuery(ListQuery, frozen=True, kw_only=True):
    webhook_endpoint_id: Annotated[str | None, Meta(description="Only deliveries to this endpoint.")] = None
    status: Annotated[DeliveryStatus | None, Meta(description="Only deliveries of this status.")] = None
    event_type: Annotated[EventType | None, Meta(description="Only deliveries of events of this type.")] = None
