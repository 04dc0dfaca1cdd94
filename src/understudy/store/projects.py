"""Projects: tenants, whose keys access only their own objects. An archived project keeps its objects; its keys end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from understudy import ids
from understudy.errors import not_found
from understudy.errors.objects import default_project_needed, project_archived, project_exists, project_not_found
from understudy.store.audit_logs import Change, insert_entry
from understudy.store.database import Database, Transaction
from understudy.store.pages import PageRequest, PageSource, RecordPage, read_records
from understudy.store.sql import compose_sql

DEFAULT_PROJECT: Final = "default"


@dataclass(frozen=True, slots=True)
class ProjectRecord:
    """`keys` counts the active ones; times are in Unix seconds."""

    id: str
    name: str
    created_at: int
    archived_at: int | None
    keys: int


class Projects:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, name: str, change: Change) -> ProjectRecord:
        """Raises Conflict if a project has that name."""
        return await self._database.write(_create_project, name, change)

    async def list(self) -> Sequence[ProjectRecord]:
        """All projects, oldest first, archived ones too."""
        return await self._database.read(_list_projects)

    async def get(self, project_id: str) -> ProjectRecord:
        """Raises NotFound."""
        return await self._database.read(get_project, project_id)

    async def page(self, request: PageRequest, *, with_archived: bool) -> RecordPage[ProjectRecord]:
        """Raises InvalidRequest for an unknown cursor."""
        return await self._database.read(_page_projects, request, with_archived=with_archived)

    async def rename(self, project_id: str, name: str, change: Change) -> ProjectRecord:
        """Raises NotFound, Conflict if another project has that name, InvalidRequest for the default project."""
        return await self._database.write(_rename_project, project_id, name, change)

    async def archive(self, project_id: str, change: Change) -> ProjectRecord:
        """For good: its keys are refused from now on. Raises NotFound, InvalidRequest for the default project."""
        return await self._database.write(_archive_project, project_id, change)


def find_project(project: str, now: int) -> Transaction[str]:
    """The id of the project with that name or id; creates the default project. Raises NotFound."""
    rows = yield "SELECT id FROM projects WHERE name = $1 OR id = $1 ORDER BY seq LIMIT 1", (project,)
    if rows:
        return str(rows[0][0])
    if project != DEFAULT_PROJECT:
        raise project_not_found(project)
    return (yield from _insert_project(project, now))[0]


def get_project(project_id: str) -> Transaction[ProjectRecord]:
    """Raises NotFound."""
    rows = yield _SELECT + " WHERE id = $1", (project_id,)
    if not rows:
        raise not_found("project", project_id)
    return ProjectRecord(*rows[0])


def check_open(project: ProjectRecord) -> None:
    """Raises InvalidRequest for an archived project."""
    if project.archived_at is not None:
        raise project_archived(project.id)


def _create_project(name: str, change: Change) -> Transaction[ProjectRecord]:
    # Commands accept an id in place of a name, so a name must not equal an id.
    existing = yield "SELECT 1 FROM projects WHERE id = $1", (name,)
    project_id, inserted = yield from _insert_project(name, change.now)
    if existing or not inserted:
        raise project_exists(name)
    yield from insert_entry(change, "project.created", project_id, {"data": {"name": name, "title": name}}, project_id)
    return ProjectRecord(project_id, name, change.now, None, 0)


def _insert_project(name: str, now: int) -> Transaction[tuple[str, bool]]:
    """The project's id, and whether it was created here: another server may create it at the same moment."""
    sql = "INSERT INTO projects (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING RETURNING id"
    inserted = yield sql, (ids.project(), name, now)
    rows = inserted or (yield "SELECT id FROM projects WHERE name = $1", (name,))
    return str(rows[0][0]), bool(inserted)


_ACTIVE = "SELECT count(*) FROM keys WHERE project_id = projects.id AND revoked_at IS NULL"
_SELECT = compose_sql("SELECT id, name, created_at, archived_at, (", _ACTIVE, ") FROM projects")


def _list_projects() -> Transaction[Sequence[ProjectRecord]]:
    rows = yield _SELECT + " ORDER BY seq", ()
    return [ProjectRecord(*row) for row in rows]


def _page_projects(request: PageRequest, *, with_archived: bool) -> Transaction[RecordPage[ProjectRecord]]:
    filters = "id IS NOT NULL" if with_archived else "archived_at IS NULL"
    source = PageSource("projects", "'' = $1", filters, body="name")
    rows, has_more = yield from read_records(_SELECT, source, ("",), request)
    return RecordPage([ProjectRecord(*row) for row in rows], has_more)


def _lock_project(project_id: str) -> Transaction[ProjectRecord]:
    """Raises NotFound, and InvalidRequest for an archived project and for the default one."""
    yield "SELECT seq FROM projects WHERE id = $1 FOR UPDATE", (project_id,)
    project = yield from get_project(project_id)
    check_open(project)
    if project.name == DEFAULT_PROJECT:
        raise default_project_needed()
    return project


def _rename_project(project_id: str, name: str, change: Change) -> Transaction[ProjectRecord]:
    project = yield from _lock_project(project_id)
    if name != project.name:
        if (yield "SELECT 1 FROM projects WHERE name = $1 OR id = $1", (name,)):
            raise project_exists(name)
        yield "UPDATE projects SET name = $2 WHERE id = $1", (project_id, name)
    yield from insert_entry(change, "project.updated", project_id, {"changes_requested": {"title": name}}, project_id)
    return (yield from get_project(project_id))


def _archive_project(project_id: str, change: Change) -> Transaction[ProjectRecord]:
    yield from _lock_project(project_id)
    yield "UPDATE projects SET archived_at = $2 WHERE id = $1", (project_id, change.now)
    yield from insert_entry(change, "project.archived", project_id, {}, project_id)
    return (yield from get_project(project_id))
