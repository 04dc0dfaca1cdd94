"""The users of projects: who may act in a project, as an owner or a member."""

from collections.abc import Sequence
from dataclasses import dataclass

from understudy.errors import not_found
from understudy.errors.objects import project_user_exists, unknown_user_email
from understudy.store.audit_logs import Change, insert_entry
from understudy.store.database import Database, Transaction
from understudy.store.pages import PageRequest, PageSource, RecordPage, read_page
from understudy.store.projects import check_open, get_project
from understudy.store.roles import ProjectRole
from understudy.store.sql import compose_sql, sql_parameters
from understudy.store.users import end_sessions, find_user_by_email, get_user


@dataclass(frozen=True, slots=True)
class ProjectUserRecord:
    """`id` is the user's; `added_at` is in Unix seconds."""

    id: str
    email: str
    name: str | None
    role: ProjectRole
    added_at: int


class ProjectUsers:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, project_id: str, user_id: str | None, email: str | None, role: ProjectRole, change: Change
    ) -> ProjectUserRecord:
        """Adds the user with that id or else that address.

        Raises NotFound, InvalidRequest for an archived project and for a user who is in the project.
        """
        return await self._database.write(_add_user, project_id, user_id, email, role, change)

    async def page(self, project_id: str, request: PageRequest) -> RecordPage[ProjectUserRecord]:
        """Raises NotFound for an unknown project, InvalidRequest for an unknown cursor."""
        return await self._database.read(_page_users, project_id, request)

    async def get(self, project_id: str, user_id: str) -> ProjectUserRecord:
        """Raises NotFound."""
        return await self._database.read(_get_user, project_id, user_id)

    async def change_role(self, project_id: str, user_id: str, role: ProjectRole, change: Change) -> ProjectUserRecord:
        """Raises NotFound."""
        return await self._database.write(_change_role, project_id, user_id, role, change)

    async def assign_role(self, project_id: str, user_id: str, role: ProjectRole, change: Change) -> None:
        """Adds the user to the project, or changes the role there. Raises NotFound, InvalidRequest as `add` does."""
        await self._database.write(_assign_role, project_id, user_id, role, change)

    async def remove(self, project_id: str, user_id: str, change: Change) -> None:
        """Raises NotFound."""
        await self._database.write(_remove_user, project_id, user_id, change)


_SELECT = (
    "SELECT users.id, email, name, project_users.role, project_users.added_at FROM project_users"
    " JOIN users ON users.id = project_users.id"
    " WHERE project_id = $1 AND removed_at IS NULL AND deleted_at IS NULL AND users.id IN ("
)


def insert_project_user(project_id: str, user_id: str, role: ProjectRole, change: Change) -> Transaction[None]:
    """Adds a user, who may have been in the project before, or replaces the role there."""
    sql = (
        "INSERT INTO project_users (project_id, id, role, added_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (id, project_id) DO UPDATE SET role = excluded.role, added_at = excluded.added_at,"
        " removed_at = NULL"
    )
    yield sql, (project_id, user_id, role, change.now)
    yield from insert_entry(change, "user.added", user_id, {"data": {"role": role}}, project_id)


def _add_user(
    project_id: str, user_id: str | None, email: str | None, role: ProjectRole, change: Change
) -> Transaction[ProjectUserRecord]:
    check_open((yield from get_project(project_id)))
    if user_id is None:
        user = None if email is None else (yield from find_user_by_email(email))
        if user is None:
            raise unknown_user_email(email or "")
    else:
        user = yield from get_user(user_id)
    if (yield from _find_users(project_id, [user.id])):
        raise project_user_exists(user.id)
    yield from insert_project_user(project_id, user.id, role, change)
    return (yield from _get_user(project_id, user.id))


def _page_users(project_id: str, request: PageRequest) -> Transaction[RecordPage[ProjectUserRecord]]:
    yield from get_project(project_id)
    source = PageSource("project_users", "project_id = $1", "removed_at IS NULL", body="role", has_horizon=False)
    page = yield from read_page(source, (project_id,), request)
    users = yield from _find_users(project_id, [row[0] for row in page.rows])
    return RecordPage([users[row[0]] for row in page.rows], page.has_more)


def _find_users(project_id: str, user_ids: Sequence[str]) -> Transaction[dict[str, ProjectUserRecord]]:
    if not user_ids:
        return {}
    rows = yield compose_sql(_SELECT, sql_parameters(2, len(user_ids)), ")"), (project_id, *user_ids)
    return {row[0]: ProjectUserRecord(*row) for row in rows}


def _get_user(project_id: str, user_id: str) -> Transaction[ProjectUserRecord]:
    user = (yield from _find_users(project_id, [user_id])).get(user_id)
    if user is None:
        raise not_found("user", user_id)
    return user


def _change_role(project_id: str, user_id: str, role: ProjectRole, change: Change) -> Transaction[ProjectUserRecord]:
    yield from _get_user(project_id, user_id)
    yield "UPDATE project_users SET role = $3 WHERE project_id = $1 AND id = $2", (project_id, user_id, role)
    yield from end_sessions(user_id)
    requested = {"changes_requested": {"role": role}}
    yield from insert_entry(change, "user.updated", user_id, requested, project_id)
    return (yield from _get_user(project_id, user_id))


def _assign_role(project_id: str, user_id: str, role: ProjectRole, change: Change) -> Transaction[None]:
    if (yield from _find_users(project_id, [user_id])):
        yield from _change_role(project_id, user_id, role, change)
    else:
        yield from _add_user(project_id, user_id, None, role, change)


def _remove_user(project_id: str, user_id: str, change: Change) -> Transaction[None]:
    sql = (
        "UPDATE project_users SET removed_at = $3 WHERE project_id = $1 AND id = $2 AND removed_at IS NULL RETURNING id"
    )
    if not (yield sql, (project_id, user_id, change.now)):
        raise not_found("user", user_id)
    yield from end_sessions(user_id)
    yield from insert_entry(change, "user.deleted", user_id, {}, project_id)
