"""Admin API keys over HTTP: they administer the organization. `understudy keys create --admin` makes the first one."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from understudy import ids
from understudy.api.operations import OperationGroup
from understudy.api.parts import change_of, parts_of
from understudy.api.requests import objects_response, page_request, read_json, struct_response
from understudy.store.admin_keys import AdminKeyRecord
from understudy.wire import queries
from understudy.wire.organization import (
    AdminApiKey,
    AdminApiKeyList,
    AdminKeyOwner,
    CreateAdminApiKeyRequest,
    CreatedAdminApiKey,
    DeletedAdminApiKey,
)

operations = OperationGroup("Administration", audience="admin")


@operations.add(
    "admin-api-keys-list",
    "GET",
    "/organization/admin_api_keys",
    summary="List the admin API keys.",
    query=queries.ListQuery,
    response=AdminApiKeyList,
)
async def list_admin_keys(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], queries.ListQuery)
    page = await parts_of(request).store.admin_keys.page(page_request(query))
    data = [render_admin_key(key) for key in page.records]
    return objects_response(AdminApiKeyList, data, has_more=page.has_more)


@operations.add(
    "admin-api-keys-create",
    "POST",
    "/organization/admin_api_keys",
    summary="Create an admin API key; only this response contains it.",
    request=CreateAdminApiKeyRequest,
    response=CreatedAdminApiKey,
)
async def create_admin_key(request: Request) -> Response:
    parts, change = parts_of(request), change_of(request)
    body = await read_json(request, CreateAdminApiKeyRequest, parts.settings.limits)
    key = ids.admin_key()
    expires_at = None if body.expires_in_seconds is None else change.now + body.expires_in_seconds
    record = await parts.store.admin_keys.create(key, body.name, expires_at, change)
    return struct_response(CreatedAdminApiKey(**msgspec.structs.asdict(render_admin_key(record)), value=key))


@operations.add(
    "admin-api-keys-get",
    "GET",
    "/organization/admin_api_keys/{key_id}",
    summary="Retrieve an admin API key.",
    response=AdminApiKey,
)
async def get_admin_key(request: Request) -> Response:
    return struct_response(render_admin_key(await parts_of(request).store.admin_keys.get(_key_id(request))))


@operations.add(
    "admin-api-keys-delete",
    "DELETE",
    "/organization/admin_api_keys/{key_id}",
    summary="Delete an admin API key.",
    response=DeletedAdminApiKey,
)
async def delete_admin_key(request: Request) -> Response:
    await parts_of(request).store.admin_keys.delete(_key_id(request), change_of(request))
    return struct_response(DeletedAdminApiKey(id=_key_id(request)))


def render_admin_key(record: AdminKeyRecord) -> AdminApiKey:
    return AdminApiKey(
        id=record.id,
        name=record.name,
        redacted_value=record.hint,
        created_at=record.created_at,
        expires_at=record.expires_at,
        last_used_at=record.last_used_at,
        owner=AdminKeyOwner(created_at=record.created_at),
    )


def _key_id(request: Request) -> str:
    key_id: str = request.path_params["key_id"]
    return key_id
