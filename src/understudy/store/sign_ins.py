"""Sign-ins: who may come in by an identity that a provider has confirmed, and as what. Knows no protocol."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from understudy import ids
from understudy.errors.objects import sign_in_refused
from understudy.store.audit_logs import Actor, Change, insert_entry
from understudy.store.database import Database, Transaction
from understudy.store.invites import InvitedProject, accept_invite, find_pending_invite
from understudy.store.project_users import insert_project_user
from understudy.store.roles import OrganizationRole
from understudy.store.users import UserRecord, get_user, normalize_email, set_role


@dataclass(frozen=True, slots=True)
class Identity:
    """What the provider has confirmed. `email` is empty if it names none, or one that it has not verified."""

    issuer: str
    subject: str
    email: str = ""
    name: str | None = None


@dataclass(frozen=True, slots=True)
class EntryPolicy:
    """Who may come in.

    With `uses_claims`, only those with a `claimed_role`, which is theirs from then on. Without it users come in with
    their role, others by an invite, and the uninvited as `uninvited_role`, which None refuses. `projects` are the names
    or ids of the projects in which those who come in for the first time without an invite are members.
    """

    uses_claims: bool = False
    claimed_role: OrganizationRole | None = None
    uninvited_role: OrganizationRole | None = None
    projects: Sequence[str] = ()


class SignIns:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def enter(self, identity: Identity, policy: EntryPolicy, now: int, address: str) -> UserRecord:
        """The user with that identity, who is added at the first sign-in. Raises PermissionDenied."""
        return await self._database.write(_enter, identity, policy, now, address)


def _enter(identity: Identity, policy: EntryPolicy, now: int, address: str) -> Transaction[UserRecord]:
    if policy.uses_claims and policy.claimed_role is None:
        raise sign_in_refused()
    email = normalize_email(identity.email)
    sql = "SELECT id, role, deleted_at FROM users WHERE issuer = $1 AND subject = $2 FOR UPDATE"
    rows = yield sql, (identity.issuer, identity.subject)
    user_id, role, deleted_at = rows[0] if rows else (ids.user(), None, None)
    change = Change(Actor("session", user_id, address, email), now)
    if rows and deleted_at is None:
        yield "UPDATE users SET email = $2, name = $3 WHERE id = $1", (user_id, email, identity.name)
        if policy.claimed_role not in {None, role}:
            yield from set_role(user_id, policy.claimed_role or role, change)
    else:
        user_id = yield from _add_user(replace(identity, email=email), policy, user_id, change, was_deleted=bool(rows))
    yield from insert_entry(change, "login.succeeded", user_id, {})
    return (yield from get_user(user_id))


def _add_user(
    identity: Identity, policy: EntryPolicy, user_id: str, change: Change, *, was_deleted: bool
) -> Transaction[str]:
    """The user's id. Raises PermissionDenied."""
    invite = (yield from find_pending_invite(identity.email, change.now)) if identity.email else None
    role = policy.claimed_role
    if role is None and invite is not None:
        role = invite.role
    if role is None and not was_deleted:
        role = policy.uninvited_role
    if role is None or (was_deleted and invite is None):
        raise sign_in_refused()
    sql = (
        "INSERT INTO users (id, issuer, subject, email, name, role, added_at) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        " ON CONFLICT (issuer, subject) DO UPDATE SET email = excluded.email, name = excluded.name,"
        " role = excluded.role, added_at = excluded.added_at, deleted_at = NULL RETURNING id"
    )
    who = (identity.issuer, identity.subject, identity.email, identity.name)
    rows = yield sql, (user_id, *who, role, change.now)
    if rows[0][0] != user_id:  # another server has added this user at the same moment
        return str(rows[0][0])
    yield from insert_entry(change, "user.added", user_id, {"data": {"role": role}})
    if invite is None:
        projects = yield from _find_projects(policy.projects)
    else:
        projects = list(invite.projects)
        yield from accept_invite(invite, change)
    for project in projects:
        yield from insert_project_user(project.id, user_id, project.role, change)
    return user_id


def _find_projects(names: Sequence[str]) -> Transaction[list[InvitedProject]]:
    """Those of the settings that exist and are not archived."""
    found = []
    for name in names:
        sql = "SELECT id FROM projects WHERE (name = $1 OR id = $1) AND archived_at IS NULL ORDER BY seq LIMIT 1"
        found += [InvitedProject(row[0], "member") for row in (yield sql, (name,))]
    return found
