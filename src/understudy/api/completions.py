"""Text completions over HTTP. Each prompt becomes a chat of one message.

Refuses the parameters that a chat completion cannot express.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from understudy import ids
from understudy.api.completion_logprobs import TextLogprobs
from understudy.api.errors import envelope, to_api_error
from understudy.api.event_stream import EventStream
from understudy.api.metering import UsageMeter, admit_unstored, hold_funds, render_charged, reserve_tokens
from understudy.api.operations import OperationGroup
from understudy.api.parts import Parts, parts_of
from understudy.api.requests import decode_body, emit_first_delta, read_body
from understudy.engine.accounting import Work
from understudy.engine.admission.chat import check_whole
from understudy.engine.limits.demand import Demand, measure_request
from understudy.errors import InvalidRequest
from understudy.llm.provider import ChatBody
from understudy.llm.router import Models
from understudy.llm.stream import Stream
from understudy.settings import LimitSettings
from understudy.wire.completions import CreateCompletionRequest, TextChoice, TextCompletion
from understudy.wire.parsing import parse_object

operations = OperationGroup("Completions")

# The hosted API's default of `max_tokens`.
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
    await admit_unstored(request)
    parts = parts_of(request)
    limits = parts.settings.limits
    raw = await read_body(request, limits)
    plain = await decode_body(raw, _parse_body, raw, limits)
    params = msgspec.convert(plain, CreateCompletionRequest)
    prompts = _parse_prompts(params)
    demand = partial(measure, raw, plain)
    await reserve_tokens(request, params.model, demand)
    await hold_funds(request, Work(params.model, measure=demand))
    meter = UsageMeter(request, "completion", {"model": params.model, "messages": prompts})
    builder = _CompletionBuilder(params, int(parts.clock.now()))
    chats = [_chat_body(params, plain, prompt) for prompt in prompts]
    if params.stream:
        stream = parts.models.stream(chats[0])
        # An error before the first chunks becomes an ordinary error response with its own status.
        first = await anext(stream, ())
        emit_first_delta(request)
        payloads = _stream_chunks(builder, prompts, chats, first, stream, parts.models)
        return EventStream(request, _stream_events(builder, payloads, meter, request.state.request_id))
    completions = [msgspec.json.decode(await parts.models.complete(chat)) for chat in chats]
    completion = builder.render(prompts, completions)
    return render_charged(meter, completion, await meter.charge(completion))


def measure(raw: bytes, plain: Mapping[str, Any]) -> Demand:
    """The demand of a body that need not be valid: each choice of each prompt may have the maximum of output."""
    prompt, choices = plain.get("prompt"), plain.get("n")
    prompts = len(prompt) if isinstance(prompt, list) else 1
    each = choices if isinstance(choices, int) else 1
    most = plain.get("max_tokens") or _MAX_TOKENS
    return measure_request(raw, {**plain, "max_tokens": most, "n": prompts * max(each, 1)})


async def complete_text(parts: Parts, project_id: str, raw: bytes) -> bytes:
    """Completes one line of a batch, which cannot stream. Returns the JSON of the completion."""
    del project_id  # nothing is stored
    plain = await decode_body(raw, _parse_body, raw, parts.settings.limits)
    params = msgspec.convert(plain, CreateCompletionRequest)
    check_whole(params.stream)
    prompts = _parse_prompts(params)
    chats = [_chat_body(params, plain, prompt) for prompt in prompts]
    completions = [msgspec.json.decode(await parts.models.complete(chat)) for chat in chats]
    return _CompletionBuilder(params, int(parts.clock.now())).render(prompts, completions)


def _parse_body(raw: bytes, limits: LimitSettings) -> dict[str, Any]:
    return parse_object(raw, CreateCompletionRequest, depth=limits.json_depth, values=limits.json_values)


def _parse_prompts(params: CreateCompletionRequest) -> list[str]:
    inputs = [params.prompt] if isinstance(params.prompt, str) else params.prompt
    prompts = [prompt for prompt in inputs if isinstance(prompt, str)]
    if len(prompts) < len(inputs):
        raise _unsupported_error("prompt", "token arrays are not supported. Send strings.")
    if params.suffix:
        raise _unsupported_error("suffix", "insertion is not supported. Leave it out.")
    if params.logprobs is not None and params.echo:
        raise _unsupported_error("logprobs", "not supported with 'echo'. Leave 'echo' out.")
    if params.best_of is not None and params.best_of > (params.n or 1):
        raise _unsupported_error("best_of", "it must not be greater than 'n'.")
    return prompts


def _unsupported_error(name: str, reason: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid '{name}': {reason}", param=name, code="unsupported_parameter")


def _chat_body(params: CreateCompletionRequest, plain: dict[str, Any], prompt: str) -> ChatBody:
    body: ChatBody = {
        "model": params.model,
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": params.max_tokens or _MAX_TOKENS,
    }
    body |= {name: plain[name] for name in _FORWARDED_PARAMETERS if plain.get(name) is not None}
    if params.n is not None and params.n > 1:
        body["n"] = params.n
    if params.logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": params.logprobs}
    return body | ({"stream": True} if params.stream else {})


class _CompletionBuilder:
    """One completion: its id and its choices, which are numbered across all prompts."""

    def __init__(self, params: CreateCompletionRequest, created: int) -> None:
        self._id = ids.completion()
        self._created = created
        self._model = params.model
        self._each = params.n or 1
        self._echo = bool(params.echo)
        self.includes_usage = bool(params.stream_options and params.stream_options.include_usage)
        self._logprobs: dict[int, TextLogprobs] = {}
        self._usage: dict[str, int] = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}

    def render(self, prompts: Sequence[str], completions: Sequence[dict[str, Any]]) -> bytes:
        choices = []
        for number, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
            self._add_usage(completion)
            for choice in completion["choices"]:
                text = (prompt if self._echo else "") + (choice["message"].get("content") or "")
                choices.append(self._render_choice(number, choice, text))
        return self._encode_completion(choices, self._usage)

    def opening_chunks(self, number: int, prompt: str) -> list[bytes]:
        """The chunks that echo a prompt, sent before the model's text."""
        first = number * self._each
        return [
            self._encode_completion([TextChoice(text=prompt, index=index)], None)
            for index in range(first, first + self._each if self._echo else first)
        ]

    def convert_chunk(self, number: int, payload: bytes) -> list[bytes]:
        chunk = msgspec.json.decode(payload)
        self._add_usage(chunk)
        deltas = [(choice, (choice.get("delta") or {}).get("content") or "") for choice in chunk.get("choices") or ()]
        return [
            self._encode_completion([self._render_choice(number, choice, text)], None)
            for choice, text in deltas
            if text or choice.get("finish_reason")
        ]

    def usage(self) -> bytes:
        return self._encode_completion([], self._usage)

    def _render_choice(self, number: int, choice: dict[str, Any], text: str) -> TextChoice:
        """Renders a choice of the chat of prompt `number`, whole or a chunk of it."""
        index = number * self._each + (choice.get("index") or 0)
        logprobs = self._logprobs.setdefault(index, TextLogprobs()).convert(choice.get("logprobs"))
        return TextChoice(text=text, index=index, finish_reason=choice.get("finish_reason"), logprobs=logprobs)

    def _add_usage(self, completion: dict[str, Any]) -> None:
        usage = completion.get("usage") or {}
        for name in ("prompt_tokens", "completion_tokens"):
            self._usage[name] += usage.get(name) or 0
        # Some providers omit the total.
        self._usage["total_tokens"] = self._usage["prompt_tokens"] + self._usage["completion_tokens"]
        self._model = completion.get("model") or self._model

    def _encode_completion(self, choices: list[TextChoice], usage: Any) -> bytes:
        return msgspec.json.encode(
            TextCompletion(id=self._id, created=self._created, model=self._model, choices=choices, usage=usage)
        )


async def _stream_chunks(
    builder: _CompletionBuilder,
    prompts: Sequence[str],
    chats: Sequence[ChatBody],
    first: Sequence[bytes],
    stream: Stream,
    models: Models,
) -> AsyncGenerator[Sequence[bytes], None]:
    """Streams the completions of the prompts in order, one request at a time."""
    for number, (prompt, chat) in enumerate(zip(prompts, chats, strict=True)):
        if number:
            first, stream = (), models.stream(chat)
        async with aclosing(stream):
            yield [*builder.opening_chunks(number, prompt), *_convert_chunks(builder, number, first)]
            async for chunks in stream:
                yield _convert_chunks(builder, number, chunks)


async def _stream_events(
    builder: _CompletionBuilder, batches: AsyncGenerator[Sequence[bytes], None], meter: UsageMeter, request_id: str
) -> AsyncGenerator[bytes, None]:
    try:
        async with aclosing(batches):
            async for payloads in batches:
                if payloads:
                    meter.observe(payloads)
                    yield _frame_payloads(payloads)
        meter.observe([builder.usage()])
        await meter.settle()
    except Exception as error:  # noqa: BLE001 - the response has started, so every error becomes an event
        yield b"data: " + envelope(to_api_error(error, request_id)) + b"\n\n"
        return
    finally:
        meter.settle_abandoned()
    if builder.includes_usage:
        yield _frame_payloads([builder.usage()])
    yield b"data: [DONE]\n\n"


def _convert_chunks(builder: _CompletionBuilder, number: int, chunks: Sequence[bytes]) -> list[bytes]:
    return [payload for chunk in chunks for payload in builder.convert_chunk(number, chunk)]


def _frame_payloads(payloads: Sequence[bytes]) -> bytes:
    return b"".join([b"data: " + payload + b"\n\n" for payload in payloads])
