"""One kernel behind a gateway: its REST interface, and the messages of its websocket as events. See `Kernel`."""

import asyncio
import logging
from collections import deque
from contextlib import suppress
from typing import Any, Final, NoReturn
from urllib.parse import quote

import aiohttp

from understudy.errors import SandboxError
from understudy.tools.sandbox import jupyter
from understudy.tools.sandbox.frames import MAX_FRAME_BYTES, CellDone, CellOutput, Event, KernelRestarted
from understudy.tools.sandbox.gateway_files import GatewayFiles
from understudy.tools.sandbox.kernel import KernelDied

logger = logging.getLogger(__name__)

_HEARTBEAT: Final = 20.0
_TIMEOUT_SECONDS: Final = 60.0
_OUTPUT_GRACE_SECONDS: Final = 0.2
_DIED_TEXT: Final = "It died, most likely because memory ran out."
_DEAD_STATE: Final = "dead"
_BUSY_STATE: Final = "busy"
_REPLACED_STATES: Final = frozenset({"restarting", "autorestarting"})


class Gateway:
    """The REST interface of the gateway. Raises SandboxError."""

    def __init__(self, url: str, client: aiohttp.ClientSession) -> None:
        self._url = url
        self._client = client

    async def request(self, method: str, path: str, body: object = None) -> Any:
        try:
            async with self._client.request(method, f"{self._url}/api/{path}", json=body) as response:
                if response.status >= 400:
                    raise SandboxError(
                        f"The gateway of the sandbox returned the status {response.status} for {method} {path}."
                    )
                return await response.json() if response.status != 204 else None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise self._unavailable(error) from error

    async def channels(self, kernel: str) -> aiohttp.ClientWebSocketResponse:
        try:
            return await self._client.ws_connect(
                f"{self._url}/api/kernels/{kernel}/channels", max_msg_size=MAX_FRAME_BYTES, heartbeat=_HEARTBEAT
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> SandboxError:
        """Logs the URL and the cause; clients get an error without them."""
        logger.warning("the gateway at %s is unavailable: %s", self._url, error or type(error).__name__)
        return SandboxError("The gateway of the sandbox is unavailable.")


class GatewayKernel:
    """Created by `start` or `attach`. `reference` is its id at the gateway."""

    def __init__(self, gateway: Gateway, identifier: str, socket: aiohttp.ClientWebSocketResponse, folder: str) -> None:
        self.files = GatewayFiles(folder, self._evaluate)
        self.alive = True
        self.reference = identifier
        self._gateway = gateway
        self._path = f"kernels/{identifier}"
        self._socket = socket
        # The kernel does one thing at a time: a cell, or a file operation.
        self._free = asyncio.Lock()
        self._cell = 0
        self._message = ""
        self._replied: bool | None = None
        self._idle = False
        # Whether the kernel reported that it was idle again after our last request.
        self._is_idle_again = False
        self._events: deque[Event] = deque()
        self._renewal: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, gateway: Gateway, name: str, folder: str) -> "GatewayKernel":
        """Starts a kernel and waits until it replies. Raises SandboxError."""
        made = await gateway.request("POST", "kernels", {"name": name})
        identifier = quote(str(made["id"]) if isinstance(made, dict) and "id" in made else "", safe="")
        try:
            kernel = cls(gateway, identifier, await gateway.channels(identifier), folder)
        except BaseException:
            await gateway.request("DELETE", f"kernels/{identifier}")
            raise
        try:
            await kernel._prepare()
            await kernel.files.claim()
        except BaseException:
            await kernel.kill()
            raise
        return kernel

    @classmethod
    async def attach(cls, gateway: Gateway, identifier: str, folder: str) -> "GatewayKernel":
        """Connects to a kernel that another process has started. Raises SandboxError if it is gone.

        What that process may have left running is interrupted.
        """
        model = await gateway.request("GET", f"kernels/{identifier}")
        if isinstance(model, dict) and model.get("execution_state") == _BUSY_STATE:
            await gateway.request("POST", f"kernels/{identifier}/interrupt")
        kernel = cls(gateway, identifier, await gateway.channels(identifier), folder)
        try:
            await kernel._prepare()
        except SandboxError:
            await kernel.kill()
            raise
        except BaseException:
            await kernel.detach()
            raise
        return kernel

    async def _prepare(self) -> None:
        """Sets the kernel's folder, and repeats the request until its output arrives: a new kernel loses its first
        messages.

        Raises SandboxError.
        """
        deadline = asyncio.get_running_loop().time() + _TIMEOUT_SECONDS
        self._is_idle_again = False
        while not self._is_idle_again:
            if asyncio.get_running_loop().time() > deadline:
                raise SandboxError("The output of the kernel behind the gateway does not arrive.")
            await self.files.prepare()

    async def execute(self, cell: int, code: str) -> None:
        await self._free.acquire()
        # Gateways end idle kernels, which the websocket does not report for a while.
        await self._send_command("GET")
        self._cell, self._replied, self._idle = cell, None, False
        self._message, text = jupyter.encode_execute_request(code)
        await self._send_text(text)

    async def receive(self) -> Event:
        while not self._events:
            if self._renewal is not None:
                await asyncio.shield(self._renewal)
            else:
                self._handle_message(await self._read_message())
        return self._events.popleft()

    async def interrupt(self, cell: int) -> None:
        if cell == self._cell:
            await self._send_command("POST", "/interrupt")

    async def restart(self) -> None:
        await self._send_command("POST", "/restart")
        self._on_replaced()

    async def detach(self) -> None:
        self.alive = False
        await self._socket.close()
        self._release()

    async def kill(self) -> None:
        if self.alive:
            self.alive = False
            with suppress(SandboxError):
                await self._gateway.request("DELETE", self._path)
        await self._socket.close()
        self._release()

    async def _send_command(self, method: str, verb: str = "") -> None:
        try:
            await self._gateway.request(method, self._path + verb)
        except SandboxError as error:
            await self._fail_kernel(str(error))

    def _handle_message(self, message: jupyter.Message) -> None:
        """Adds the events for a message."""
        kind, state = message.header.msg_type, ""
        if kind == "status":
            state = jupyter.content(message.content, jupyter.Status).execution_state
        if state in _REPLACED_STATES:
            self._on_replaced(_DIED_TEXT)
        elif self._cell and message.parent_header.msg_id == self._message:
            self._handle_cell_message(message, kind, state)

    def _handle_cell_message(self, message: jupyter.Message, kind: str, state: str) -> None:
        """Handles a message of the current cell, which ends when both channels have reported its end."""
        if kind == "execute_reply":
            self._replied = jupyter.content(message.content, jupyter.Reply).status == "ok"
        elif state:
            self._idle = state == "idle"
        elif (output := jupyter.parse_output(message)) is not None:
            self._events.append(CellOutput(self._cell, output))
        if self._replied is not None and self._idle:
            self._events.append(CellDone(self._cell, self._replied))
            self._release()

    def _on_replaced(self, reason: str = "") -> None:
        """Handles a replaced kernel, which needs its folder before it is used."""
        cell = self._cell
        self._release()
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._prepare_replacement(cell, reason))

    async def _prepare_replacement(self, cell: int, reason: str) -> None:
        try:
            await self._prepare()
            self._events.append(KernelRestarted(cell, reason, ""))
        except SandboxError:
            await self.kill()  # the next request reports that the kernel is gone
        finally:
            self._renewal = None

    def _release(self) -> None:
        if self._cell:
            self._cell = 0
            self._free.release()

    async def _evaluate(self, expression: str) -> bytes | None:
        """Evaluates our expression between cells. Raises SandboxError if the kernel is gone."""
        async with self._free:
            identifier, text = jupyter.encode_execute_request("", expression)
            try:
                async with asyncio.timeout(_TIMEOUT_SECONDS):
                    await self._send_text(text)
                    return await self._receive_value(identifier)
            except TimeoutError:
                return None
            except KernelDied as gone:
                raise SandboxError(str(gone)) from gone

    async def _receive_value(self, identifier: str) -> bytes | None:
        """The JSON of the reply. Its output may follow later, or may have been lost."""
        self._is_idle_again = False
        reply = await self._receive_reply(identifier)
        if reply is None:
            return None
        with suppress(TimeoutError):
            async with asyncio.timeout(_OUTPUT_GRACE_SECONDS):
                while not self._is_idle_again:
                    self._read_state(await self._read_message(), identifier)
        return jupyter.parse_expression(reply)

    async def _receive_reply(self, identifier: str) -> jupyter.Reply | None:
        """The reply; None if the kernel was replaced meanwhile."""
        while True:
            message = await self._read_message()
            if message.parent_header.msg_id == identifier and message.header.msg_type == "execute_reply":
                reply: jupyter.Reply = jupyter.content(message.content, jupyter.Reply)
                return reply
            if self._read_state(message, identifier) in _REPLACED_STATES:
                self._on_replaced(_DIED_TEXT)
                return None

    def _read_state(self, message: jupyter.Message, identifier: str) -> str:
        """The state in a status message; empty for other messages."""
        if message.header.msg_type != "status":
            return ""
        state: str = jupyter.content(message.content, jupyter.Status).execution_state
        self._is_idle_again |= message.parent_header.msg_id == identifier and state == "idle"
        return state

    async def _send_text(self, text: bytes) -> None:
        try:
            await self._socket.send_str(text.decode())
        except (ConnectionError, RuntimeError):
            await self._fail_kernel("The gateway closed the connection.")

    async def _read_message(self) -> jupyter.Message:
        """The next valid message. Raises KernelDied."""
        while True:
            received = await self._socket.receive()
            if received.type not in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
                await self._fail_kernel("The gateway closed the connection.")
            message = jupyter.parse_message(received.data)
            if message is not None and not self._is_dead_status(message):
                return message
            if message is not None:
                await self._fail_kernel("The kernel died.")

    def _is_dead_status(self, message: jupyter.Message) -> bool:
        if message.header.msg_type != "status":
            return False
        return bool(jupyter.content(message.content, jupyter.Status).execution_state == _DEAD_STATE)

    async def _fail_kernel(self, why: str) -> NoReturn:
        await self.kill()
        raise KernelDied(why)
