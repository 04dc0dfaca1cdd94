"""Jupyter's messages as they come over a gateway's websocket: what is asked of a kernel, and what it says, as events.

The kernel runs code that nobody trusts, so whatever is out of form is passed over.
"""

import binascii
import secrets
from typing import Any, Final, Literal, TypeAlias

import msgspec

from understudy.tools.sandbox.frames import SIGNATURES
from understudy.tools.sandbox.outputs import Error, Image, Output, Stream, Value, plain

IMAGE_BYTES: Final = 8 << 20
_TRACEBACK: Final = 64 * 1024

Died: TypeAlias = Literal["autorestarting", "restarting", "dead"]


class _Header(msgspec.Struct, frozen=True):
    msg_type: str


class _Parent(msgspec.Struct, frozen=True):
    msg_id: str = ""


class Message(msgspec.Struct, frozen=True):
    """`content` is left as it came until its type is known."""

    header: _Header
    content: msgspec.Raw
    parent_header: _Parent = _Parent()
    channel: str = ""


class Status(msgspec.Struct, frozen=True):
    execution_state: str = ""


class Reply(msgspec.Struct, frozen=True):
    status: str = ""
    user_expressions: dict[str, msgspec.Raw] = {}


class _Printed(msgspec.Struct, frozen=True):
    name: str = "stdout"
    text: str = ""


class _Shown(msgspec.Struct, frozen=True):
    data: dict[str, msgspec.Raw] = {}


class _Raised(msgspec.Struct, frozen=True):
    ename: str = ""
    evalue: str = ""
    traceback: tuple[str, ...] = ()


class _Expression(msgspec.Struct, frozen=True):
    data: dict[str, msgspec.Raw] = {}


_messages: Final = msgspec.json.Decoder(Message)


def message(text: str | bytes) -> Message | None:
    try:
        return _messages.decode(text)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None


def content(raw: msgspec.Raw, kind: type[msgspec.Struct]) -> Any:
    """An empty one where it is out of form."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return kind()


def request(code: str, expression: str = "") -> tuple[str, bytes]:
    """The id and the text of a message that runs the code; one with an expression is ours, and leaves no trace."""
    identifier = secrets.token_hex(16)
    header = {
        "msg_id": identifier,
        "msg_type": "execute_request",
        "username": "understudy",
        "session": identifier,
        "version": "5.3",
        "date": "",
    }
    body = {
        "code": code,
        "silent": bool(expression),
        "store_history": not expression,
        "user_expressions": {"it": expression} if expression else {},
        "allow_stdin": False,
        "stop_on_error": False,
    }
    whole = {
        "channel": "shell",
        "header": header,
        "parent_header": {},
        "metadata": {},
        "content": body,
        "buffers": [],
    }
    return identifier, msgspec.json.encode(whole)


def expressed(reply: Reply) -> bytes | None:
    """The JSON that our expression gave; None where it failed."""
    if (raw := reply.user_expressions.get("it")) is None:
        return None
    found = content(raw, _Expression).data.get("application/json")
    return None if found is None else bytes(found)


def output(said: Message) -> Output | None:
    """What a message of the `iopub` channel shows; None where it shows nothing."""
    match said.header.msg_type:
        case "stream":
            printed = content(said.content, _Printed)
            return Stream("stderr" if printed.name == "stderr" else "stdout", plain(printed.text))
        case "execute_result" | "display_data":
            return _shown(content(said.content, _Shown).data)
        case "error":
            raised = content(said.content, _Raised)
            traceback = plain("\n".join(raised.traceback))[-_TRACEBACK:]
            return Error(plain(raised.ename)[:200], plain(raised.evalue)[:_TRACEBACK], traceback)
    return None


def _shown(data: dict[str, msgspec.Raw]) -> Output | None:
    for mime, signature in SIGNATURES.items():
        if mime in data and (image := _image(data[mime])).startswith(signature) and len(image) <= IMAGE_BYTES:
            return Image("image/png" if mime == "image/png" else "image/jpeg", image)
    text = _text(data.get("text/plain"))
    return Value(plain(text)) if text else None


def _image(raw: msgspec.Raw) -> bytes:
    try:
        return binascii.a2b_base64(_text(raw))
    except (binascii.Error, ValueError):
        return b""


def _text(raw: msgspec.Raw | None) -> str:
    if raw is None:
        return ""
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.MsgspecError, ValueError):
        return ""
