"""Webhook endpoints, and what was sent to them."""

from typing import Final

from understudy.api.operations.operation import Operation
from understudy.wire import queries, webhooks

_ENDPOINT = "/webhook_endpoints/{webhook_endpoint_id}"
_DELIVERY = "/webhook_deliveries/{delivery_id}"
_TAG = "Webhooks"

OPERATIONS: Final = (
    Operation(
        "listWebhookEndpoints",
        "GET",
        "/webhook_endpoints",
        "A page of the project's webhook endpoints.",
        webhooks.WebhookEndpointList,
        query=queries.ListQuery,
        tag=_TAG,
    ),
    Operation(
        "createWebhookEndpoint",
        "POST",
        "/webhook_endpoints",
        "Have a URL told of what ends; the answer is the only one that shows the secret.",
        webhooks.WebhookEndpointWithSecret,
        webhooks.CreateWebhookEndpointRequest,
        tag=_TAG,
    ),
    Operation("retrieveWebhookEndpoint", "GET", _ENDPOINT, "One webhook endpoint.", webhooks.WebhookEndpoint, tag=_TAG),
    Operation(
        "updateWebhookEndpoint",
        "POST",
        _ENDPOINT,
        "Change a webhook endpoint's URL, name or events.",
        webhooks.WebhookEndpoint,
        webhooks.UpdateWebhookEndpointRequest,
        tag=_TAG,
    ),
    Operation(
        "deleteWebhookEndpoint",
        "DELETE",
        _ENDPOINT,
        "Remove a webhook endpoint; what is still on its way to it fails.",
        webhooks.DeletedWebhookEndpoint,
        tag=_TAG,
    ),
    Operation(
        "rotateWebhookEndpointSecret",
        "POST",
        f"{_ENDPOINT}/rotate_secret",
        "Make a new secret, which this answer alone shows.",
        webhooks.WebhookEndpointWithSecret,
        webhooks.RotateWebhookSecretRequest,
        tag=_TAG,
    ),
    Operation(
        "testWebhookEndpoint",
        "POST",
        f"{_ENDPOINT}/test",
        "Send a sample event at once, and say what the endpoint has answered.",
        webhooks.WebhookEndpointTestResult,
        webhooks.TestWebhookEndpointRequest,
        tag=_TAG,
    ),
    Operation(
        "listWebhookEventTypes",
        "GET",
        "/webhook_event_types",
        "What endpoints can be told of.",
        webhooks.WebhookEventTypeList,
        tag=_TAG,
    ),
    Operation(
        "listWebhookDeliveries",
        "GET",
        "/webhook_deliveries",
        "A page of what was sent to webhook endpoints, or is about to be.",
        webhooks.WebhookDeliveryList,
        query=webhooks.ListWebhookDeliveriesQuery,
        tag=_TAG,
    ),
    Operation("retrieveWebhookDelivery", "GET", _DELIVERY, "One delivery.", webhooks.WebhookDelivery, tag=_TAG),
    Operation(
        "replayWebhookDelivery",
        "POST",
        f"{_DELIVERY}/replay",
        "Send an event to its endpoint again, under the same id.",
        webhooks.WebhookDelivery,
        tag=_TAG,
    ),
)
