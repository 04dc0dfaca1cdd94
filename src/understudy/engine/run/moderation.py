"""Moderation of a response's input and output by a provider's model. Ends no run and knows no HTTP.

A side that is to be blocked is moderated before anything depends on it: the input before the model is called, the
output of each turn before any of it is published. What is only scored is scored at the end.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final, Literal

import msgspec

from understudy.engine import client_history
from understudy.engine.accounting import Accounting
from understudy.engine.prompt_messages import MessageBuilder
from understudy.engine.run.cancellation import Interruption
from understudy.engine.run.checkpoint import RunWriter
from understudy.engine.run.loaded_contents import load_contents
from understudy.engine.run.prompt_loader import Contents
from understudy.engine.run.turn import Turn
from understudy.errors import ApiError, UpstreamError
from understudy.llm import chunks, moderations
from understudy.llm.messages import ImagePart, Message, UserMessage, text_of
from understudy.llm.prices import Tokens
from understudy.llm.relay import JsonBody
from understudy.llm.router import Models
from understudy.llm.stream import Stream
from understudy.llm.usage import parse_usage
from understudy.pacing import Pace
from understudy.store.charges import Usage
from understudy.store.messages import LATEST, PROMPT_PAGE, Item
from understudy.store.run_state import ModerationRule
from understudy.wire.moderations import ModeratedSide, ModerationError, ResponseModeration

Side = Literal["input", "output"]
_MAX_CONCURRENT: Final = 4
# Bytes of an answer that waits for its moderation.
_MAX_HELD_BYTES: Final = 32 * 1024 * 1024
_NOT_GENERATED: Final = ModerationError(code="no_output", message="The input was blocked, so no output was generated.")
_NO_TEXT: Final = {
    "input": ModerationError(code="no_input", message="The input has neither text nor images."),
    "output": ModerationError(code="no_output", message="The output has no text."),
}


class ContentBlocked(Exception):
    """The moderation flagged a side that the client wants blocked."""

    def __init__(self, side: Side) -> None:
        super().__init__(f"The {side} of the response was flagged, and is blocked.")


class ResponseModerator:
    """Moderates one response, for a run with such a rule."""

    def __init__(
        self,
        writer: RunWriter,
        interruption: Interruption,
        models: Models,
        accounting: Accounting,
        rule: ModerationRule,
        contents: Contents,
    ) -> None:
        self._writer = writer
        self._interruption = interruption
        self._models = models
        self._accounting = accounting
        self._rule = rule
        self._contents = contents
        self._input = writer.counters.moderated_input
        self._outputs: list[ModeratedSide] = []
        """The results of the turns whose output is to be blocked, without those that have no text."""
        self._checked_turns = 0
        self._blocked: Side | None = None
        self._unrecorded: list[Usage] = []

    @property
    def holds_output(self) -> bool:
        """Whether the output of a turn has to pass `hold` before any of it is published."""
        return self._rule.blocks_output

    async def check_input(self) -> None:
        """Moderates an input that is to be blocked, unless an earlier owner has done so.

        Raises ContentBlocked, UpstreamError and Interrupted.
        """
        if not self._rule.blocks_input or self._input is not None:
            return
        with self._interruption.waiting():
            self._input = await self._moderate_input()
        if isinstance(self._input, ModeratedSide) and self._input.flagged:
            self._blocked = "input"
            raise ContentBlocked("input")

    async def hold(self, stream: Stream, turn: Turn) -> AsyncGenerator[Sequence[bytes], None]:
        """Passes the chunks of a turn on once they are moderated.

        Raises ContentBlocked and UpstreamError; `turn` has the cost of what is not passed on then.
        """
        output = _UnmoderatedTurn(has_reasoning=self._rule.has_reasoning)
        try:
            async with aclosing(stream):
                async for batch in stream:
                    output.add(batch)
            await self._check_turn(output.text())
        except BaseException:
            turn.take_counts(output.turn)
            raise
        # A whole answer at once would keep other requests waiting.
        pace = Pace()
        for batch in output.batches:
            await pace.step()
            yield batch

    async def finish(self) -> ResponseModeration:
        """The results of both sides, as the response shows them. Raises nothing but Interrupted."""
        if self._blocked is None:
            with self._interruption.waiting():
                await self._score_input()
                output = await self._score_output()
        elif self._blocked == "input":
            output = _NOT_GENERATED
        else:
            output = moderations.merge_results(self._outputs)
        self.record()
        assert self._input is not None
        return ResponseModeration(self._input, output)

    def record(self) -> None:
        """Adds the usage of moderations, and the input's result, to the next checkpoint: that which has their turn.

        An earlier one would charge what the next owner does again if this one dies.
        """
        for usage in self._unrecorded:
            self._writer.add_usage(usage, is_limited=False)
        self._unrecorded.clear()
        self._writer.counters.moderated_input = self._input

    # -- the input -----------------------------------------------------------------------------------------------

    async def _moderate_input(self) -> ModeratedSide | ModerationError:
        """Raises UpstreamError and ApiError."""
        messages = await self._read_input()
        text = "\n\n".join(text for message in messages if (text := text_of(message)))
        images = [image for message in messages for image in _list_images(message)]
        return await self._moderate("input", text, images)

    async def _score_input(self) -> None:
        if self._input is None:
            try:
                self._input = await self._moderate_input()
            except (UpstreamError, ApiError) as error:
                self._input = _render_error(error)

    async def _read_input(self) -> list[Message]:
        """The messages of a stored prompt, and those of the input."""
        spec = self._writer.spec
        items = [_to_input(item) for item in (await self._read_items())[: self._rule.inputs]]
        messages = await asyncio.to_thread(_build_messages, spec.id, [*spec.preface, *items])
        contents = self._contents
        await load_contents(messages, contents.load_image, contents.load_document, contents.load_data)
        return messages

    async def _read_items(self) -> list[Item]:
        """The stored items of the response, oldest first; clients may have added others to its conversation."""
        run_id, before, found = self._writer.spec.id, LATEST, list[Item]()
        while True:
            page = await self._contents.items.newest(self._writer.spec.thread_id, before, PROMPT_PAGE)
            own = [item for item in page if item.run_id == run_id]
            found += own
            if len(page) < PROMPT_PAGE or (found and not own):
                return found[::-1]
            before = page[-1].seq

    # -- the output ----------------------------------------------------------------------------------------------

    async def _check_turn(self, text: str) -> None:
        result = await self._moderate("output", text, ())
        self._checked_turns += 1
        if not isinstance(result, ModeratedSide):
            return
        self._outputs.append(result)
        if result.flagged:
            await self._score_input()
            self._blocked = "output"
            raise ContentBlocked("output")

    async def _score_output(self) -> ModeratedSide | ModerationError:
        if self._rule.blocks_output and self._checked_turns == self._writer.progress.turns:
            return moderations.merge_results(self._outputs) if self._outputs else _NO_TEXT["output"]
        try:
            # An earlier owner may have run some of the turns.
            return await self._moderate("output", "\n\n".join(self._writer.output_texts()), ())
        except (UpstreamError, ApiError) as error:
            return _render_error(error)

    # -- the provider --------------------------------------------------------------------------------------------

    async def _moderate(self, side: Side, text: str, images: Sequence[str]) -> ModeratedSide | ModerationError:
        """Raises UpstreamError, and ApiError for too many images."""
        if not text.strip() and not images:
            return _NO_TEXT[side]
        if len(images) > moderations.MAX_IMAGES:
            limit = moderations.MAX_IMAGES
            raise UpstreamError("invalid_request", f"At most {limit} images can be moderated, not {len(images)}.")
        requests = moderations.build_requests(self._rule.model, text, images)
        results: list[ModeratedSide] = []
        for first in range(0, len(requests), _MAX_CONCURRENT):
            sent = [
                self._send(side, first + number, body) for number, body in enumerate(requests[first:][:_MAX_CONCURRENT])
            ]
            for result in await asyncio.gather(*sent, return_exceptions=True):
                if isinstance(result, BaseException):
                    raise result
                results.append(result)
        return moderations.merge_results(results)

    async def _send(self, side: Side, number: int, body: JsonBody) -> ModeratedSide:
        response = await self._models.relay(moderations.OPERATION, body)
        if response.whole is None:
            response.close()
            raise UpstreamError("malformed", "The upstream returned a stream for a moderation.")
        result = moderations.parse_result(response.whole, self._rule.model)
        writer, turn = self._writer, self._writer.progress.turns
        usage = await self._accounting.usage(
            f"{writer.spec.id}/moderation/{side}/{turn}/{number}",
            "moderation",
            self._rule.model,
            parse_usage(response.whole) or Tokens(),
            key_id=writer.progress.key_id,
            batch=writer.progress.in_batch,
        )
        self._unrecorded.append(usage)
        return result


class _UnmoderatedTurn:
    """The chunks of a turn that wait for their moderation; `turn` counts them."""

    def __init__(self, *, has_reasoning: bool) -> None:
        self.batches: list[Sequence[bytes]] = []
        self.turn = Turn()
        self._has_reasoning = has_reasoning
        self._size = 0
        self._texts: dict[str, list[str]] = {}
        """The pieces of each text, by what it is."""

    def add(self, batch: Sequence[bytes]) -> None:
        """Raises UpstreamError for an answer that is too long."""
        self._size += sum(map(len, batch))
        if self._size > _MAX_HELD_BYTES:
            raise UpstreamError("malformed", f"The answer is longer than {_MAX_HELD_BYTES} bytes.")
        self.batches.append(batch)
        for payload in batch:
            piece = self.turn.add_chunk(chunks.decode(payload))
            if self._has_reasoning and piece.reasoning:
                self._add_text("reasoning", piece.reasoning)
            if piece.text:
                self._add_text("text", piece.text)
            if piece.refusal:
                self._add_text("refusal", piece.refusal)
            for call, arguments in piece.calls:
                self._add_text(f"call {call.index}", arguments)

    def text(self) -> str:
        """What clients would see: the text and the arguments of calls, and the reasoning where they want it."""
        return "\n\n".join("".join(pieces) for pieces in self._texts.values())

    def _add_text(self, name: str, piece: str) -> None:
        self._texts.setdefault(name, []).append(piece)


def _to_input(item: Item) -> Item:
    """An output of the client's as the message of a user: its call may be in an earlier response."""
    if item.kind not in client_history.OUTPUTS:
        return item
    parts = client_history.output_parts(item.kind, msgspec.json.decode(item.body))
    body = msgspec.json.encode({"role": "user", "content": parts}).decode()
    return msgspec.structs.replace(item, kind="input", body=body)


def _build_messages(run_id: str, items: Sequence[Item]) -> list[Message]:
    return MessageBuilder(run_id, {}).messages(items)


def _list_images(message: Message) -> list[str]:
    if not isinstance(message, UserMessage) or isinstance(message.content, str):
        return []
    return [part.image_url.url for part in message.content if isinstance(part, ImagePart)]


def _render_error(error: UpstreamError | ApiError) -> ModerationError:
    code = error.code or (error.kind if isinstance(error, UpstreamError) else "server_error")
    return ModerationError(code=code, message=error.message)
