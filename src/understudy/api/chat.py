"""Chat completions over HTTP: the body goes to the model's provider with every parameter it has."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.errors import envelope, to_api_error
from understudy.api.exchange import EventStream, encoded, read_body
from understudy.api.parts import parts_of
from understudy.errors import UnderstudyError
from understudy.llm.chunks import decode
from understudy.llm.provider import ChatBody
from understudy.wire.problems import parse


class ChatRequest(msgspec.Struct):
    """What this server itself looks at; the rest is the provider's."""

    model: str
    messages: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1)]
    stream: bool | None = None


async def create_chat_completion(request: Request) -> Response:
    parts = parts_of(request)
    limits = parts.settings.limits
    raw = await read_body(request, limits)
    asked = parse(raw, ChatRequest, depth=limits.json_depth)
    body: ChatBody = msgspec.json.decode(raw)
    if not asked.stream:
        return encoded(await parts.models.complete(body))
    stream = parts.models.stream(body)
    # The first chunk decides: what fails before it is an ordinary error answer.
    first = await anext(stream, None)
    # Providers are asked for the usage in any case; who did not ask is shown no chunk without choices.
    return EventStream(_events(first, stream, usage=bool(body.get("stream_options"))))


async def _events(
    first: bytes | None, stream: AsyncGenerator[bytes, None], *, usage: bool
) -> AsyncGenerator[bytes, None]:
    async with aclosing(stream):
        try:
            if first is not None:
                yield b"data: " + first + b"\n\n"
            async for chunk in stream:
                if usage or decode(chunk).choices:
                    yield b"data: " + chunk + b"\n\n"
        except UnderstudyError as error:
            yield b"data: " + envelope(to_api_error(error)) + b"\n\n"
            return
    yield b"data: [DONE]\n\n"
