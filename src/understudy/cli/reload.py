"""SIGHUP: loads the settings again, and applies them to the running parts or logs why not."""

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Coroutine, Sequence

from understudy import logs
from understudy.app import Understudy
from understudy.cli import trials
from understudy.cli.service_manager import ServiceManager, Terminal
from understudy.errors import SettingsError, StoreError
from understudy.settings import LoadedSettings, Settings
from understudy.store.audit_logs import OPERATOR, Change

_log = logging.getLogger("understudy.server")


class SettingsReloader:
    """Applies the settings of `loaded`'s sources as they are at each SIGHUP.

    `on_applied` is called with the settings that are then in effect.
    """

    def __init__(
        self,
        loaded: LoadedSettings,
        understudy: Understudy,
        manager: ServiceManager,
        on_applied: Callable[[Settings], None] = lambda _: None,
    ) -> None:
        self._loaded = loaded
        self._understudy = understudy
        self._manager = manager
        self._on_applied = on_applied
        self._terminal = Terminal()
        self._tasks: set[asyncio.Task[None]] = set()

    def listen(self) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._on_hangup)

    def _on_hangup(self) -> None:
        if self._terminal.is_closed():
            signal.raise_signal(signal.SIGTERM)
        else:
            self._reload()

    def _reload(self) -> None:
        self._manager.report_reloading()
        try:
            self._apply(self._loaded.reload().settings)
        except SettingsError as error:
            _log.error("reload failed, the settings are unchanged: %s", error)
        except Exception:  # noqa: BLE001 - a signal handler must not end the server
            _log.exception("reload failed, the settings are unchanged")
        finally:
            self._manager.report_ready("Serving")

    def _apply(self, settings: Settings) -> None:
        applied = self._understudy.reload.apply(settings)
        if applied.waiting:
            _log.warning("changed settings that need a restart: %s", ", ".join(applied.waiting))
        if not applied.changes:
            _log.info("reload: no setting has changed")
            return
        logs.configure(applied.settings)
        _log.info("reload: applied %s", ", ".join(applied.changes))
        self._on_applied(applied.settings)
        self._start_task(self._record(applied.changes))
        if any(name.startswith("providers.") for name in applied.changes):
            self._start_task(trials.run_startup_checks(applied.settings))

    async def _record(self, changes: Sequence[str]) -> None:
        """Adds the names of the changed settings to the audit log: values may be secret."""
        change = Change(OPERATOR, int(time.time()))
        details = {"changes_requested": {"settings": list(changes)}}
        try:
            await self._understudy.store.audit_logs.add(
                change, "understudy.settings.reloaded", self._understudy.node_id, details, None
            )
        except StoreError as error:
            _log.warning("the reload is not in the audit log: %s", error)

    def _start_task(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
