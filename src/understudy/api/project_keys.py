"""API keys of projects over HTTP, for admin keys: created, restricted, rotated and deleted."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from understudy import ids
from understudy.api.access import check_scopes
from understudy.api.operations import EXTENSIONS, OperationGroup
from understudy.api.parts import Parts, change_of, named_project_of, parts_of
from understudy.api.requests import objects_response, page_request, read_json, struct_response
from understudy.store.keys import KeyChanges, KeyOptions, KeyRecord
from understudy.store.service_accounts import ServiceAccount
from understudy.wire import queries
from understudy.wire.organization import (
    CreatedProjectApiKey,
    CreateProjectKeyRequest,
    DeletedProjectApiKey,
    KeyOwnerServiceAccount,
    KeyOwnerUser,
    ListProjectKeysQuery,
    ProjectApiKey,
    ProjectApiKeyList,
    ProjectKeyOwner,
    RotateProjectKeyRequest,
    UpdateProjectKeyRequest,
)

operations = OperationGroup("Administration", audience="admin")


@operations.add(
    "list-project-api-keys",
    "GET",
    "/organization/projects/{project_id}/api_keys",
    summary="List the API keys of a project.",
    query=ListProjectKeysQuery,
    response=ProjectApiKeyList,
)
async def list_project_keys(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], ListProjectKeysQuery)
    parts, project_id = parts_of(request), named_project_of(request)
    await parts.store.projects.get(project_id)
    page = await parts.store.keys.page(project_id, page_request(query))
    # The owner of every key has access.
    data = [] if query.owner_project_access == "inactive" else await _render_keys(parts, project_id, page.records)
    return objects_response(ProjectApiKeyList, data, has_more=page.has_more and bool(data))


@operations.add(
    "createProjectApiKey",
    "POST",
    "/organization/projects/{project_id}/api_keys",
    summary="Create an API key of a project; only this response contains it.",
    request=CreateProjectKeyRequest,
    response=CreatedProjectApiKey,
    tag=EXTENSIONS,
)
async def create_project_key(request: Request) -> Response:
    parts, project_id, change = parts_of(request), named_project_of(request), change_of(request)
    body = await read_json(request, CreateProjectKeyRequest, parts.settings.limits)
    await parts.store.projects.get(project_id)
    expires_at = None if body.expires_in_seconds is None else change.now + body.expires_in_seconds
    options = KeyOptions(check_scopes(body.scopes), expires_at)
    key = ids.api_key()
    record = await parts.store.keys.create(key, body.name, change.now, project_id, options, change)
    return struct_response(await _render_with_secret(parts, record, key))


@operations.add(
    "retrieve-project-api-key",
    "GET",
    "/organization/projects/{project_id}/api_keys/{api_key_id}",
    summary="Retrieve an API key of a project.",
    response=ProjectApiKey,
)
async def retrieve_project_key(request: Request) -> Response:
    parts, project_id = parts_of(request), named_project_of(request)
    return struct_response(await _render_key(parts, await parts.store.keys.get(project_id, _key_id(request))))


@operations.add(
    "updateProjectApiKey",
    "POST",
    "/organization/projects/{project_id}/api_keys/{api_key_id}",
    summary="Change what an API key may do, and until when.",
    request=UpdateProjectKeyRequest,
    response=ProjectApiKey,
)
async def update_project_key(request: Request) -> Response:
    parts, project_id, change = parts_of(request), named_project_of(request), change_of(request)
    body = await read_json(request, UpdateProjectKeyRequest, parts.settings.limits)
    members: KeyChanges = {}
    if body.scopes is not UNSET:
        members["scopes"] = check_scopes(body.scopes)
    if body.expires_in_seconds is not UNSET:
        seconds = body.expires_in_seconds
        members["expires_at"] = None if seconds is None else change.now + seconds
    record = await parts.store.keys.change(project_id, _key_id(request), members, change)
    return struct_response(await _render_key(parts, record))


@operations.add(
    "rotateProjectApiKey",
    "POST",
    "/organization/projects/{project_id}/api_keys/{api_key_id}/rotate",
    summary="Replace the secret of an API key; the old one is valid for the overlap.",
    request=RotateProjectKeyRequest,
    request_optional=True,
    response=CreatedProjectApiKey,
    tag=EXTENSIONS,
)
async def rotate_project_key(request: Request) -> Response:
    parts, project_id = parts_of(request), named_project_of(request)
    body = await read_json(request, RotateProjectKeyRequest, parts.settings.limits, empty=True)
    key = ids.api_key()
    record = await parts.store.keys.rotate(project_id, _key_id(request), key, body.overlap_seconds, change_of(request))
    return struct_response(await _render_with_secret(parts, record, key))


@operations.add(
    "delete-project-api-key",
    "DELETE",
    "/organization/projects/{project_id}/api_keys/{api_key_id}",
    summary="Delete an API key of a project.",
    response=DeletedProjectApiKey,
)
async def delete_project_key(request: Request) -> Response:
    await parts_of(request).store.keys.delete(named_project_of(request), _key_id(request), change_of(request))
    return struct_response(DeletedProjectApiKey(id=_key_id(request)))


async def _render_with_secret(parts: Parts, record: KeyRecord, key: str) -> CreatedProjectApiKey:
    return CreatedProjectApiKey(**msgspec.structs.asdict(await _render_key(parts, record)), value=key)


async def _render_key(parts: Parts, record: KeyRecord) -> ProjectApiKey:
    return (await _render_keys(parts, record.project_id, [record]))[0]


async def _render_keys(parts: Parts, project_id: str, records: Sequence[KeyRecord]) -> list[ProjectApiKey]:
    account_ids = {record.service_account_id for record in records if record.service_account_id is not None}
    accounts = await parts.store.service_accounts.find(project_id, sorted(account_ids))
    now = parts.now()
    return [_to_object(record, accounts.get(record.service_account_id or ""), now) for record in records]


def _to_object(record: KeyRecord, account: ServiceAccount | None, now: int) -> ProjectApiKey:
    rendered = ProjectApiKey(
        id=record.id,
        redacted_value=record.hint,
        name=record.name,
        created_at=record.created_at,
        last_used_at=record.last_used_at,
        expires_at=record.expires_at,
        owner=_render_owner(account),
        scopes=list(record.scopes or ()),
    )
    if record.old_expires_at is not None and record.old_expires_at > now:
        rendered.old_secret_expires_at = record.old_expires_at
        rendered.old_secret_last_used_at = record.old_last_used_at
    return rendered


def _render_owner(account: ServiceAccount | None) -> ProjectKeyOwner:
    if account is None:
        return ProjectKeyOwner(type="user", user=KeyOwnerUser())
    owner = KeyOwnerServiceAccount(id=account.id, name=account.name, created_at=account.created_at, role=account.role)
    return ProjectKeyOwner(type="service_account", service_account=owner)


def _key_id(request: Request) -> str:
    key_id: str = request.path_params["api_key_id"]
    return key_id
