"""Applies changed settings to running parts: providers, models, limits and the log.

Everything is built before anything is replaced, so that settings which cannot be used change nothing. Reads no file.
"""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec
from starlette.applications import Starlette

from understudy.api.batch_endpoints import batch_endpoints
from understudy.api.parts import Parts
from understudy.app.building import Base, build_models
from understudy.engine.admission import Admission
from understudy.engine.jobs.runs import RunWorker
from understudy.engine.tools.interpreter import Interpreter
from understudy.settings import LimitSettings, Settings

RELOADED: Final = (
    *("providers", "models", "rehearsal", "limits"),
    *("log_level", "log_format", "access_log", "log_content"),
)
"""Settings and tables that a reload applies; all others need a restart."""
RESTART_LIMITS: Final = ("concurrent_batch_lines", "concurrent_indexing", "log_retention")
"""Limits that need a restart nevertheless: they size pools, and what the broker stores."""


def merge_settings(current: Settings, loaded: Settings) -> tuple[Settings, list[str]]:
    """The settings in effect after a reload, and the dotted names of changed ones that need a restart."""
    retained = {name: getattr(current.limits, name) for name in RESTART_LIMITS}
    limits = msgspec.structs.replace(loaded.limits, **retained)
    applied = {name: getattr(loaded, name) for name in RELOADED} | {"limits": limits}
    merged = msgspec.structs.replace(current, **applied)
    return merged, sorted(_list_differences(merged, loaded))


def list_changes(before: Settings, after: Settings) -> list[str]:
    """The dotted names of settings that differ; a provider or a model counts as one."""
    return sorted(_list_differences(before, after))


def _list_differences(one: msgspec.Struct, other: msgspec.Struct, prefix: str = "") -> Iterator[str]:
    for name in one.__struct_fields__:
        before, after = getattr(one, name), getattr(other, name)
        if before == after:
            continue
        if isinstance(before, msgspec.Struct):
            yield from _list_differences(before, after, f"{prefix}{name}.")
        elif isinstance(before, dict):
            yield from (f"{name}.{key}" for key in before.keys() | after.keys() if before.get(key) != after.get(key))
        else:
            yield prefix + name


@dataclass(frozen=True, slots=True)
class AppliedSettings:
    """`settings` are in effect now; `changes` are names of applied ones, `waiting` of those that need a restart."""

    settings: Settings
    changes: list[str]
    waiting: list[str]


@dataclass(frozen=True, slots=True)
class Reload:
    """`build_admission` builds the checks of new work from settings."""

    app: Starlette
    base: Base
    worker: RunWorker
    interpreter: Interpreter
    build_admission: Callable[[Settings], Admission]

    def apply(self, loaded: Settings) -> AppliedSettings:
        """Replaces what has changed.

        Calls of providers in progress, and runs, continue with the provider that they began with. Raises SettingsError,
        and changes nothing then.
        """
        parts: Parts = self.app.state.parts
        settings, waiting = merge_settings(parts.settings, loaded)
        changes = list_changes(parts.settings, settings)
        if not changes:
            return AppliedSettings(settings, changes, waiting)
        changes_models = any(name.startswith(("providers.", "models.", "rehearsal.")) for name in changes)
        models = build_models(settings, self.base.clock) if changes_models else None
        admission = self.build_admission(settings)
        if models is not None:
            self.base.models.adopt(models, _longest_call(settings.limits))
            self.base.prices.replace_own(settings.models)
            parts.details.replace_own(settings.models)
        self._apply_limits(parts, settings.limits)
        parts = dataclasses.replace(parts, settings=settings, admission=admission)
        parts.batches.endpoints = batch_endpoints(parts)
        self.app.state.parts = parts
        return AppliedSettings(settings, changes, waiting)

    def _apply_limits(self, parts: Parts, limits: LimitSettings) -> None:
        role = self.base.role
        self.base.models.limit_calls(limits.chat_seconds, private_urls=limits.private_urls)
        self.worker.resize(role.limit_jobs(limits.concurrent_runs))
        self.interpreter.most_bytes = limits.file_bytes
        parts.limiter.policies.set_defaults(limits)
        parts.runs.run_seconds = limits.run_seconds
        parts.responses.seconds = limits.response_seconds
        parts.uploads.limit = limits.upload_bytes
        parts.batches.longest_line = limits.body_bytes


def _longest_call(limits: LimitSettings) -> float:
    """Seconds after which no call of a replaced provider continues."""
    return max(limits.run_seconds, limits.response_seconds, limits.chat_seconds) + limits.upload_silence
