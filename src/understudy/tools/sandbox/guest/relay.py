"""Relays between the host's channel and the kernel's sockets: requests in, outputs of cells out, within limits.

A kernel that dies or has to be restarted is replaced by a new one, and the host gets an event.
"""

import base64
import binascii
import os
import re
import secrets
import time
from typing import Any, Final

import zmq
from jupyter_client.session import Session

from .channel import Channel
from .kernel import Kernel

_ANSI: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_IMAGES: Final = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
_PIECE: Final = 64 * 1024
_TRACEBACK: Final = 64 * 1024
_START_SECONDS: Final = 60.0
_RETRY_SECONDS: Final = 0.2
_IDLE_SECONDS: Final = 5.0


class Relay:
    def __init__(self, channel: Channel, limits: dict[str, int]) -> None:
        self._channel = channel
        self._limits = limits
        self._generation = 0
        self._reason = ""

    def run(self) -> None:
        """Runs until the host closes the connection."""
        self._open_sockets()
        _fall_silent()
        self._channel.send(type="ready")
        while True:
            self._relay_messages()
            cell = self._cell.number if self._cell else 0
            how = self._close()
            self._channel.send(type="restarted", cell=cell, reason=self._reason, how=how)
            self._reason = ""
            self._open_sockets()

    def _open_sockets(self) -> None:
        self._generation += 1
        key = secrets.token_hex(16)
        self._kernel = Kernel(self._generation, key, self._limits["cpu"])
        self._session = Session(key=key.encode())
        self._context: Any = zmq.Context()
        self._shell = self._socket(zmq.DEALER, "shell")
        self._iopub = self._socket(zmq.SUB, "iopub")
        self._iopub.subscribe(b"")
        self._cell: Cell | None = None
        self._poller = zmq.Poller()
        for source in (self._shell, self._iopub, self._kernel.descriptor):
            self._poller.register(source, zmq.POLLIN)
        self._await_ready()
        self._poller.register(self._channel.fileno(), zmq.POLLIN)

    def _close(self) -> str:
        how = self._kernel.end()
        self._context.destroy(linger=0)
        return how

    def _socket(self, kind: int, name: str) -> Any:
        opened = self._context.socket(kind)
        opened.linger = 0
        opened.connect(self._kernel.address(name))
        return opened

    def _await_ready(self) -> None:
        """Sends an empty request until both sockets reply: from then on no message of a cell is lost."""
        deadline = time.monotonic() + _START_SECONDS
        sent_at = 0.0
        waiting = {self._shell, self._iopub}
        while waiting:
            now = time.monotonic()
            if now > deadline:
                raise SystemExit("the kernel timed out")
            if now - sent_at > _RETRY_SECONDS:
                self._session.send(self._shell, "execute_request", _render_request("pass", history=False))
                sent_at = now
            ready = dict(self._poller.poll(int(_RETRY_SECONDS * 1000)))
            if self._kernel.descriptor in ready:
                raise SystemExit("the kernel ended while it started")
            for source in ready:
                self._receive_message(source)
            waiting -= ready.keys()

    def _relay_messages(self) -> None:
        """Runs until the kernel has to be replaced."""
        while True:
            ready = dict(self._poller.poll(self._patience()))
            if self._iopub in ready:
                self._publish()
            if self._shell in ready:
                self._reply()
            if self._cell and self._cell.ended:
                self._cell.finish()
                self._cell = None
            if self._kernel.descriptor in ready:
                return
            if self._channel.fileno() in ready and self._obey(self._channel.receive()):
                return

    def _patience(self) -> int | None:
        return 100 if self._cell and self._cell.replied else None

    def _obey(self, order: dict[str, Any]) -> bool:
        """Handles a request of the host; returns whether the kernel has to be replaced."""
        match order["op"]:
            case "execute":
                message = self._session.send(
                    self._shell, "execute_request", _render_request(order["code"], history=True)
                )
                self._cell = Cell(order["cell"], message["header"]["msg_id"], self._channel, self._limits)
            case "interrupt":
                if self._cell and self._cell.number == order["cell"]:
                    self._kernel.interrupt()
            case "restart":
                self._reason = order["reason"]
                return True
        return False

    def _publish(self) -> None:
        message = self._receive_message(self._iopub)
        if message and self._cell and message["parent_header"].get("msg_id") == self._cell.message:
            self._cell.take(message["msg_type"], message["content"])

    def _reply(self) -> None:
        message = self._receive_message(self._shell)
        if message and self._cell and message["parent_header"].get("msg_id") == self._cell.message:
            self._cell.reply(message["content"].get("status") == "ok")

    def _receive_message(self, source: Any) -> dict[str, Any] | None:
        """The next message; None if the queue is empty or the message malformed."""
        try:
            parts = source.recv_multipart(zmq.NOBLOCK)
            _, parts = self._session.feed_identities(parts)
            message: dict[str, Any] = self._session.deserialize(parts)
        except (zmq.Again, ValueError, TypeError, KeyError, RecursionError):
            return None
        return message if isinstance(message["content"], dict) and isinstance(message["parent_header"], dict) else None


class Cell:
    """The outputs of one cell, truncated at the limits. It has ended when both sockets have reported its end."""

    def __init__(self, number: int, message: str, channel: Channel, limits: dict[str, int]) -> None:
        self.number = number
        self.message = message
        self.replied = 0.0
        self._ok = False
        self._idle = False
        self._channel = channel
        # One byte more than the host's limit, so that the host detects the truncation.
        self._text_left = limits["output"] + 1
        self._images_left = limits["images"] + 1
        self._image_bytes = limits["image"]

    @property
    def ended(self) -> bool:
        """ZeroMQ drops messages of a kernel that prints faster than they are read, also the last one."""
        return self.replied > 0 and (self._idle or time.monotonic() - self.replied > _IDLE_SECONDS)

    def reply(self, ok: bool) -> None:
        self.replied = time.monotonic()
        self._ok = ok

    def finish(self) -> None:
        self._channel.send(type="done", cell=self.number, ok=self._ok)

    def take(self, kind: str, content: dict[str, Any]) -> None:
        match kind:
            case "status":
                self._idle = content.get("execution_state") == "idle"
            case "stream":
                self._text("stream", _text(content.get("text")), name=_stream(content.get("name")))
            case "execute_result" | "display_data":
                self._display(content.get("data"))
            case "error":
                self._error(content)

    def _display(self, data: object) -> None:
        """Sends the image, or else the plain text."""
        if not isinstance(data, dict):
            return
        for mime in _IMAGES:
            if mime in data and self._image(mime, data[mime]):
                return
        self._text("value", _text(data.get("text/plain")))

    def _image(self, mime: str, encoded: object) -> bool:
        try:
            data = binascii.a2b_base64(encoded) if isinstance(encoded, str) else b""
        except (binascii.Error, ValueError):
            return False
        if not data.startswith(_IMAGES[mime]) or len(data) > self._image_bytes:
            return False
        if self._images_left > 0:
            self._images_left -= 1
            self._channel.send(type="image", cell=self.number, mime=mime, data=base64.b64encode(data).decode())
        return True

    def _error(self, content: dict[str, Any]) -> None:
        lines = content.get("traceback")
        text = "\n".join(map(_text, lines)) if isinstance(lines, list) else ""
        name, message = _text(content.get("ename"))[:200], _text(content.get("evalue"))[:_TRACEBACK]
        self._channel.send(type="error", cell=self.number, name=name, message=message, traceback=text[-_TRACEBACK:])

    def _text(self, kind: str, text: str, **more: str) -> None:
        text = text[: max(self._text_left, 0)]
        self._text_left -= len(text.encode("utf-8", "replace"))
        for start in range(0, len(text), _PIECE):
            self._channel.send(type=kind, cell=self.number, text=text[start : start + _PIECE], **more)


def _render_request(code: str, *, history: bool) -> dict[str, Any]:
    return {
        "code": code,
        "silent": False,
        "store_history": history,
        "user_expressions": {},
        "allow_stdin": False,
        "stop_on_error": False,
    }


def _text(value: object) -> str:
    return _ANSI.sub("", value) if isinstance(value, str) else ""


def _fall_silent() -> None:
    """The host reads errors of the start only; afterwards nobody reads stderr."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)


def _stream(name: object) -> str:
    return "stderr" if name == "stderr" else "stdout"


def main(channel: int, limits: dict[str, int]) -> None:
    Relay(Channel(channel), limits).run()
