"""A scripted model provider on a real socket, in the two dialects of providers: chat completions and messages.

    with Upstream() as upstream:
        upstream.answer(text("Hel", "lo"), calls(call("get_weather", city="Paris")), fault(429))
        ...                                    # point a provider at upstream.url; each request gets the next answer
        assert upstream.requests[0].body["model"] == "gpt-4o"

It runs in a thread, so that blocking tests, other processes and any event loop can use it. Without a script it echoes
the user's message. Besides text, the pieces of an answer may be `HANG`, `DROP`, `pause(seconds)`, a `Gate` that the test
opens, `raw(bytes)` and `error({...})`.
"""

import asyncio
import email
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from email.message import Message
from typing import Any, Self, cast

from aiohttp import web

from realtime_upstream import Realtime

WAIT = 10.0


class Gate:
    """Blocks an answer until the test opens it."""

    def __init__(self) -> None:
        self._opened: Future[None] = Future()

    def open(self) -> None:
        self._opened.set_result(None)

    async def passed(self) -> None:
        await asyncio.shield(asyncio.wrap_future(self._opened))


@dataclass(frozen=True)
class _Sign:
    name: str


HANG = _Sign("hang")
"""Nothing more comes, and the connection stays open."""
DROP = _Sign("drop")
"""The connection is cut without an end of the body."""


@dataclass(frozen=True)
class _Pause:
    seconds: float


@dataclass(frozen=True)
class _Raw:
    data: bytes


@dataclass(frozen=True)
class _Error:
    details: Mapping[str, Any]
    named: bool


@dataclass(frozen=True)
class _Delta:
    delta: Any


@dataclass(frozen=True)
class Call:
    """A function call, as `call` makes it; `pieces` are the fragments of its arguments."""

    name: str
    pieces: tuple[str, ...]
    id: str


@dataclass(frozen=True)
class _Fragment:
    """Part of the call at `index`; `indexed` false omits the index, as some servers do."""

    index: int
    call: Call
    piece: int
    indexed: bool


@dataclass(frozen=True)
class Answer:
    """The response to one request.

    `finish` None ends the stream without a finish reason; `usage` is (prompt, completion); `opens` false omits the
    events before the first item.
    """

    items: tuple[Any, ...] = ()
    finish: str | None = "stop"
    usage: tuple[int, int] | None = (9, 3)
    done: bool = True
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    opens: bool = True
    stall: Any = None

    def but(self, **changes: Any) -> "Answer":
        return replace(self, **changes)


def text(
    *pieces: Any, finish: str | None = "stop", usage: tuple[int, int] | None = (9, 3), done: bool = True
) -> Answer:
    """An answer with these pieces of text, one event each in a stream."""
    return Answer(pieces, finish, usage, done)


def call(name: str, /, *, call_id: str = "call_1", pieces: int = 2, **arguments: Any) -> Call:
    """A call whose arguments arrive in so many fragments; `raw_arguments=` is a text that need not be JSON."""
    whole = arguments.pop("raw_arguments", None)
    whole = json.dumps(arguments) if whole is None else whole
    size = max(-(-len(whole) // pieces), 1)
    return Call(name, tuple(whole[at : at + size] for at in range(0, len(whole), size)), call_id)


def calls(
    *functions: Call,
    say: Sequence[Any] = (),
    indexed: bool = True,
    interleaved: bool = False,
    usage: tuple[int, int] | None = (9, 3),
    finish: str | None = "tool_calls",
) -> Answer:
    """An answer that calls functions after the text `say`; `interleaved` mixes the fragments of several calls."""
    fragments = [
        _Fragment(index, function, piece, indexed)
        for index, function in enumerate(functions)
        for piece in range(-1, len(function.pieces))
    ]
    if interleaved:
        fragments.sort(key=lambda fragment: fragment.piece)
    return Answer((*say, *fragments), finish, usage)


def deltas(
    *raw_deltas: Any, finish: str | None = "stop", usage: tuple[int, int] | None = (9, 3), done: bool = True
) -> Answer:
    """An answer of these deltas, unchanged; None is possible."""
    return Answer(tuple(_Delta(delta) for delta in raw_deltas), finish, usage, done)


def fault(
    status: int, message: str = "The upstream has a fault.", *, headers: Mapping[str, str] | None = None, **details: Any
) -> Answer:
    """An HTTP error with the usual body."""
    error = {"message": message, "type": None, "param": None, "code": None, **details}
    return reply({"error": error}, status=status, headers=headers)


def reply(
    body: Any, *, status: int = 200, content_type: str = "application/json", headers: Mapping[str, str] | None = None
) -> Answer:
    """An answer with this body, unchanged, for streams too."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=status, headers={"content-type": content_type, **(headers or {})}, body=data)


def stalled(by: Any = HANG) -> Answer:
    """Sends no headers: never for `HANG` and `DROP`; after a `pause` or a `Gate`, an answer with the text "late"."""
    return Answer(("late",), stall=by)


def pause(seconds: float) -> _Pause:
    return _Pause(seconds)


def raw(data: bytes) -> _Raw:
    """Bytes in the middle of a stream."""
    return _Raw(data)


def error(named: bool = False, **details: Any) -> _Error:
    """An error object inside a stream, `named` with an `event: error` line; the stream ends after it."""
    return _Error({"message": "The upstream failed in its stream.", **details}, named)


@dataclass
class Request:
    """A received request. `gone` is set when its client disconnects before the end of the answer."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    port: int
    gone: threading.Event = field(default_factory=threading.Event)

    @property
    def said(self) -> str:
        """The text of the last user message."""
        messages = [message for message in (self.body or {}).get("messages", ()) if message["role"] == "user"]
        content = messages[-1]["content"] if messages else ""
        return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def echo(request: Request) -> Answer:
    words = f"You said: {request.said}".split(" ")
    return text(*(word if index == 0 else f" {word}" for index, word in enumerate(words)))


class Upstream:
    """`models` are the listed ids; None makes the list a 404. `default` answers requests beyond the script."""

    def __init__(self, models: tuple[str, ...] | None = ("gpt-4o", "gpt-4o-mini")):
        self.models = models
        self.default: Callable[[Request], Answer] = echo
        self.requests: list[Request] = []
        self.listings: list[Request] = []
        self.realtime = Realtime()
        self._list_answer: Callable[[Request], Answer] | None = None
        self._script: deque[Answer] = deque()
        self._arrived = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="upstream", daemon=True)
        self._started: Future[tuple[asyncio.AbstractEventLoop, int]] = Future()
        self._stop: asyncio.Event | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._loop, self.port = self._started.result(WAIT)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(WAIT)
        assert not self._thread.is_alive(), "the upstream did not stop"

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.root}/v1"

    def answer(self, *answers: Answer) -> None:
        """Scripts the answers to the next requests, in order."""
        self._script.extend(answers)

    def always(self, answer: Answer | Callable[[Request], Answer]) -> None:
        """Sets the answer to requests beyond the script, or a function of the request that returns it."""
        self.default = answer if callable(answer) else lambda _: answer

    def list_with(self, answer: Answer | Callable[[Request], Answer]) -> None:
        """Sets the `reply` to requests for the list of models, or a function of the request that returns it."""
        self._list_answer = answer if callable(answer) else lambda _: answer

    def wait_for(self, count: int, *, listings: bool = False) -> Request:
        """Blocks until so many requests (with `listings`: for the list of models) have arrived; returns the last."""
        requests = self.listings if listings else self.requests
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(requests) >= count, WAIT), "the request did not arrive"
            return requests[count - 1]

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        app = web.Application(client_max_size=2**28)
        for base in ("/v1", "/openai/v1"):
            app.router.add_get(base + "/models", self._list)
        app.router.add_post("/{path:.*}/messages", self._messages)
        app.router.add_post("/{path:.*}/messages/count_tokens", self._messages)
        app.router.add_post("/{path:.*}/chat/completions", self._chat)
        app.router.add_post("/{path:.*}/embeddings", self._chat)
        app.router.add_post("/{path:.*}/rerank", self._chat)
        for path in ("images/{operation}", "audio/{operation}", "moderations"):
            app.router.add_post("/{prefix:.*}/" + path, self._chat)
        app.router.add_get("/{path:.*}/realtime", self.realtime.serve)
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        self._started.set_result((asyncio.get_running_loop(), runner.addresses[0][1]))
        await self._stop.wait()
        await runner.cleanup()
        # Connections that were accepted at the last moment are known to the event loop only.
        if under_way := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(under_way, timeout=WAIT)
        for transport in list(cast("Any", asyncio.get_running_loop())._transports.values()):
            transport.abort()
        for _ in range(2):
            await asyncio.sleep(0)

    async def _list(self, http: web.Request) -> web.StreamResponse:
        request = await self._arrive(http, self.listings)
        if self._list_answer is not None:
            return await _send_answer(http, request, self._list_answer(request), None)
        if self.models is None:
            return web.json_response({"detail": "Not Found"}, status=404)
        cards = [{"id": model, "object": "model", "created": 1, "owned_by": "upstream"} for model in self.models]
        return web.json_response({"object": "list", "data": cards})

    async def _chat(self, http: web.Request) -> web.StreamResponse:
        return await self._complete(http, _Chat)

    async def _messages(self, http: web.Request) -> web.StreamResponse:
        return await self._complete(http, _Messages)

    async def _complete(self, http: web.Request, dialect: "type[_Chat | _Messages]") -> web.StreamResponse:
        request = await self._arrive(http, self.requests)
        answer = self._script.popleft() if self._script else self.default(request)
        return await _send_answer(http, request, answer, dialect(request.body))

    async def _arrive(self, http: web.Request, requests: list[Request]) -> Request:
        request = await _request(http)
        with self._arrived:
            requests.append(request)
            self._arrived.notify_all()
        return request


async def _request(http: web.Request) -> Request:
    data = await http.read()
    assert http.transport is not None
    port = http.transport.get_extra_info("peername")[1]
    if http.content_type == "multipart/form-data":
        body = _parse_form(http.headers["content-type"], data)
    else:
        body = json.loads(data) if data else None
    return Request(http.method, http.path, dict(http.query), http.headers.copy(), body, port)


def _parse_form(content_type: str, data: bytes) -> Any:
    """The fields of a form in order: pairs of name and text, or for a file of name and (filename, type, bytes)."""
    message = email.message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + data)
    fields: list[tuple[str, Any]] = []
    for part in message.get_payload():
        assert isinstance(part, Message)
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        name = part.get_param("name", header="content-disposition")
        filename = part.get_filename()
        value = content.decode() if filename is None else (filename, part.get_content_type(), content)
        fields.append((str(name), value))
    return {"model": dict(fields).get("model"), "fields": fields}


async def _send_answer(http: web.Request, request: Request, answer: Answer, dialect: "_Dialect") -> web.StreamResponse:
    try:
        return await _respond(http, answer, dialect)
    except (asyncio.CancelledError, ConnectionError):
        request.gone.set()
        raise


async def _respond(http: web.Request, answer: Answer, dialect: "_Dialect") -> web.StreamResponse:
    if answer.stall is not None and not await _survives(http, answer.stall):
        return web.Response()
    if answer.body is not None:
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)
    assert dialect is not None
    if not dialect.streams:
        return await _whole(http, answer, dialect)
    response = web.StreamResponse(headers={"content-type": "text/event-stream", **answer.headers})
    await response.prepare(http)
    for event in dialect.opening(answer) if answer.opens else ():
        await response.write(event)
    for item in answer.items:
        if not await _send_item(http, response, item, dialect):
            return response
    for event in dialect.closing(answer):
        await response.write(event)
    await response.write_eof()
    return response


async def _whole(http: web.Request, answer: Answer, dialect: "_Chat | _Messages") -> web.Response:
    for item in answer.items:
        if isinstance(item, _Sign | _Pause | Gate) and not await _survives(http, item):
            return web.Response()
    return web.json_response(dialect.whole(answer), headers=answer.headers)


async def _send_item(http: web.Request, response: web.StreamResponse, item: Any, dialect: "_Chat | _Messages") -> bool:
    if isinstance(item, _Sign | _Pause | Gate):
        return await _survives(http, item)
    for event in dialect.events(item):
        await response.write(event)
    if isinstance(item, _Error):
        await response.write_eof()
        return False
    return True


async def _survives(http: web.Request, item: Any) -> bool:
    """Executes a pause, a gate, a hang or a drop; returns whether the connection is still open."""
    match item:
        case _Pause(seconds):
            await asyncio.sleep(seconds)
        case Gate():
            await item.passed()
        case _Sign("hang"):
            await asyncio.Event().wait()
        case _Sign("drop"):
            assert http.transport is not None
            http.transport.abort()
            return False
    return True


def _data(payload: Any, name: str | None = None) -> bytes:
    event = b"data: " + json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode() + b"\n\n"
    return event if name is None else b"event: " + name.encode() + b"\n" + event


def _full_text(answer: Answer) -> str:
    return "".join(item for item in answer.items if isinstance(item, str))


def _function_calls(answer: Answer) -> list[Call]:
    functions = {item.index: item.call for item in answer.items if isinstance(item, _Fragment)}
    return [functions[index] for index in sorted(functions)]


class _Chat:
    """The chat completions dialect."""

    def __init__(self, body: Any) -> None:
        self.model = body["model"]
        self.streams = bool(body.get("stream"))
        self._includes_usage = bool((body.get("stream_options") or {}).get("include_usage"))

    def opening(self, answer: Answer) -> Iterator[bytes]:
        yield self._chunk({"role": "assistant", "content": "", "refusal": None})

    def events(self, item: Any) -> Iterator[bytes]:
        match item:
            case str():
                yield self._chunk({"content": item})
            case _Fragment():
                yield self._chunk({"tool_calls": [self._fragment(item)]})
            case _Delta(delta):
                yield self._chunk(delta)
            case _Raw(data):
                yield data
            case _Error(details, named):
                yield _data({"error": details}, "error" if named else None)

    def closing(self, answer: Answer) -> Iterator[bytes]:
        if answer.finish:
            yield self._chunk({}, answer.finish)
        if answer.usage and self._includes_usage:
            yield _data({**self._head(), "choices": [], "usage": self._usage(answer)})
        if answer.done:
            yield b"data: [DONE]\n\n"

    def whole(self, answer: Answer) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": _full_text(answer) or None, "refusal": None}
        if functions := _function_calls(answer):
            message["tool_calls"] = [
                {"id": one.id, "type": "function", "function": {"name": one.name, "arguments": "".join(one.pieces)}}
                for one in functions
            ]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish}
        whole = {**self._head(), "object": "chat.completion", "choices": [choice]}
        return whole | ({"usage": self._usage(answer)} if answer.usage else {})

    def _head(self) -> dict[str, Any]:
        return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": self.model}

    def _chunk(self, delta: Any, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _data({**self._head(), "choices": [choice], **({"usage": None} if self._includes_usage else {})})

    def _fragment(self, part: _Fragment) -> dict[str, Any]:
        place: dict[str, Any] = {"index": part.index} if part.indexed else {}
        if part.piece < 0:
            function = {"name": part.call.name, "arguments": ""}
            return {**place, "id": part.call.id, "type": "function", "function": function}
        return {**place, "function": {"arguments": part.call.pieces[part.piece]}}

    def _usage(self, answer: Answer) -> dict[str, int]:
        assert answer.usage is not None
        prompt, completion = answer.usage
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


_STOP_REASONS: Mapping[str, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}


class _Messages:
    """The Messages dialect. `finish` is a reason of chat completions, or one of its own."""

    def __init__(self, body: Any) -> None:
        self.model = body["model"]
        self.streams = bool(body.get("stream"))
        self._open: tuple[Any, int] | None = None

    def opening(self, answer: Answer) -> Iterator[bytes]:
        usage = self._counts(answer.usage[0] if answer.usage else 0, 1)
        message = {**self._message(), "content": [], "stop_reason": None, "usage": usage}
        yield self._event("message_start", message=message)
        yield self._event("ping")

    def events(self, item: Any) -> Iterator[bytes]:
        match item:
            case str():
                yield from self._block("text", {"type": "text", "text": ""})
                yield self._block_delta({"type": "text_delta", "text": item})
            case _Fragment(index, function, -1):
                block = {"type": "tool_use", "id": function.id, "name": function.name, "input": {}}
                yield from self._block(index, block)
            case _Fragment(_, function, piece):
                yield self._block_delta({"type": "input_json_delta", "partial_json": function.pieces[piece]})
            case _Delta(delta):
                yield self._block_delta(delta)
            case _Raw(data):
                yield data
            case _Error(details, _):
                yield self._event("error", error={"type": "api_error", **details})

    def closing(self, answer: Answer) -> Iterator[bytes]:
        if self._open is not None:
            yield self._event("content_block_stop", index=self._open[1])
        if answer.finish:
            delta = {"stop_reason": self._reason(answer), "stop_sequence": None}
            usage = {"output_tokens": answer.usage[1]} if answer.usage else {"output_tokens": 0}
            yield self._event("message_delta", delta=delta, usage=usage)
        if answer.done:
            yield self._event("message_stop")

    def whole(self, answer: Answer) -> dict[str, Any]:
        blocks: list[dict[str, Any]] = [{"type": "text", "text": _full_text(answer)}] if _full_text(answer) else []
        blocks += [
            {"type": "tool_use", "id": one.id, "name": one.name, "input": json.loads("".join(one.pieces))}
            for one in _function_calls(answer)
        ]
        prompt, completion = answer.usage or (0, 0)
        usage = self._counts(prompt, completion)
        return {**self._message(), "content": blocks, "stop_reason": self._reason(answer), "usage": usage}

    def _block(self, key: Any, block: Any) -> Iterator[bytes]:
        """Starts a block unless that of `key` is open."""
        if self._open is not None and self._open[0] == key:
            return
        index = 0
        if self._open is not None:
            index = self._open[1] + 1
            yield self._event("content_block_stop", index=self._open[1])
        self._open = (key, index)
        yield self._event("content_block_start", index=index, content_block=block)

    def _block_delta(self, delta: Any) -> bytes:
        return self._event("content_block_delta", index=self._open[1] if self._open else 0, delta=delta)

    def _message(self) -> dict[str, Any]:
        return {"id": "msg_1", "type": "message", "role": "assistant", "model": self.model, "stop_sequence": None}

    def _reason(self, answer: Answer) -> str | None:
        return _STOP_REASONS.get(answer.finish or "", answer.finish)

    def _counts(self, prompt: int, completion: int) -> dict[str, int]:
        return {"input_tokens": prompt, "output_tokens": completion}

    def _event(self, name: str, **members: Any) -> bytes:
        return _data({"type": name, **members}, name)


_Dialect = _Chat | _Messages | None
