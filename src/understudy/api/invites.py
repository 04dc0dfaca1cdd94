"""Invites over HTTP, for admin keys: addresses that may sign in for the first time. The server sends no mail."""

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.operations import OperationGroup
from understudy.api.parts import change_of, parts_of
from understudy.api.requests import objects_response, page_request, read_json, struct_response
from understudy.store import invites as store
from understudy.wire import queries
from understudy.wire.people import CreateInviteRequest, DeletedInvite, Invite, InvitedProject, InviteList

operations = OperationGroup("Administration", audience="admin")


@operations.add(
    "list-invites",
    "GET",
    "/organization/invites",
    summary="List the invites.",
    query=queries.ListQuery,
    response=InviteList,
)
async def list_invites(request: Request) -> Response:
    query, parts = queries.parse(request.scope["query_string"], queries.ListQuery), parts_of(request)
    page = await parts.store.invites.page(page_request(query))
    data = [_render_invite(invite, parts.now()) for invite in page.records]
    return objects_response(InviteList, data, has_more=page.has_more)


@operations.add(
    "inviteUser",
    "POST",
    "/organization/invites",
    summary="Let an email address sign in within a week, with a role and projects.",
    request=CreateInviteRequest,
    response=Invite,
)
async def create_invite(request: Request) -> Response:
    parts, change = parts_of(request), change_of(request)
    body = await read_json(request, CreateInviteRequest, parts.settings.limits)
    projects = None
    if body.projects is not UNSET:
        projects = [store.InvitedProject(project.id, project.role) for project in body.projects]
    return struct_response(
        _render_invite(await parts.store.invites.create(body.email, body.role, projects, change), change.now)
    )


@operations.add(
    "retrieve-invite",
    "GET",
    "/organization/invites/{invite_id}",
    summary="Retrieve an invite.",
    response=Invite,
)
async def retrieve_invite(request: Request) -> Response:
    parts = parts_of(request)
    return struct_response(_render_invite(await parts.store.invites.get(_invite_id(request)), parts.now()))


@operations.add(
    "delete-invite",
    "DELETE",
    "/organization/invites/{invite_id}",
    summary="Delete an invite that is not accepted.",
    response=DeletedInvite,
)
async def delete_invite(request: Request) -> Response:
    await parts_of(request).store.invites.delete(_invite_id(request), change_of(request))
    return struct_response(DeletedInvite(id=_invite_id(request)))


def _render_invite(invite: store.InviteRecord, now: int) -> Invite:
    return Invite(
        id=invite.id,
        email=invite.email,
        role=invite.role,
        status=invite.status(now),
        created_at=invite.created_at,
        expires_at=invite.expires_at,
        accepted_at=invite.accepted_at,
        projects=[InvitedProject(id=project.id, role=project.role) for project in invite.projects],
    )


def _invite_id(request: Request) -> str:
    invite_id: str = request.path_params["invite_id"]
    return invite_id
