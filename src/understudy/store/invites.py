"""Invites: addresses that may sign in for the first time until a time, with a role and projects. No mail is sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from understudy import ids
from understudy.errors import not_found
from understudy.errors.objects import invite_accepted, invite_pending, user_exists
from understudy.store.audit_logs import Change, insert_entry
from understudy.store.database import Database, Row, Transaction
from understudy.store.pages import PageRequest, PageSource, RecordPage, read_records
from understudy.store.projects import DEFAULT_PROJECT, check_open, find_project, get_project
from understudy.store.roles import OrganizationRole, ProjectRole
from understudy.store.users import find_user_by_email, normalize_email

INVITE_SECONDS: Final = 7 * 86_400


class InvitedProject(msgspec.Struct, frozen=True):
    id: str
    role: ProjectRole


@dataclass(frozen=True, slots=True)
class InviteRecord:
    """Times are in Unix seconds."""

    id: str
    email: str
    role: OrganizationRole
    projects: Sequence[InvitedProject]
    created_at: int
    expires_at: int
    accepted_at: int | None

    def status(self, now: int) -> Literal["accepted", "expired", "pending"]:
        if self.accepted_at is not None:
            return "accepted"
        return "expired" if self.expires_at <= now else "pending"


class Invites:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, email: str, role: OrganizationRole, projects: Sequence[InvitedProject] | None, change: Change
    ) -> InviteRecord:
        """`projects` None is the default project, as a member.

        Raises NotFound for an unknown project, InvalidRequest for an archived one, for the address of a user, and for
        one that has a pending invite.
        """
        return await self._database.write(_create_invite, email, role, projects, change)

    async def page(self, request: PageRequest) -> RecordPage[InviteRecord]:
        """The invites that are not deleted. Raises InvalidRequest for an unknown cursor."""
        return await self._database.read(_page_invites, request)

    async def get(self, invite_id: str) -> InviteRecord:
        """Raises NotFound."""
        return await self._database.read(_get_invite, invite_id)

    async def delete(self, invite_id: str, change: Change) -> None:
        """Raises NotFound, InvalidRequest for an accepted invite."""
        await self._database.write(_delete_invite, invite_id, change)


_SELECT = "SELECT id, email, role, projects, created_at, expires_at, accepted_at FROM invites"
_decode_projects = msgspec.json.Decoder(tuple[InvitedProject, ...]).decode


def find_pending_invite(email: str, now: int) -> Transaction[InviteRecord | None]:
    """The latest invite of that address that may be accepted; it is locked."""
    sql = (
        _SELECT + " WHERE email = $1 AND accepted_at IS NULL AND deleted_at IS NULL AND expires_at > $2"
        " ORDER BY seq DESC LIMIT 1 FOR UPDATE"
    )
    rows = yield sql, (normalize_email(email), now)
    return _load_invite(rows[0]) if rows else None


def accept_invite(invite: InviteRecord, change: Change) -> Transaction[None]:
    yield "UPDATE invites SET accepted_at = $2 WHERE id = $1", (invite.id, change.now)
    yield from insert_entry(change, "invite.accepted", invite.id, _render_data(invite.email, invite.role))


def _render_data(email: str, role: OrganizationRole) -> dict[str, dict[str, str]]:
    return {"data": {"email": email, "role": role}}


def _load_invite(row: Row) -> InviteRecord:
    return InviteRecord(*(*row[:3], _decode_projects(row[3]), *row[4:]))


def _create_invite(
    email: str, role: OrganizationRole, projects: Sequence[InvitedProject] | None, change: Change
) -> Transaction[InviteRecord]:
    if (yield from find_user_by_email(email)) is not None:
        raise user_exists(email)
    if (yield from find_pending_invite(email, change.now)) is not None:
        raise invite_pending(email)
    if projects is None:
        projects = [InvitedProject((yield from find_project(DEFAULT_PROJECT, change.now)), "member")]
    for project in projects:
        check_open((yield from get_project(project.id)))
    invite_id, address = ids.invite(), normalize_email(email)
    sql = "INSERT INTO invites (id, email, role, projects, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)"
    body = msgspec.json.encode(projects).decode()
    yield sql, (invite_id, address, role, body, change.now, change.now + INVITE_SECONDS)
    yield from insert_entry(change, "invite.sent", invite_id, _render_data(address, role))
    return (yield from _get_invite(invite_id))


def _page_invites(request: PageRequest) -> Transaction[RecordPage[InviteRecord]]:
    source = PageSource("invites", "'' = $1", "deleted_at IS NULL", body="email")
    rows, has_more = yield from read_records(_SELECT, source, ("",), request)
    return RecordPage([_load_invite(row) for row in rows], has_more)


def _get_invite(invite_id: str) -> Transaction[InviteRecord]:
    rows = yield _SELECT + " WHERE id = $1 AND deleted_at IS NULL", (invite_id,)
    if not rows:
        raise not_found("invite", invite_id)
    return _load_invite(rows[0])


def _delete_invite(invite_id: str, change: Change) -> Transaction[None]:
    yield "SELECT seq FROM invites WHERE id = $1 FOR UPDATE", (invite_id,)
    invite = yield from _get_invite(invite_id)
    if invite.accepted_at is not None:
        raise invite_accepted(invite_id)
    yield "UPDATE invites SET deleted_at = $2 WHERE id = $1", (invite_id, change.now)
    yield from insert_entry(change, "invite.deleted", invite_id, {})
