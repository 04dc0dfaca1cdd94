"""Which models and hosted tools a project may use; without a row, all of them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal, get_args

import msgspec

from understudy.store.audit_logs import Change, insert_entry
from understudy.store.database import Database, Transaction
from understudy.store.limits import count_policy_change

HostedTool = Literal["file_search", "web_search", "image_generation", "mcp", "code_interpreter"]
HOSTED_TOOLS: Final[tuple[HostedTool, ...]] = get_args(HostedTool)
PermissionMode = Literal["allow_list", "deny_list"]


@dataclass(frozen=True, slots=True)
class ModelPermissions:
    mode: PermissionMode
    model_ids: tuple[str, ...]

    def allows(self, names: Collection[str]) -> bool:
        """Whether a model with these ids may be used."""
        is_listed = not set(names).isdisjoint(self.model_ids)
        return is_listed == (self.mode == "allow_list")


@dataclass(frozen=True, slots=True)
class ProjectPermissions:
    """`models` None is all models."""

    models: ModelPermissions | None = None
    disabled_tools: frozenset[HostedTool] = frozenset()


UNRESTRICTED: Final = ProjectPermissions()
_decode_models = msgspec.json.Decoder(ModelPermissions).decode
_decode_tools = msgspec.json.Decoder(frozenset[HostedTool]).decode


class Permissions:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, project_id: str) -> ProjectPermissions:
        return await self._database.read(_select_permissions, project_id)

    async def set_models(self, project_id: str, models: ModelPermissions | None, change: Change) -> None:
        """None permits all models; in the audit log."""
        await self._database.write(_set_models, project_id, models, change)

    async def set_tools(self, project_id: str, disabled: Collection[HostedTool], change: Change) -> None:
        """Permits all hosted tools but these; in the audit log."""
        await self._database.write(_set_tools, project_id, sorted(disabled), change)


def _select_permissions(project_id: str) -> Transaction[ProjectPermissions]:
    rows = yield "SELECT models, tools FROM project_permissions WHERE project_id = $1", (project_id,)
    if not rows:
        return UNRESTRICTED
    models, tools = rows[0]
    return ProjectPermissions(
        None if models is None else _decode_models(models), frozenset() if tools is None else _decode_tools(tools)
    )


def _set_models(project_id: str, models: ModelPermissions | None, change: Change) -> Transaction[None]:
    text = None if models is None else msgspec.json.encode(models).decode()
    sql = (
        "INSERT INTO project_permissions (project_id, models) VALUES ($1, $2)"
        " ON CONFLICT (project_id) DO UPDATE SET models = excluded.models"
    )
    yield sql, (project_id, text)
    requested = None if models is None else {"mode": models.mode, "model_ids": models.model_ids}
    yield from _record_change(project_id, {"model_permissions": requested}, change)


def _set_tools(project_id: str, disabled: Collection[HostedTool], change: Change) -> Transaction[None]:
    sql = (
        "INSERT INTO project_permissions (project_id, tools) VALUES ($1, $2)"
        " ON CONFLICT (project_id) DO UPDATE SET tools = excluded.tools"
    )
    yield sql, (project_id, msgspec.json.encode(disabled).decode())
    requested = {tool: tool not in disabled for tool in HOSTED_TOOLS}
    yield from _record_change(project_id, {"hosted_tool_permissions": requested}, change)


def _record_change(project_id: str, requested: dict[str, object], change: Change) -> Transaction[None]:
    details = {"changes_requested": requested}
    yield from insert_entry(change, "project.updated", project_id, details, project_id)
    yield from count_policy_change()
