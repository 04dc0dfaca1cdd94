"""A model provider that costs nearly nothing: chat completions out of bytes made beforehand, at once or at a pace,
and embeddings.

`python -m benchmarks.upstream --port N --chunks N [--pace N] [--lead N] [--files N]`. Each chunk of a stream is written
by itself, as real providers do; a request with tools and without their outputs is answered with a call. Paced, it tells
at GET /lateness how late its chunks were since the last time. Knows just enough HTTP for its few clients.
"""

import argparse
import asyncio
import base64
import gc
import json
import re
import struct
from collections.abc import Iterator, Sequence
from typing import Any, cast

import uvloop

from benchmarks import files
from benchmarks.rounds import quantiles
from benchmarks.wheel import Wheel

MODEL = "scripted"
FIRST_TEXT = b"word0"
"""What the first chunk of text says; each further one counts on."""

CALL_ID = "call_0123456789abcdefghijklmn"
_STREAMS = re.compile(rb'"stream":\s*true')
_WANTS_USAGE = re.compile(rb'"include_usage":\s*true')
_EMBEDDINGS = b"/embeddings HTTP/"
_DIMENSIONS = 512
_USAGE = {"prompt_tokens": 12, "completion_tokens": 20, "total_tokens": 32}
_HEAD = {"id": "chatcmpl-scripted", "created": 1750000000, "model": MODEL}


class Answers:
    """Everything that is ever said, encoded. A stream is the pieces that are written one after another."""

    def __init__(self, chunks: int) -> None:
        words = [f"word{number} " for number in range(chunks)]
        self.text = _stream([{"content": word} for word in words], "stop", usage=False)
        self.text_with_usage = _stream([{"content": word} for word in words], "stop", usage=True)
        self.call = _stream(_call_deltas(), "tool_calls", usage=True)
        self.whole = _json(_completion("".join(words)))
        self.models = _json({"object": "list", "data": [{"id": MODEL, "object": "model", "created": 1}]})

    def to(self, head: bytes, body: bytes) -> Sequence[bytes]:
        if head.startswith(b"GET"):
            return (self.models,)
        if _EMBEDDINGS in head:
            return (_json(_embed(json.loads(body))),)
        if not _STREAMS.search(body):
            return (self.whole,)
        if b'"tools":' in body and b'"role":"tool"' not in body:
            return self.call
        return self.text_with_usage if _WANTS_USAGE.search(body) else self.text


def _embed(body: dict[str, Any]) -> dict[str, Any]:
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    vector: Any = [1.0, *[0.0] * (_DIMENSIONS - 1)]
    if body.get("encoding_format") == "base64":
        vector = base64.b64encode(struct.pack(f"<{_DIMENSIONS}f", *vector)).decode()
    data = [{"object": "embedding", "index": index, "embedding": vector} for index in range(len(texts))]
    return {"object": "list", "model": body["model"], "data": data, "usage": {"prompt_tokens": 1, "total_tokens": 1}}


def _json(body: dict[str, Any]) -> bytes:
    data = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(data), data)


def _completion(text: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {**_HEAD, "object": "chat.completion", "choices": [choice], "usage": _USAGE}


def _call_deltas() -> list[dict[str, Any]]:
    call = {"index": 0, "id": CALL_ID, "type": "function", "function": {"name": "get_weather", "arguments": ""}}
    pieces = ['{"city":', ' "Paris"}']
    return [{"tool_calls": [call]}] + [
        {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in pieces
    ]


def _stream(deltas: Sequence[dict[str, Any]], finish: str, *, usage: bool) -> list[bytes]:
    opening = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    last = [_chunk(choices=[], usage=_USAGE)] if usage else []
    end = b"".join(_framed(event) for event in [*last, b"data: [DONE]\n\n"]) + b"0\r\n\r\n"
    return [
        opening + _framed(_delta({"role": "assistant", "content": ""})),
        *(_framed(_delta(delta)) for delta in deltas),
        _framed(_delta({}, finish)),
        end,
    ]


def _delta(delta: dict[str, Any], finish: str | None = None) -> bytes:
    return _chunk(choices=[{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}])


def _chunk(**parts: Any) -> bytes:
    return b"data: " + json.dumps({**_HEAD, "object": "chat.completion.chunk", **parts}).encode() + b"\n\n"


def _framed(event: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(event), event)


class _Connection(asyncio.Protocol):
    def __init__(self, answers: Answers, wheel: Wheel | None, lead: float) -> None:
        self._answers = answers
        self._wheel = wheel
        self._lead = lead
        self._loop = asyncio.get_running_loop()
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        end = self._data.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        head = self._data[:end]
        if len(self._data) < end + _length(head):
            return
        body, self._data = self._data[end:], b""
        self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if self._wheel is not None and head.startswith(b"GET /lateness"):
            self._transport.write(_json(quantiles(self._wheel.lateness)))
            del self._wheel.lateness[:]
            return
        pieces = self._answers.to(head, body)
        if self._lead and len(pieces) > 1:
            self._loop.call_later(self._lead, self._start, iter(pieces))
        else:
            self._start(iter(pieces))

    def _start(self, pieces: Iterator[bytes]) -> None:
        if self._wheel is None:
            self._write(pieces)
        else:
            self._wheel.add(lambda: self._write_next(pieces))

    def _write_next(self, pieces: Iterator[bytes]) -> bool:
        piece = next(pieces, None)
        if piece is None or self._transport.is_closing():
            return False
        self._transport.write(piece)
        return True

    def _write(self, pieces: Iterator[bytes]) -> None:
        """Each piece in a turn of the loop of its own, so that it leaves in a segment of its own."""
        if self._write_next(pieces):
            self._loop.call_soon(self._write, pieces)


def _length(head: bytes) -> int:
    found = re.search(rb"(?i)\r\ncontent-length:\s*(\d+)", head)
    return int(found[1]) if found else 0


async def _serve(port: int, chunks: int, pace: float, lead: float) -> None:
    answers = Answers(chunks)
    wheel = Wheel(1 / pace) if pace else None
    gc.freeze()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(answers, wheel, lead), "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--chunks", type=int, required=True)
    parser.add_argument("--pace", type=float, default=0.0, help="chunks a second of each stream; 0 is all at once")
    parser.add_argument(
        "--lead", type=float, default=0.0, help="seconds from a request to the first chunk of its stream"
    )
    parser.add_argument("--files", type=int, default=256, help="sockets that must be possible at once")
    options = parser.parse_args()
    files.allow(options.files)
    uvloop.run(_serve(options.port, options.chunks, options.pace, options.lead))


if __name__ == "__main__":
    main()
