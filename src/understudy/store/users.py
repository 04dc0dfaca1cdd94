"""Users: people who have signed in, known by the issuer of their identity and their subject there.

A deleted user stays as a row: audit entries name it, and only an invite lets that person in again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from understudy.errors import not_found
from understudy.store.audit_logs import Change, insert_entry
from understudy.store.database import Database, Row, Transaction
from understudy.store.pages import PageRequest, PageSource, RecordPage, read_page
from understudy.store.roles import OrganizationRole, ProjectRole
from understudy.store.sql import SqlArguments, compose_sql, sql_parameters


@dataclass(frozen=True, slots=True)
class Membership:
    """A user's place in a project that is not archived."""

    project_id: str
    project_name: str
    role: ProjectRole


@dataclass(frozen=True, slots=True)
class UserRecord:
    """`email` is in lower case, and empty if the provider names none; `added_at` is in Unix seconds."""

    id: str
    email: str
    name: str | None
    role: OrganizationRole
    added_at: int
    projects: Sequence[Membership] = ()


class Users:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, request: PageRequest, emails: Sequence[str] = ()) -> RecordPage[UserRecord]:
        """With `emails`, only users with one of them. Raises InvalidRequest for an unknown cursor."""
        return await self._database.read(_page_users, request, emails)

    async def get(self, user_id: str) -> UserRecord:
        """Raises NotFound, also for a deleted user."""
        return await self._database.read(get_user, user_id)

    async def change_role(self, user_id: str, role: OrganizationRole, change: Change) -> UserRecord:
        """Raises NotFound."""
        return await self._database.write(_change_role, user_id, role, change)

    async def delete(self, user_id: str, change: Change) -> None:
        """Also removes the user from all projects. Raises NotFound."""
        await self._database.write(_delete_user, user_id, change)


_SELECT = "SELECT id, email, name, role, added_at FROM users"
_MEMBERSHIPS = (
    "SELECT project_users.id, projects.id, projects.name, project_users.role FROM project_users"
    " JOIN projects ON projects.id = project_users.project_id"
    " WHERE removed_at IS NULL AND archived_at IS NULL AND project_users.id IN ({ids}) ORDER BY project_users.seq"
)


def normalize_email(email: str) -> str:
    """The form in which addresses are stored and compared.

    Only ASCII letters become lower case: `str.lower` turns the Kelvin sign into `k`, for example, with which another
    address would pass for an invited one.
    """
    return "".join([sign.lower() if sign.isascii() else sign for sign in email.strip()])


def get_user(user_id: str) -> Transaction[UserRecord]:
    """Raises NotFound, also for a deleted user."""
    users = yield from load_users([user_id])
    if user_id not in users:
        raise not_found("user", user_id)
    return users[user_id]


def load_users(user_ids: Sequence[str]) -> Transaction[dict[str, UserRecord]]:
    """The users with these ids, by id; deleted ones are absent."""
    if not user_ids:
        return {}
    parameters = sql_parameters(1, len(user_ids))
    rows = yield compose_sql(_SELECT, "WHERE deleted_at IS NULL AND id IN (", parameters, ")"), tuple(user_ids)
    places: dict[str, list[Membership]] = {}
    for user_id, *place in (yield _MEMBERSHIPS.format(ids=parameters), tuple(user_ids)):
        places.setdefault(user_id, []).append(Membership(*place))
    return {row[0]: UserRecord(*(*row, tuple(places.get(row[0], ())))) for row in rows}


def find_user_by_email(email: str) -> Transaction[UserRecord | None]:
    """The latest user with that address."""
    sql = "SELECT id FROM users WHERE email = $1 AND deleted_at IS NULL ORDER BY seq DESC LIMIT 1"
    rows: list[Row] = yield sql, (normalize_email(email),)
    return (yield from get_user(rows[0][0])) if rows else None


def end_sessions(user_id: str) -> Transaction[None]:
    """Signs out all browsers of a user."""
    yield "DELETE FROM user_sessions WHERE user_id = $1", (user_id,)


def _page_users(request: PageRequest, emails: Sequence[str]) -> Transaction[RecordPage[UserRecord]]:
    arguments, filters = SqlArguments([""]), "deleted_at IS NULL"
    if emails:
        values = arguments.bind_all([normalize_email(email) for email in emails])
        filters = compose_sql(filters, "AND email IN (", values, ")")
    source = PageSource("users", "'' = $1", filters, len(arguments.values), body="role")
    page = yield from read_page(source, arguments.values, request)
    users = yield from load_users([row[0] for row in page.rows])
    return RecordPage([users[row[0]] for row in page.rows], page.has_more)


def _change_role(user_id: str, role: OrganizationRole, change: Change) -> Transaction[UserRecord]:
    yield "SELECT seq FROM users WHERE id = $1 FOR UPDATE", (user_id,)
    yield from get_user(user_id)
    yield from set_role(user_id, role, change)
    return (yield from get_user(user_id))


def set_role(user_id: str, role: OrganizationRole, change: Change) -> Transaction[None]:
    """Signs the user out, since sessions have the rights of the role before."""
    yield "UPDATE users SET role = $2 WHERE id = $1", (user_id, role)
    yield from end_sessions(user_id)
    yield from insert_entry(change, "user.updated", user_id, {"changes_requested": {"role": role}})


def _delete_user(user_id: str, change: Change) -> Transaction[None]:
    sql = "UPDATE users SET deleted_at = $2 WHERE id = $1 AND deleted_at IS NULL RETURNING id"
    if not (yield sql, (user_id, change.now)):
        raise not_found("user", user_id)
    yield "UPDATE project_users SET removed_at = $2 WHERE id = $1 AND removed_at IS NULL", (user_id, change.now)
    yield from end_sessions(user_id)
    yield from insert_entry(change, "user.deleted", user_id, {})
