"""Webhook endpoints and their deliveries over HTTP."""

from typing import Any

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.operations import OperationGroup
from understudy.api.parts import parts_of, project_of
from understudy.api.requests import list_response, objects_response, page_request, read_json, struct_response
from understudy.store.list_filters import ListFilter
from understudy.store.webhook_deliveries import DeliveryFilter
from understudy.wire import queries
from understudy.wire.webhooks import (
    EVENT_TYPES,
    CreateWebhookEndpointRequest,
    DeletedWebhookEndpoint,
    ListWebhookDeliveriesQuery,
    RotateWebhookSecretRequest,
    TestWebhookEndpointRequest,
    UpdateWebhookEndpointRequest,
    WebhookDelivery,
    WebhookDeliveryList,
    WebhookEndpoint,
    WebhookEndpointList,
    WebhookEndpointTestResult,
    WebhookEndpointWithSecret,
    WebhookEventTypeList,
)

operations = OperationGroup("Webhooks")


@operations.add(
    "listWebhookEndpoints",
    "GET",
    "/webhook_endpoints",
    summary="List the project's webhook endpoints.",
    query=queries.SearchedListQuery,
    response=WebhookEndpointList,
)
async def list_webhook_endpoints(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], queries.SearchedListQuery)
    chosen = ListFilter(query.q)
    return list_response(await parts_of(request).store.webhooks.page(project_of(request), page_request(query), chosen))


@operations.add(
    "createWebhookEndpoint",
    "POST",
    "/webhook_endpoints",
    summary="Create a webhook endpoint; only this response contains the signing secret.",
    request=CreateWebhookEndpointRequest,
    response=WebhookEndpointWithSecret,
)
async def create_webhook_endpoint(request: Request) -> Response:
    parts = parts_of(request)
    body = await read_json(request, CreateWebhookEndpointRequest, parts.settings.limits)
    types: list[str] = list(dict.fromkeys(body.event_types))
    endpoint, secret = await parts.webhooks.create(project_of(request), body.name, body.url, types)
    return struct_response(_render_with_secret(endpoint, secret))


@operations.add(
    "retrieveWebhookEndpoint",
    "GET",
    "/webhook_endpoints/{webhook_endpoint_id}",
    summary="Retrieve a webhook endpoint.",
    response=WebhookEndpoint,
)
async def retrieve_webhook_endpoint(request: Request) -> Response:
    parts = parts_of(request)
    endpoint = await parts.store.webhooks.get(project_of(request), _endpoint_id(request), parts.now())
    return struct_response(endpoint.public)


@operations.add(
    "updateWebhookEndpoint",
    "POST",
    "/webhook_endpoints/{webhook_endpoint_id}",
    summary="Modify a webhook endpoint's URL, name or events.",
    request=UpdateWebhookEndpointRequest,
    response=WebhookEndpoint,
)
async def update_webhook_endpoint(request: Request) -> Response:
    parts = parts_of(request)
    body = await read_json(request, UpdateWebhookEndpointRequest, parts.settings.limits)
    if body.url is not UNSET:
        parts.webhooks.check_url(body.url)
    changes: dict[str, Any] = {
        name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET
    }

    def change(endpoint: WebhookEndpoint) -> None:
        before = msgspec.structs.replace(endpoint)
        for name, value in changes.items():
            setattr(endpoint, name, value)
        if endpoint != before:
            endpoint.updated_at = parts.now()

    return struct_response(await parts.store.webhooks.modify(project_of(request), _endpoint_id(request), change))


@operations.add(
    "deleteWebhookEndpoint",
    "DELETE",
    "/webhook_endpoints/{webhook_endpoint_id}",
    summary="Delete a webhook endpoint; its pending deliveries fail.",
    response=DeletedWebhookEndpoint,
)
async def delete_webhook_endpoint(request: Request) -> Response:
    parts = parts_of(request)
    await parts.store.webhooks.delete(project_of(request), _endpoint_id(request), parts.now())
    return struct_response(DeletedWebhookEndpoint(id=_endpoint_id(request)))


@operations.add(
    "rotateWebhookEndpointSecret",
    "POST",
    "/webhook_endpoints/{webhook_endpoint_id}/rotate_secret",
    summary="Rotate the signing secret; only this response contains the new one.",
    request=RotateWebhookSecretRequest,
    response=WebhookEndpointWithSecret,
)
async def rotate_webhook_endpoint_secret(request: Request) -> Response:
    parts = parts_of(request)
    body = await read_json(request, RotateWebhookSecretRequest, parts.settings.limits)
    endpoint, secret = await parts.webhooks.rotate(
        project_of(request), _endpoint_id(request), keep_old=body.keep_old_secret_active_for_24_hours
    )
    return struct_response(_render_with_secret(endpoint, secret))


@operations.add(
    "testWebhookEndpoint",
    "POST",
    "/webhook_endpoints/{webhook_endpoint_id}/test",
    summary="Send a sample event and return the endpoint's status.",
    request=TestWebhookEndpointRequest,
    response=WebhookEndpointTestResult,
)
async def test_webhook_endpoint(request: Request) -> Response:
    parts = parts_of(request)
    body = await read_json(request, TestWebhookEndpointRequest, parts.settings.limits)
    return struct_response(await parts.webhooks.test(project_of(request), _endpoint_id(request), body.event_type))


@operations.add(
    "listWebhookEventTypes",
    "GET",
    "/webhook_event_types",
    summary="List the webhook event types.",
    response=WebhookEventTypeList,
)
async def list_webhook_event_types(_: Request) -> Response:
    return struct_response(WebhookEventTypeList(data=list(EVENT_TYPES)))


@operations.add(
    "listWebhookDeliveries",
    "GET",
    "/webhook_deliveries",
    summary="List webhook deliveries, including pending ones.",
    query=ListWebhookDeliveriesQuery,
    response=WebhookDeliveryList,
)
async def list_webhook_deliveries(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], ListWebhookDeliveriesQuery)
    condition = DeliveryFilter(query.webhook_endpoint_id, query.status, query.event_type)
    store = parts_of(request).store.webhooks
    page = await store.page_deliveries(project_of(request), page_request(query), condition)
    return objects_response(WebhookDeliveryList, page.records, has_more=page.has_more)


@operations.add(
    "retrieveWebhookDelivery",
    "GET",
    "/webhook_deliveries/{delivery_id}",
    summary="Retrieve a webhook delivery.",
    response=WebhookDelivery,
)
async def retrieve_webhook_delivery(request: Request) -> Response:
    return struct_response(
        await parts_of(request).store.webhooks.get_delivery(project_of(request), request.path_params["delivery_id"])
    )


@operations.add(
    "replayWebhookDelivery",
    "POST",
    "/webhook_deliveries/{delivery_id}/replay",
    summary="Replay a webhook delivery with the same id.",
    response=WebhookDelivery,
)
async def replay_webhook_delivery(request: Request) -> Response:
    parts = parts_of(request)
    delivery_id = request.path_params["delivery_id"]
    return struct_response(await parts.store.webhooks.replay(project_of(request), delivery_id, parts.clock.now()))


def _endpoint_id(request: Request) -> str:
    endpoint_id: str = request.path_params["webhook_endpoint_id"]
    return endpoint_id


def _render_with_secret(endpoint: WebhookEndpoint, secret: str) -> WebhookEndpointWithSecret:
    return WebhookEndpointWithSecret(**msgspec.structs.asdict(endpoint), signing_secret=secret)
