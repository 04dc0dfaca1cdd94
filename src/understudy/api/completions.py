"""Completions of texts over HTTP: each prompt is asked as a chat of one message, since models chat nowadays.

What a chat has no word for is refused instead of ignored.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from understudy import ids
from understudy.api.completion_logprobs import TextLogprobs
from understudy.api.errors import envelope, to_api_error
from understudy.api.event_stream import EventStream
from understudy.api.metering import UsageMeter, admit, render_charged
from understudy.api.operations import OperationGroup
from understudy.api.parts import Parts, parts_of
from understudy.api.requests import decode_body, read_body
from understudy.errors import InvalidRequest
from understudy.llm.provider import ChatBody
from understudy.llm.router import Models
from understudy.llm.stream import Stream
from understudy.settings import LimitSettings
from understudy.wire.completions import CreateCompletionRequest, TextChoice, TextCompletion
from understudy.wire.parsing import parse_object

operations = OperationGroup("Completions")

# What the hosted API writes at most where nothing else is said.
_MAX_TOKENS: Final = 16
_FORWARDED_PARAMETERS: Final = (
    "temperature",
    "top_p",
    "stop",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "user",
)


@operations.add(
    "createCompletion",
    "POST",
    "/completions",
    summary="Create a text completion; the model receives a chat of one message.",
    request=CreateCompletionRequest,
    response=TextCompletion,
    streams=True,
)
async def create_completion(request: Request) -> Response:
    await admit(request)
    parts = parts_of(request)
    limits = parts.settings.limits
    raw = await read_body(request, limits)
    plain = await decode_body(raw, _parse_body, raw, limits)
    asked = msgspec.convert(plain, CreateCompletionRequest)
    prompts = _parse_prompts(asked)
    meter = UsageMeter(request, "completion", {"model": asked.model, "messages": prompts})
    writing = _CompletionBuilder(asked, int(parts.clock.now()))
    chats = [_chat_body(asked, plain, prompt) for prompt in prompts]
    if asked.stream:
        stream = parts.models.stream(chats[0])
        # The first chunks decide: what fails before them is an ordinary error answer.
        first = await anext(stream, ())
        told = _stream_chunks(writing, prompts, chats, first, stream, parts.models)
        return EventStream(request, _stream_events(writing, told, meter, request.state.request_id))
    answers = [msgspec.json.decode(await parts.models.complete(chat)) for chat in chats]
    answer = writing.render(prompts, answers)
    return render_charged(meter, answer, await meter.charge(answer))


async def complete_text(parts: Parts, project_id: str, raw: bytes) -> bytes:
    """The answer to a body that came without a request of its own; it cannot stream."""
    del project_id  # nothing of it is kept
    plain = await decode_body(raw, _parse_body, raw, parts.settings.limits)
    asked = msgspec.convert(plain, CreateCompletionRequest)
    if asked.stream:
        raise InvalidRequest("Invalid 'stream': a request of a batch cannot stream. Leave it out.", param="stream")
    prompts = _parse_prompts(asked)
    chats = [_chat_body(asked, plain, prompt) for prompt in prompts]
    answers = [msgspec.json.decode(await parts.models.complete(chat)) for chat in chats]
    return _CompletionBuilder(asked, int(parts.clock.now())).render(prompts, answers)


def _parse_body(raw: bytes, limits: LimitSettings) -> dict[str, Any]:
    return parse_object(raw, CreateCompletionRequest, depth=limits.json_depth, values=limits.json_values)


def _parse_prompts(asked: CreateCompletionRequest) -> list[str]:
    given = [asked.prompt] if isinstance(asked.prompt, str) else asked.prompt
    prompts = [prompt for prompt in given if isinstance(prompt, str)]
    if len(prompts) < len(given):
        raise _unsupported_error("prompt", "tokens cannot be turned into a text here. Give texts.")
    if asked.suffix:
        raise _unsupported_error("suffix", "no model here fills in. Leave it out.")
    if asked.logprobs is not None and asked.echo:
        raise _unsupported_error("logprobs", "the tokens of a repeated prompt have none here. Leave 'echo' out.")
    if asked.best_of is not None and asked.best_of > (asked.n or 1):
        raise _unsupported_error("best_of", "it may not be more than 'n'.")
    return prompts


def _unsupported_error(name: str, reason: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid '{name}': {reason}", param=name, code="unsupported_parameter")


def _chat_body(asked: CreateCompletionRequest, plain: dict[str, Any], prompt: str) -> ChatBody:
    body: ChatBody = {
        "model": asked.model,
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": asked.max_tokens or _MAX_TOKENS,
    }
    body |= {name: plain[name] for name in _FORWARDED_PARAMETERS if plain.get(name) is not None}
    if asked.n is not None and asked.n > 1:
        body["n"] = asked.n
    if asked.logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": asked.logprobs}
    return body | ({"stream": True} if asked.stream else {})


class _CompletionBuilder:
    """One answer: its id, and its choices, which are numbered through all prompts."""

    def __init__(self, asked: CreateCompletionRequest, created: int) -> None:
        self._id = ids.completion()
        self._created = created
        self._model = asked.model
        self._each = asked.n or 1
        self._echo = bool(asked.echo)
        self.counted = bool(asked.stream_options and asked.stream_options.include_usage)
        self._logprobs: dict[int, TextLogprobs] = {}
        self._usage: dict[str, int] = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}

    def render(self, prompts: Sequence[str], answers: Sequence[dict[str, Any]]) -> bytes:
        choices = []
        for number, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
            self._add_usage(answer)
            for choice in answer["choices"]:
                text = (prompt if self._echo else "") + (choice["message"].get("content") or "")
                choices.append(self._render_choice(number, choice, text))
        return self._encode_completion(choices, self._usage)

    def opening_chunks(self, number: int, prompt: str) -> list[bytes]:
        """What is said before a model says anything: the prompts that are to be repeated."""
        first = number * self._each
        return [
            self._encode_completion([TextChoice(text=prompt, index=index)], None)
            for index in range(first, first + self._each if self._echo else first)
        ]

    def convert_chunk(self, number: int, payload: bytes) -> list[bytes]:
        chunk = msgspec.json.decode(payload)
        self._add_usage(chunk)
        said = [(choice, (choice.get("delta") or {}).get("content") or "") for choice in chunk.get("choices") or ()]
        return [
            self._encode_completion([self._render_choice(number, choice, text)], None)
            for choice, text in said
            if text or choice.get("finish_reason")
        ]

    def usage(self) -> bytes:
        return self._encode_completion([], self._usage)

    def _render_choice(self, number: int, choice: dict[str, Any], text: str) -> TextChoice:
        """Of the prompt's number and a choice of its chat, whole or in a chunk."""
        index = number * self._each + (choice.get("index") or 0)
        logprobs = self._logprobs.setdefault(index, TextLogprobs()).convert(choice.get("logprobs"))
        return TextChoice(text=text, index=index, finish_reason=choice.get("finish_reason"), logprobs=logprobs)

    def _add_usage(self, answer: dict[str, Any]) -> None:
        usage = answer.get("usage") or {}
        for name in ("prompt_tokens", "completion_tokens"):
            self._usage[name] += usage.get(name) or 0
        # Some providers leave the sum out.
        self._usage["total_tokens"] = self._usage["prompt_tokens"] + self._usage["completion_tokens"]
        self._model = answer.get("model") or self._model

    def _encode_completion(self, choices: list[TextChoice], usage: Any) -> bytes:
        return msgspec.json.encode(
            TextCompletion(id=self._id, created=self._created, model=self._model, choices=choices, usage=usage)
        )


async def _stream_chunks(
    writing: _CompletionBuilder,
    prompts: Sequence[str],
    chats: Sequence[ChatBody],
    first: Sequence[bytes],
    stream: Stream,
    models: Models,
) -> AsyncGenerator[Sequence[bytes], None]:
    """The answers one after another, each asked for when the one before it is over."""
    for number, (prompt, chat) in enumerate(zip(prompts, chats, strict=True)):
        if number:
            first, stream = (), models.stream(chat)
        async with aclosing(stream):
            yield [*writing.opening_chunks(number, prompt), *_convert_chunks(writing, number, first)]
            async for chunks in stream:
                yield _convert_chunks(writing, number, chunks)


async def _stream_events(
    writing: _CompletionBuilder, told: AsyncGenerator[Sequence[bytes], None], meter: UsageMeter, request_id: str
) -> AsyncGenerator[bytes, None]:
    try:
        async with aclosing(told):
            async for payloads in told:
                if payloads:
                    meter.observe(payloads)
                    yield _frame_payloads(payloads)
        meter.observe([writing.usage()])
        await meter.settle()
    except Exception as error:  # noqa: BLE001 - whatever it is, the client learns that its answer is not whole
        yield b"data: " + envelope(to_api_error(error, request_id)) + b"\n\n"
        return
    finally:
        meter.settle_abandoned()
    if writing.counted:
        yield _frame_payloads([writing.usage()])
    yield b"data: [DONE]\n\n"


def _convert_chunks(writing: _CompletionBuilder, number: int, chunks: Sequence[bytes]) -> list[bytes]:
    return [told for chunk in chunks for told in writing.convert_chunk(number, chunk)]


def _frame_payloads(payloads: Sequence[bytes]) -> bytes:
    return b"".join([b"data: " + payload + b"\n\n" for payload in payloads])
