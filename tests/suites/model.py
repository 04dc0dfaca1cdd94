"""The model of the suites' server, a provider of its own: the embedded model, which also knows the replies of replies.json.

    python -m suites.model --port N

Suites are written for language models, and their questions have one right answer: the embedded model recalls, calculates,
calls functions and quotes, but it does not know the capital of France, and calls one function at a time. An entry of
replies.json has a pattern of the user's last message, and a text or calls; calls are made where all their functions can be
called, and `then` is the text after their results, in which `{mark}` is the first citation mark of those. `pace` is the
tokens a second, for tests that cancel an answer. The same process makes images, and is the search engine of `search.py`.
"""

import argparse
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from suites.search import SearchEngine
from understudy.clock import SystemClock
from understudy.errors import UpstreamError
from understudy.llm.rehearsal.completion import CompletionWriter, tokenize_reply
from understudy.llm.rehearsal.conversation import Call
from understudy.llm.rehearsal.model import Rehearsal
from understudy.llm.rehearsal.request import count_prompt_tokens, parse_request
from understudy.settings import RehearsalSettings

MODEL: Final = "suite-model"
EMBEDDING_MODEL: Final = "suite-embedding"
IMAGE_MODEL: Final = "suite-image"
_PIXEL: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A PNG of one pixel, in base64."""
_MARK: Final = re.compile("\u3010\\d+:\\d+\u2020[^\u3011]*\u3011")
_REPLIES: Final = Path(__file__).parent / "replies.json"
_OPTIONAL: Final = (None, "auto", "none")


@dataclass(frozen=True)
class Reply:
    """What is answered to a question that matches; `calls` are (function, arguments as JSON)."""

    question: re.Pattern[str]
    text: str
    calls: tuple[Call, ...]
    then: str
    pace: float

    def fits(self, body: Mapping[str, Any]) -> bool:
        """Whether the body of a chat completion has the question, and the functions that the reply calls or their
        results."""
        asked = next((one for one in reversed(body["messages"]) if one["role"] == "user"), None)
        if asked is None or not self.question.search(_read_text(asked["content"])):
            return False
        if (last := body["messages"][-1]["role"]) != "user":
            return last == "tool" and bool(self.then)
        if not self.calls:
            return body.get("tool_choice") in _OPTIONAL
        return {call.name for call in self.calls} <= {
            one["function"]["name"] for one in body.get("tools") or [] if one["type"] == "function"
        }

    def build(self, body: Mapping[str, Any]) -> tuple[str, Sequence[Call]]:
        """The text, and the calls in its place."""
        last = body["messages"][-1]
        if last["role"] == "tool":
            mark = _MARK.search(_read_text(last["content"]))
            return self.then.replace("{mark}", mark[0] if mark else ""), ()
        return self.text, self.calls[:1] if body.get("parallel_tool_calls") is False else self.calls


class _Embedded(Rehearsal):
    """The embedded model, which replies with `reply` where it has one."""

    def __init__(self, reply: Reply | None = None) -> None:
        pace = reply.pace if reply else 0.0
        super().__init__(RehearsalSettings(tokens_per_second=pace), SystemClock())
        self._reply = reply

    def _build_writer(self, body: dict[str, Any]) -> CompletionWriter:
        if self._reply is None:
            return super()._build_writer(body)
        request = parse_request(body)
        text, calls = self._reply.build(body)
        reply = tokenize_reply(text, calls, request)
        return CompletionWriter(request, reply, count_prompt_tokens(request), int(time.time()))


class Model:
    """Answers chat completions and embeddings, and makes images."""

    def __init__(self) -> None:
        self._embedded = _Embedded()
        self._replies = read_replies()

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """`POST /chat/completions`."""
        body = await request.json()
        reply = next((one for one in self._replies if one.fits(body)), None)
        embedded = _Embedded(reply) if reply else self._embedded
        try:
            if body.get("stream"):
                return await _stream(request, embedded, body)
            return web.Response(body=await embedded.complete(body), content_type="application/json")
        except UpstreamError as fault:
            error = {"message": fault.message, "type": "invalid_request_error", "param": fault.param}
            return web.json_response({"error": error}, status=400)

    async def embed(self, request: web.Request) -> web.Response:
        """`POST /embeddings`."""
        return web.Response(body=await self._embedded.embed(await request.json()), content_type="application/json")

    async def make_image(self, _: web.Request) -> web.Response:
        """`POST /images/generations`."""
        return web.json_response({"created": 1, "data": [{"b64_json": _PIXEL}]})

    async def list_models(self, _: web.Request) -> web.Response:
        """`GET /models`."""
        names = (MODEL, EMBEDDING_MODEL, IMAGE_MODEL)
        models = [{"id": name, "object": "model", "created": 1, "owned_by": "suites"} for name in names]
        return web.json_response({"object": "list", "data": models})


def read_replies(path: Path = _REPLIES) -> list[Reply]:
    """The entries of the file, in its order."""
    return [
        Reply(
            re.compile(one["question"], re.IGNORECASE | re.DOTALL),
            one.get("text", ""),
            tuple(Call(call["name"], json.dumps(call["arguments"])) for call in one.get("calls", [])),
            one.get("then", ""),
            one.get("pace", 0.0),
        )
        for one in json.loads(path.read_text("utf-8"))
    ]


async def _stream(request: web.Request, embedded: Rehearsal, body: dict[str, Any]) -> web.StreamResponse:
    batches = embedded.stream(body)
    first = await anext(batches)  # a refusal is raised before the response begins
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    await response.write(_frame(first))
    async for batch in batches:
        await response.write(_frame(batch))
    await response.write(b"data: [DONE]\n\n")
    await response.write_eof()
    return response


def _frame(batch: Any) -> bytes:
    return b"".join(b"data: " + chunk + b"\n\n" for chunk in batch)


def _read_text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part["text"] if part["type"] == "text" else f"<{part['type']}>" for part in content)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    model = Model()
    app = web.Application(client_max_size=64 << 20)
    app.router.add_post("/v1/chat/completions", model.complete)
    app.router.add_post("/v1/embeddings", model.embed)
    app.router.add_post("/v1/images/generations", model.make_image)
    app.router.add_get("/v1/models", model.list_models)
    app.router.add_get("/search", SearchEngine().search)
    web.run_app(app, host="127.0.0.1", port=parser.parse_args().port, print=None)


if __name__ == "__main__":
    main()
