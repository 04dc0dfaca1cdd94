"""Sessions of browsers. A session ends by its row's deletion, at once on all nodes: each request reads the row."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from understudy import ids
from understudy.errors.objects import project_access_denied
from understudy.store.audit_logs import Change, insert_entry
from understudy.store.database import Database, Transaction
from understudy.store.projects import DEFAULT_PROJECT
from understudy.store.roles import Person
from understudy.store.users import UserRecord, load_users

# A cookie is replaced after this time; the one before it stays valid for some requests that are under way.
_ROTATION_SECONDS: Final = 3600
_OVERLAP_SECONDS: Final = 60
# The time of the last use is stored at most this often.
_USE_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """`project_id` is empty for a user without projects. `needs_rotation`: the cookie should be replaced."""

    id: str
    user: UserRecord
    project_id: str
    seconds_left: int
    needs_rotation: bool = False

    @property
    def person(self) -> Person:
        owned = frozenset(place.project_id for place in self.user.projects if place.role == "owner")
        return Person(self.user.id, self.user.email, self.id, self.user.role, owned)


@dataclass(frozen=True, slots=True)
class _Row:
    id: str
    user_id: str
    hash: str
    old_hash: str | None
    rotated_at: int
    used_at: int
    expires_at: int


class UserSessions:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, user_id: str, token: str, now: int, expires_at: int) -> str:
        """The id of a new session of the user, whose cookie has `token`."""
        return await self._database.write(_open_session, user_id, token, now, expires_at)

    async def find(self, token: str, now: int, idle_seconds: int, project: str | None) -> BrowserSession | None:
        """The session of a cookie, in that project; None for one that has ended, or whose user was deleted.

        Without `project`, it is in the user's first project, or for an owner of the organization in the default one.
        Raises PermissionDenied for a project that is not the user's.
        """
        found = await self._database.read(_find_session, token, now, idle_seconds, project)
        if found is None:
            return None
        row, session = found
        is_replaced = row.old_hash is not None and row.hash == _hash(token) and now > row.rotated_at + _OVERLAP_SECONDS
        if is_replaced or now >= row.used_at + _USE_SECONDS:
            await self._database.write(_record_use, row.id, now, forgets_old=is_replaced)
        return session

    async def rotate(self, session_id: str, token: str, new_token: str, now: int) -> bool:
        """Whether the cookie is replaced: another request may have done it at the same moment."""
        return await self._database.write(_rotate_session, session_id, token, new_token, now)

    async def end(self, session_id: str, change: Change) -> None:
        """Signs out one browser."""
        await self._database.write(_end_session, session_id, change)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _open_session(user_id: str, token: str, now: int, expires_at: int) -> Transaction[str]:
    yield "DELETE FROM user_sessions WHERE expires_at <= $1", (now,)
    session_id = ids.browser_session()
    sql = (
        "INSERT INTO user_sessions (id, user_id, hash, created_at, rotated_at, used_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $4, $4, $5)"
    )
    yield sql, (session_id, user_id, _hash(token), now, expires_at)
    return session_id


_SELECT = (
    "SELECT id, user_id, hash, old_hash, rotated_at, used_at, expires_at FROM user_sessions"
    " WHERE expires_at > $2 AND used_at > $3 AND (hash = $1 OR old_hash = $1)"
)


def _find_session(
    token: str, now: int, idle_seconds: int, project: str | None
) -> Transaction[tuple[_Row, BrowserSession] | None]:
    rows = yield _SELECT, (_hash(token), now, now - idle_seconds)
    if not rows:
        return None
    row = _Row(*rows[0])
    users = yield from load_users([row.user_id])
    if row.user_id not in users:
        return None
    user = users[row.user_id]
    project_id = yield from _choose_project(user, project)
    needs_rotation = row.hash == _hash(token) and now >= row.rotated_at + _ROTATION_SECONDS
    return row, BrowserSession(row.id, user, project_id, row.expires_at - now, needs_rotation)


def _choose_project(user: UserRecord, project: str | None) -> Transaction[str]:
    """The id of the project, or an empty text if none is named and the user has none. Raises PermissionDenied."""
    own = [place.project_id for place in user.projects]
    if user.role != "owner":
        return _choose_own(own, project)
    sql = "SELECT id FROM projects WHERE archived_at IS NULL AND {column} = $1"
    if project is not None:
        rows = yield sql.format(column="id"), (project,)
    else:
        rows = yield sql.format(column="name"), (DEFAULT_PROJECT,)
    if rows:
        return str(rows[0][0])
    return _choose_own(own, project)


def _choose_own(own: Sequence[str], project: str | None) -> str:
    if project is None:
        return own[0] if own else ""
    if project not in own:
        raise project_access_denied(project)
    return project


def _record_use(session_id: str, now: int, *, forgets_old: bool) -> Transaction[None]:
    if forgets_old:
        yield "UPDATE user_sessions SET used_at = $2, old_hash = NULL WHERE id = $1", (session_id, now)
    else:
        yield "UPDATE user_sessions SET used_at = $2 WHERE id = $1", (session_id, now)


def _rotate_session(session_id: str, token: str, new_token: str, now: int) -> Transaction[bool]:
    sql = (
        "UPDATE user_sessions SET old_hash = hash, hash = $3, rotated_at = $4, used_at = $4"
        " WHERE id = $1 AND hash = $2 RETURNING id"
    )
    return bool((yield sql, (session_id, _hash(token), _hash(new_token), now)))


def _end_session(session_id: str, change: Change) -> Transaction[None]:
    if (yield "DELETE FROM user_sessions WHERE id = $1 RETURNING user_id", (session_id,)):
        yield from insert_entry(change, "logout.succeeded", change.actor.id, {})
