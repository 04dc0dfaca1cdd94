"""Service accounts of projects over HTTP, for admin keys."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from understudy import ids
from understudy.api.access import check_scopes
from understudy.api.operations import OperationGroup
from understudy.api.parts import change_of, named_project_of, parts_of
from understudy.api.requests import objects_response, page_request, read_json, struct_response
from understudy.store import service_accounts as store
from understudy.store.keys import KeyOptions, KeyRecord
from understudy.wire import queries
from understudy.wire.organization import (
    CreatedServiceAccount,
    CreateServiceAccountKeyRequest,
    CreateServiceAccountRequest,
    DeletedServiceAccount,
    ServiceAccount,
    ServiceAccountKey,
    ServiceAccountList,
    UpdateServiceAccountRequest,
)

operations = OperationGroup("Administration", audience="admin")


@operations.add(
    "list-project-service-accounts",
    "GET",
    "/organization/projects/{project_id}/service_accounts",
    summary="List the service accounts of a project.",
    query=queries.ListQuery,
    response=ServiceAccountList,
)
async def list_service_accounts(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], queries.ListQuery)
    page = await parts_of(request).store.service_accounts.page(named_project_of(request), page_request(query))
    data = [_render_account(account) for account in page.records]
    return objects_response(ServiceAccountList, data, has_more=page.has_more)


@operations.add(
    "create-project-service-account",
    "POST",
    "/organization/projects/{project_id}/service_accounts",
    summary="Create a service account with a key; only this response contains the key.",
    request=CreateServiceAccountRequest,
    response=CreatedServiceAccount,
)
async def create_service_account(request: Request) -> Response:
    parts = parts_of(request)
    body = await read_json(request, CreateServiceAccountRequest, parts.settings.limits)
    key = None if body.create_service_account_only else ids.service_account_key()
    account, record = await parts.store.service_accounts.create(
        named_project_of(request), body.name, "none" if key is None else "member", key, change_of(request)
    )
    api_key = None if key is None or record is None else _render_key(record, key)
    return struct_response(CreatedServiceAccount(**msgspec.structs.asdict(_render_account(account)), api_key=api_key))


@operations.add(
    "retrieve-project-service-account",
    "GET",
    "/organization/projects/{project_id}/service_accounts/{service_account_id}",
    summary="Retrieve a service account.",
    response=ServiceAccount,
)
async def retrieve_service_account(request: Request) -> Response:
    accounts = parts_of(request).store.service_accounts
    return struct_response(_render_account(await accounts.get(named_project_of(request), _account_id(request))))


@operations.add(
    "update-project-service-account",
    "POST",
    "/organization/projects/{project_id}/service_accounts/{service_account_id}",
    summary="Change a service account's name or role.",
    request=UpdateServiceAccountRequest,
    response=ServiceAccount,
)
async def update_service_account(request: Request) -> Response:
    parts = parts_of(request)
    body = await read_json(request, UpdateServiceAccountRequest, parts.settings.limits)
    account = await parts.store.service_accounts.change(
        named_project_of(request), _account_id(request), body.name, body.role, change_of(request)
    )
    return struct_response(_render_account(account))


@operations.add(
    "delete-project-service-account",
    "DELETE",
    "/organization/projects/{project_id}/service_accounts/{service_account_id}",
    summary="Delete a service account and its keys.",
    response=DeletedServiceAccount,
)
async def delete_service_account(request: Request) -> Response:
    accounts = parts_of(request).store.service_accounts
    await accounts.delete(named_project_of(request), _account_id(request), change_of(request))
    return struct_response(DeletedServiceAccount(id=_account_id(request)))


@operations.add(
    "create-project-service-account-api-key",
    "POST",
    "/organization/projects/{project_id}/service_accounts/{service_account_id}/api_keys",
    summary="Create a key of a service account; only this response contains it.",
    request=CreateServiceAccountKeyRequest,
    request_optional=True,
    response=ServiceAccountKey,
)
async def create_service_account_key(request: Request) -> Response:
    parts, change = parts_of(request), change_of(request)
    body = await read_json(request, CreateServiceAccountKeyRequest, parts.settings.limits, empty=True)
    expires_at = None if body.expires_in_seconds is None else change.now + body.expires_in_seconds
    options = KeyOptions(check_scopes(body.scopes or []), expires_at, _account_id(request))
    key = ids.service_account_key()
    record = await parts.store.service_accounts.create_key(
        named_project_of(request), _account_id(request), key, body.name, options, change
    )
    return struct_response(_render_key(record, key))


def _render_account(account: store.ServiceAccount) -> ServiceAccount:
    return ServiceAccount(id=account.id, name=account.name, role=account.role, created_at=account.created_at)


def _render_key(record: KeyRecord, key: str) -> ServiceAccountKey:
    return ServiceAccountKey(id=record.id, name=record.name, created_at=record.created_at, value=key)


def _account_id(request: Request) -> str:
    account_id: str = request.path_params["service_account_id"]
    return account_id
