"""Jupyter's messages on a gateway's websocket: requests to a kernel, and its messages as events.

The kernel runs untrusted code, so malformed messages are ignored.
"""

import binascii
import secrets
from typing import Any, Final

import msgspec

from understudy.tools.sandbox.frames import SIGNATURES
from understudy.tools.sandbox.outputs import Error, Image, Output, Stream, Value, strip_control_characters

IMAGE_BYTES: Final = 8 << 20
_TRACEBACK: Final = 64 * 1024


class _Header(msgspec.Struct, frozen=True):
    msg_type: str


class _Parent(msgspec.Struct, frozen=True):
    msg_id: str = ""


class Message(msgspec.Struct, frozen=True):
    """`content` stays undecoded until its type is known."""

    header: _Header
    content: msgspec.Raw
    parent_header: _Parent = _Parent()
    channel: str = ""


class Status(msgspec.Struct, frozen=True):
    execution_state: str = ""


class Reply(msgspec.Struct, frozen=True):
    status: str = ""
    user_expressions: dict[str, msgspec.Raw] = {}


class _StreamContent(msgspec.Struct, frozen=True):
    name: str = "stdout"
    text: str = ""


class _DisplayContent(msgspec.Struct, frozen=True):
    data: dict[str, msgspec.Raw] = {}


class _ErrorContent(msgspec.Struct, frozen=True):
    ename: str = ""
    evalue: str = ""
    traceback: tuple[str, ...] = ()


class _ExpressionResult(msgspec.Struct, frozen=True):
    data: dict[str, msgspec.Raw] = {}


_messages: Final = msgspec.json.Decoder(Message)


def parse_message(text: str | bytes) -> Message | None:
    try:
        return _messages.decode(text)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None


def content(raw: msgspec.Raw, kind: type[msgspec.Struct]) -> Any:
    """Decodes the content; an empty one if it is malformed."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return kind()


def encode_execute_request(code: str, expression: str = "") -> tuple[str, bytes]:
    """The id and the text of an execute request; one with an expression is ours, and not stored in the history."""
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


def parse_expression(reply: Reply) -> bytes | None:
    """The JSON of our expression's value; None if it failed."""
    if (raw := reply.user_expressions.get("it")) is None:
        return None
    value = content(raw, _ExpressionResult).data.get("application/json")
    return None if value is None else bytes(value)


def parse_output(message: Message) -> Output | None:
    """The output of a message of the `iopub` channel; None for other messages."""
    match message.header.msg_type:
        case "stream":
            printed = content(message.content, _StreamContent)
            return Stream("stderr" if printed.name == "stderr" else "stdout", strip_control_characters(printed.text))
        case "execute_result" | "display_data":
            return _parse_display(content(message.content, _DisplayContent).data)
        case "error":
            raised = content(message.content, _ErrorContent)
            traceback = strip_control_characters("\n".join(raised.traceback))[-_TRACEBACK:]
            return Error(
                strip_control_characters(raised.ename)[:200],
                strip_control_characters(raised.evalue)[:_TRACEBACK],
                traceback,
            )
    return None


def _parse_display(data: dict[str, msgspec.Raw]) -> Output | None:
    for mime, signature in SIGNATURES.items():
        if mime in data and (image := _decode_image(data[mime])).startswith(signature) and len(image) <= IMAGE_BYTES:
            return Image("image/png" if mime == "image/png" else "image/jpeg", image)
    text = _decode_text(data.get("text/plain"))
    return Value(strip_control_characters(text)) if text else None


def _decode_image(raw: msgspec.Raw) -> bytes:
    try:
        return binascii.a2b_base64(_decode_text(raw))
    except (binascii.Error, ValueError):
        return b""


def _decode_text(raw: msgspec.Raw | None) -> str:
    if raw is None:
        return ""
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.MsgspecError, ValueError):
        return ""
