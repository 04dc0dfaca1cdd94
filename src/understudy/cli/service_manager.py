"""What started a process: a terminal, or a service manager such as systemd, which wants notifications.

The protocol is that of `sd_notify`, without its library.

Source: the manual page sd_notify(3).
"""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import MutableMapping
from typing import Final

_PINGS_A_TIMEOUT: Final = 3


class Terminal:
    """The terminal of a process, which sends SIGHUP when its window is closed."""

    def __init__(self) -> None:
        self._exists = os.isatty(0)

    def is_closed(self) -> bool:
        return self._exists and not os.isatty(0)


class ServiceManager:
    """Sends nothing where no service manager waits for notifications.

    `watchdog_seconds` is how long the manager waits between two pings before it kills the process; None without that.
    """

    def __init__(self, environ: MutableMapping[str, str] = os.environ) -> None:
        """Removes the variables of the protocol, since child processes have no part in it."""
        address = environ.pop("NOTIFY_SOCKET", "")
        watchdog, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
        # A name in the abstract namespace begins with a zero byte, written as `@`.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        is_meant = bool(address) and watchdog.isdecimal() and pid in {"", str(os.getpid())}
        self.watchdog_seconds = int(watchdog) / 1e6 if is_meant and int(watchdog) else None

    def report_ready(self, status: str) -> None:
        self._send_assignments("READY=1", f"STATUS={status}")

    def report_reloading(self) -> None:
        self._send_assignments("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def report_stopping(self) -> None:
        self._send_assignments("STOPPING=1", "STATUS=Stopping")

    async def ping(self) -> None:
        """Pings the watchdog from the event loop, until it is cancelled."""
        while self.watchdog_seconds is not None:
            self._send_assignments("WATCHDOG=1")
            await asyncio.sleep(self.watchdog_seconds / _PINGS_A_TIMEOUT)

    def _send_assignments(self, *assignments: str) -> None:
        if not self._address:
            return
        # A manager that has gone must not end the server.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
        ):
            sender.setblocking(False)
            sender.sendto("\n".join(assignments).encode(), self._address)
