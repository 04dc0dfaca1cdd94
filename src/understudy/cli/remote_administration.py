"""Administration over HTTP, with an admin key. Deleted keys are not listed there."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from understudy.cli.administration import (
    CreatedAdminKey,
    CreatedKey,
    LimitReport,
    LimitScope,
    NewKey,
    ProjectFunds,
    name_scope,
)
from understudy.cli.api_client import ApiClient, segment
from understudy.errors import NotFound
from understudy.store.admin_keys import AdminKeyRecord
from understudy.store.charges import Entry, EntryType
from understudy.store.keys import KeyRecord, hint_of
from understudy.store.limits import UNLIMITED, Metric
from understudy.store.projects import ProjectRecord
from understudy.store.spending import Period, SpendLimit
from understudy.wire.project_limits import NO_LIMIT, RATE_LIMIT_MEMBERS

_PROJECTS = "/organization/projects"
_UNORDERED = ("/credits/entries", "/rate_limits")


class RemoteAdministration:
    """See Administration; also raises RequestFailed for what the server refuses."""

    def __init__(self, base_url: str | None, key: str | None) -> None:
        """Raises ValueError for a malformed base URL or key."""
        self._client = ApiClient(base_url, key)

    async def create_key(self, new: NewKey) -> CreatedKey:
        async with self._client as api:
            project = await _find_project(api, new.project)
            body = {"name": new.name, "scopes": list(new.scopes or ()), "expires_in_seconds": new.lifetime}
            created = await api.post(_path(project, "api_keys"), body)
            if new.limit is not None:
                limit = {"credits": new.limit, "period": new.period, "api_key_id": created["id"]}
                await api.post(_path(project, "credits/limit"), limit)
            return CreatedKey(_to_key(created, project["id"]), created["value"])

    async def create_admin_key(self, name: str, lifetime: int | None) -> CreatedAdminKey:
        async with self._client as api:
            one = await api.post("/organization/admin_api_keys", {"name": name, "expires_in_seconds": lifetime})
            record = AdminKeyRecord(
                one["id"], one["name"], one["redacted_value"], one["created_at"], one["expires_at"], None
            )
            return CreatedAdminKey(record, one["value"])

    async def list_keys(self) -> list[tuple[KeyRecord, str]]:
        async with self._client as api:
            return [(record, name) async for record, name in _list_keys(api)]

    async def rotate_key(self, reference: str, overlap: int) -> CreatedKey | None:
        async with self._client as api:
            record = await _find_key(api, reference)
            if record is None:
                return None
            path = f"{_key_path(record)}/rotate"
            rotated = await api.post(path, {"overlap_seconds": overlap})
            return CreatedKey(_to_key(rotated, record.project_id), rotated["value"])

    async def revoke_key(self, reference: str) -> KeyRecord | None:
        async with self._client as api:
            record = await _find_key(api, reference)
            if record is not None:
                await api.delete(_key_path(record))
            return record

    async def create_project(self, name: str, limit: int | None, period: Period) -> ProjectRecord:
        async with self._client as api:
            project = await api.post(_PROJECTS, {"name": name})
            if limit is not None:
                await api.post(_path(project, "credits/limit"), {"credits": limit, "period": period})
            return _to_project(project, 0)

    async def list_projects(self) -> Sequence[ProjectRecord]:
        async with self._client as api:
            projects = [project async for project in _list_all(api, _PROJECTS, include_archived=True)]
            return [_to_project(project, await _count_keys(api, project)) for project in projects]

    async def archive_project(self, reference: str) -> ProjectRecord:
        async with self._client as api:
            project = await _find_project(api, reference)
            return _to_project(await api.post(_path(project, "archive"), {}), 0)

    async def grant_credits(self, project: str, credits_: int, type_: EntryType, note: str | None) -> ProjectFunds:
        async with self._client as api:
            path = _path(await _find_project(api, project), "credits")
            return _to_funds(await api.post(path, {"credits": credits_, "type": type_, "note": note}))

    async def drop_budget(self, project: str) -> bool:
        async with self._client as api:
            return bool((await api.delete(_path(await _find_project(api, project), "credits/budget")))["deleted"])

    async def limit_spending(self, project: str | None, key: str | None, credits_: int | None, period: Period) -> str:
        async with self._client as api:
            body: dict[str, Any] = {"credits": credits_, "period": period}
            if project is not None:
                found = await _find_project(api, project)
                await api.post(_path(found, "credits/limit"), body)
                return str(found["name"])
            record = await _find_key(api, key or "")
            if record is None:
                raise NotFound("Unknown or ambiguous key. Run `understudy keys list`.")
            await api.post(_path({"id": record.project_id}, "credits/limit"), {**body, "api_key_id": record.id})
            return record.id

    async def list_funds(self) -> list[ProjectFunds]:
        async with self._client as api:
            projects = [project async for project in _list_all(api, _PROJECTS)]
            return [_to_funds(await api.get(_path(project, "credits"))) for project in projects]

    async def load_limits(self, scope: LimitScope) -> LimitReport:
        async with self._client as api:
            project_id, key_id = await _find_scope(api, scope)
            if scope.model is None:
                return _to_report(scope, project_id, key_id, await api.get(_limits_path(project_id, key_id)))
            rows = _list_all(api, _path({"id": project_id}, "rate_limits"))
            row = [one async for one in rows if one["model"] == scope.model]
            if not row:
                raise NotFound(f"Model {scope.model!r} not found.")
            return _to_model_report(scope, project_id, row[0])

    async def change_limits(self, scope: LimitScope, amounts: Mapping[Metric, int | None]) -> LimitReport:
        async with self._client as api:
            project_id, key_id = await _find_scope(api, scope)
            if scope.model is None:
                body: dict[str, Any] = {
                    metric: "unlimited" if amount == UNLIMITED else amount for metric, amount in amounts.items()
                }
                return _to_report(scope, project_id, key_id, await api.post(_limits_path(project_id, key_id), body))
            path = _path({"id": project_id}, f"rate_limits/rl-{segment(scope.model)}")
            numbers = {
                RATE_LIMIT_MEMBERS[metric]: NO_LIMIT if amount == UNLIMITED else amount
                for metric, amount in amounts.items()
            }
            return _to_model_report(scope, project_id, await api.post(path, numbers))

    async def list_entries(self, project: str, last: int) -> list[Entry]:
        async with self._client as api:
            path = _path(await _find_project(api, project), "credits/entries")
            entries: list[Entry] = []
            async for one in _list_all(api, path):
                members = ("id", "type", "credits", "model", "reference", "created_at")
                entries.append(Entry(*(one[member] for member in members)))
                if len(entries) == last:
                    break
            return entries


async def _list_all(api: ApiClient, path: str, **query: Any) -> AsyncIterator[dict[str, Any]]:
    after = None
    while True:
        page = await api.get(path, limit=100, order=None if path.endswith(_UNORDERED) else "asc", after=after, **query)
        for item in page["data"]:
            yield item
        if not page["has_more"]:
            return
        after = page["last_id"]


async def _list_keys(api: ApiClient) -> AsyncIterator[tuple[KeyRecord, str]]:
    async for project in _list_all(api, _PROJECTS, include_archived=True):
        async for key in _list_all(api, _path(project, "api_keys")):
            yield _to_key(key, project["id"]), project["name"]


async def _find_project(api: ApiClient, reference: str) -> dict[str, Any]:
    """Raises NotFound."""
    async for project in _list_all(api, _PROJECTS, include_archived=True):
        if reference in {project["id"], project["name"]}:
            return project
    raise NotFound(f"Project {reference!r} not found. Run `understudy projects list`.")


async def _find_key(api: ApiClient, reference: str) -> KeyRecord | None:
    hints = {reference, hint_of(reference)}
    matches = [record async for record, _ in _list_keys(api) if reference == record.id or record.hint in hints]
    return matches[0] if len(matches) == 1 else None


async def _find_scope(api: ApiClient, scope: LimitScope) -> tuple[str, str]:
    """The ids of the project, and of the key, if there is one. Raises NotFound."""
    if scope.key is None:
        return str((await _find_project(api, scope.project))["id"]), ""
    key = await _find_key(api, scope.key)
    if key is None:
        raise NotFound("Unknown or ambiguous key. Run `understudy keys list`.")
    return key.project_id, key.id


async def _count_keys(api: ApiClient, project: Mapping[str, Any]) -> int:
    return len([key async for key in _list_all(api, _path(project, "api_keys"))])


def _path(project: Mapping[str, Any], rest: str) -> str:
    return f"{_PROJECTS}/{segment(project['id'])}/{rest}"


def _key_path(record: KeyRecord) -> str:
    return _path({"id": record.project_id}, f"api_keys/{segment(record.id)}")


def _limits_path(project_id: str, key_id: str) -> str:
    return _path({"id": project_id}, f"api_keys/{segment(key_id)}/limits" if key_id else "limits")


def _to_report(scope: LimitScope, project_id: str, key_id: str, one: Mapping[str, Any]) -> LimitReport:
    return LimitReport(name_scope(scope, project_id, key_id), one["limits"], one["effective"])


def _to_model_report(scope: LimitScope, project_id: str, one: Mapping[str, Any]) -> LimitReport:
    amounts = {metric: one.get(member) for metric, member in RATE_LIMIT_MEMBERS.items()}
    effective = {metric: None if amount == NO_LIMIT else amount for metric, amount in amounts.items()}
    return LimitReport(name_scope(scope, project_id, ""), {}, effective)


def _to_key(one: Mapping[str, Any], project_id: str) -> KeyRecord:
    return KeyRecord(
        one["id"],
        project_id,
        one["name"],
        one["redacted_value"],
        one["created_at"],
        None,
        tuple(one["scopes"]) or None,
        one["expires_at"],
        one["last_used_at"],
    )


def _to_project(one: Mapping[str, Any], keys: int) -> ProjectRecord:
    return ProjectRecord(one["id"], one["name"], one["created_at"], one["archived_at"], keys)


def _to_funds(one: Mapping[str, Any]) -> ProjectFunds:
    limit = one["spend_limit"]
    spend_limit = None if limit is None else SpendLimit(one["project_id"], limit["credits"], limit["period"])
    return ProjectFunds(
        one["project_id"], one["name"], one["balance"], one["is_limited"], one["spent_this_month"], spend_limit
    )
