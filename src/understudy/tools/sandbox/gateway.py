"""Kernels of a Jupyter Kernel Gateway or Enterprise Gateway, for fleets: the same sessions on other machines.

The gateway limits what a kernel may use and isolates its files: give each kernel a container of its own.
"""

import logging
from typing import Final

import aiohttp

from understudy.clock import Clock
from understudy.errors import SandboxError
from understudy.looper import Looper
from understudy.settings import SandboxSettings
from understudy.tools.sandbox.gateway_kernel import Gateway, GatewayKernel
from understudy.tools.sandbox.protocol import FOLDER
from understudy.tools.sandbox.session import KernelSession
from understudy.tools.sandbox.sessions import SWEEP_SECONDS, Sessions

_TIMEOUT_SECONDS: Final = 60.0
logger = logging.getLogger(__name__)


class GatewaySandbox:
    """`folder` is the directory of the files in the kernels' own file system."""

    def __init__(self, settings: SandboxSettings, clock: Clock, folder: str = FOLDER) -> None:
        self._settings = settings
        self._folder = folder
        self._client: aiohttp.ClientSession | None = None
        self._sessions = Sessions(settings, clock, self._start_kernel)
        self._sweeping = Looper(SWEEP_SECONDS, self._sessions.sweep)

    async def start(self) -> None:
        await self._sweeping.start()

    async def check(self) -> str | None:
        try:
            specs = await self._gateway().request("GET", "kernelspecs")
        except SandboxError as error:
            return str(error)
        kernels = specs.get("kernelspecs", {}) if isinstance(specs, dict) else {}
        if self._settings.kernel not in kernels:
            return f"The gateway of the sandbox has no kernel {self._settings.kernel!r}; it has {list(kernels)}."
        return None

    def prepare(self) -> None:
        """A gateway prepares its kernels itself."""

    async def open(self, key: str) -> KernelSession:
        return await self._sessions.open(key)

    async def attach(self, key: str, reference: str) -> KernelSession | None:
        try:
            kernel = await GatewayKernel.attach(self._gateway(), reference, self._folder)
        except SandboxError as error:
            logger.info("the session of another node is gone: %s", error)
            return None
        return await self._sessions.add(key, kernel)

    def find(self, key: str) -> KernelSession | None:
        return self._sessions.find(key)

    def count_sessions(self) -> int:
        return self._sessions.count()

    async def stop(self) -> None:
        await self._sweeping.stop()
        await self._sessions.close()
        if self._client is not None:
            await self._client.close()

    async def _start_kernel(self) -> GatewayKernel:
        return await GatewayKernel.start(self._gateway(), self._settings.kernel, self._folder)

    def _gateway(self) -> Gateway:
        if self._client is None:
            token = self._settings.token
            headers = {"Authorization": f"token {token}"} if token else {}
            self._client = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(_TIMEOUT_SECONDS))
        return Gateway((self._settings.url or "").rstrip("/"), self._client)
