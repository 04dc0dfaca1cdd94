"""What the commands `keys`, `projects`, `credits` and `limits` do: in the store of this machine, or over HTTP."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import click

from understudy.cli.options import STORE, with_settings

if TYPE_CHECKING:
    from understudy.settings import LoadedSettings
    from understudy.store.admin_keys import AdminKeyRecord
    from understudy.store.charges import Entry, EntryType
    from understudy.store.keys import KeyRecord
    from understudy.store.limits import Metric
    from understudy.store.projects import ProjectRecord
    from understudy.store.spending import Period, SpendLimit


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key may do and spend. `lifetime` is in seconds, `limit` in credits a `period`; None is without an end."""

    name: str
    project: str
    scopes: tuple[str, ...] | None = None
    lifetime: int | None = None
    limit: int | None = None
    period: "Period" = "month"


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key. `key` is available only here: the store has its hash."""

    record: "KeyRecord"
    key: str


@dataclass(frozen=True, slots=True)
class CreatedAdminKey:
    """A new admin key. `key` is available only here: the store has its hash."""

    record: "AdminKeyRecord"
    key: str


@dataclass(frozen=True, slots=True)
class ProjectFunds:
    """The balance and the limits of a project in credits; `spent` is this month's."""

    project_id: str
    name: str
    balance: int
    budgeted: bool
    spent: int
    limit: "SpendLimit | None"


@dataclass(frozen=True, slots=True)
class LimitScope:
    """The owner of limits: a project, with a `key` that key, with a `model` that model in the project."""

    project: str
    key: str | None = None
    model: str | None = None

    def metrics(self) -> "tuple[Metric, ...]":
        """The names of the limits that it may have."""
        from understudy.store.limits import METRICS
        from understudy.wire.project_limits import RATE_LIMIT_MEMBERS, KeyLimitAmounts, ProjectLimitAmounts

        kind = ProjectLimitAmounts if self.key is None else KeyLimitAmounts
        names = kind.__struct_fields__ if self.model is None else RATE_LIMIT_MEMBERS
        return tuple(metric for metric in METRICS if metric in names)

    def least(self, metric: str) -> int:
        """The smallest amount of a limit."""
        return 1 if "_per_" in metric else 0


@dataclass(frozen=True, slots=True)
class LimitReport:
    """Limits by metric: those set for a project, key or model, None for the settings', and those that apply.

    `names` are the ids of the scope, as in the API's objects. Those set for a model are not listed over HTTP.
    """

    names: Mapping[str, str]
    own: Mapping[str, "int | str | None"]
    effective: Mapping[str, int | None]


class Administration(Protocol):
    """Projects are named by their name or id, keys by their id, their hint or the key itself.

    All raise NotFound for an unknown project, where a method does not say otherwise. Limits are in credits a period.
    """

    async def create_key(self, new: NewKey) -> CreatedKey: ...

    async def create_admin_key(self, name: str, lifetime: int | None) -> CreatedAdminKey:
        """`lifetime` is in seconds; None is without an end."""
        ...

    async def list_keys(self) -> "list[tuple[KeyRecord, str]]":
        """The keys, each with the name of its project."""
        ...

    async def rotate_key(self, reference: str, overlap: int) -> CreatedKey | None:
        """The key with a new secret; the old one is valid for `overlap` seconds. None unless one key matches."""
        ...

    async def revoke_key(self, reference: str) -> "KeyRecord | None":
        """None unless one key matches."""
        ...

    async def create_project(self, name: str, limit: int | None, period: "Period") -> "ProjectRecord":
        """Raises Conflict if a project has that name."""
        ...

    async def list_projects(self) -> "Sequence[ProjectRecord]": ...

    async def archive_project(self, reference: str) -> "ProjectRecord": ...

    async def grant_credits(
        self, project: str, credits_: int, type_: "EntryType", note: str | None
    ) -> ProjectFunds: ...

    async def drop_budget(self, project: str) -> bool:
        """False if the project has no budget."""
        ...

    async def limit_spending(self, project: str | None, key: str | None, credits_: int | None, period: "Period") -> str:
        """Sets or, with `credits_` None, removes the limit of the project or key; returns its name. Raises NotFound."""
        ...

    async def list_funds(self) -> list[ProjectFunds]: ...

    async def load_limits(self, scope: LimitScope) -> LimitReport: ...

    async def change_limits(self, scope: LimitScope, amounts: "Mapping[Metric, int | None]") -> LimitReport:
        """An amount of -1 is without a limit, None the default of the settings."""
        ...

    async def list_entries(self, project: str, last: int) -> "list[Entry]":
        """Newest first."""
        ...


def with_administration(function: Callable[..., None]) -> Callable[..., None]:
    """Adds the flags of the store, `--base-url` and `--key` to a command; its first argument becomes Administration.

    A command with the parameter `api_key` takes `--key` for it, unless `--base-url` is used.
    """
    has_api_key = "api_key" in inspect.signature(function).parameters

    @with_settings(*STORE)
    @click.option("--base-url", metavar="URL", help="Administer the server at this address instead, over HTTP.")
    @click.option("--key", metavar="KEY", help="An admin key of that server.  [default: UNDERSTUDY_API_KEY]")
    @functools.wraps(function)
    def command(loaded: "LoadedSettings", *, base_url: str | None, key: str | None, **parameters: Any) -> None:
        if base_url is None and has_api_key and key is not None:
            parameters["api_key"], key = key, None
        function(_connect_administration(loaded, base_url, key), **parameters)

    return command


def _connect_administration(loaded: "LoadedSettings", base_url: str | None, key: str | None) -> Administration:
    if base_url is None and key is None:
        from understudy.cli.local_administration import LocalAdministration
        from understudy.cli.terminal import note_unused_address

        note_unused_address(loaded.settings)
        return LocalAdministration(loaded.settings)
    from understudy.cli.remote_administration import RemoteAdministration

    try:
        return RemoteAdministration(base_url, key)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def name_scope(scope: LimitScope, project_id: str, key_id: str) -> dict[str, str]:
    """The ids of a scope, as in the API's objects."""
    ids = {"project_id": project_id, "api_key_id": key_id, "model": scope.model or ""}
    return {name: value for name, value in ids.items() if value}


def unknown_key() -> click.ClickException:
    return click.ClickException("Unknown or ambiguous key. Run `understudy keys list`.")
