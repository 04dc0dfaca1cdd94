"""SIGHUP: loads the settings again, and applies them to the running parts or logs why not."""

import asyncio
import logging
import signal
from collections.abc import Callable

from understudy import logs
from understudy.app import Understudy
from understudy.cli import trials
from understudy.cli.service_manager import ServiceManager, Terminal
from understudy.errors import SettingsError
from understudy.settings import LoadedSettings, Settings

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
        self._checks: set[asyncio.Task[None]] = set()

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
        if any(name.startswith("providers.") for name in applied.changes):
            task = asyncio.create_task(trials.run_startup_checks(applied.settings))
            self._checks.add(task)
            task.add_done_callback(self._checks.discard)
