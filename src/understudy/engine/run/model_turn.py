"""One turn of the model: its request, and its output as events while it arrives. Ends no run and executes no call."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import msgspec

from understudy import ids
from understudy.engine.run import events, reasoning
from understudy.engine.run.cancellation import Interruption
from understudy.engine.run.checkpoint import RunWriter
from understudy.engine.run.citations import CitationParser, Reference
from understudy.engine.run.moderation import ResponseModerator
from understudy.engine.run.prompt import Prompt
from understudy.engine.run.spans import open_span
from understudy.engine.run.truncation import PromptBudget, count_prompt_tokens
from understudy.engine.run.turn import ChunkDelta, ToolCall, Turn
from understudy.engine.tools.base import BuiltIn
from understudy.errors import UpstreamError
from understudy.llm import chunks
from understudy.llm.chunk_batch import ChunkBatch
from understudy.llm.chunks import TokenLogprob
from understudy.llm.router import Models
from understudy.store.run_state import NewItem, Span
from understudy.tools.web_search import WebSource
from understudy.wire.run_outcome import RunCompletionUsage

NO_USAGE = RunCompletionUsage()
_CITING_TOOLS = frozenset({"file_search", "web_search"})


class CallOpener(Protocol):
    """What a turn needs of the tools that its model calls."""

    def open_call(self, call: ToolCall, kind: BuiltIn | None) -> events.Event: ...


class ModelTurn:
    """`charged` once the usage of the turn is recorded."""

    def __init__(self, writer: RunWriter, interruption: Interruption, tools: CallOpener, prompt: Prompt) -> None:
        self.number = writer.progress.turns + 1
        self.charged = False
        self.turn = Turn()
        span = Span("model_turn", writer.time(), name=writer.spec.model, extent=prompt.extent)
        self.span = open_span(writer.progress, span)
        self._writer = writer
        self._interruption = interruption
        self._prompt = prompt
        # Files with images that code made and no message has yet.
        self._figures = writer.progress.figures
        self._tools = tools
        self._citation_parser: CitationParser | None = None
        self._deferred_text = ""
        self._phase = ""
        self._wants_logprobs = writer.spec.top_logprobs is not None
        self._logprobs: list[dict[str, Any]] = []
        self._reasoning_texts: list[str] = []
        self._reasoning_id = ""
        self.reasoning_items: list[NewItem] = []
        """The reasoning of this turn, to be stored with its message or its calls."""

    async def consume_stream(
        self, models: Models, room: PromptBudget, moderator: ResponseModerator | None = None
    ) -> Turn:
        """Raises Interrupted, RunLost, UpstreamError where the model fails, and what `moderator` raises."""
        interruption = self._interruption
        opened = models.stream(self._prompt.body, bounded=False)
        stream = opened if moderator is None or not moderator.holds_output else moderator.hold(opened, self.turn)
        try:
            interruption.waits = True
            async for together in stream:
                interruption.waits = False
                if self.span.first_delta_at is None:
                    self.span.first_delta_at = self._writer.time()
                if not await self._consume(together, room):
                    break
                interruption.waits = True
        finally:
            interruption.waits = False
            await stream.aclose()
        await self._finish_calls()
        return self.turn

    def end_span(self, outcome: Literal["completed", "failed"]) -> None:
        """Ends the turn's span, unless it has ended."""
        span, used = self.span, self.usage()
        if span.ended_at is None:
            span.ended_at, span.outcome = self._writer.time(), outcome
            span.prompt_tokens, span.completion_tokens = used.prompt_tokens, used.completion_tokens

    def usage(self) -> RunCompletionUsage:
        """The provider's usage; estimated where it reports none."""
        turn = self.turn
        counted = turn.usage()
        if counted is not None:
            return counted
        if not turn.deltas and turn.finish_reason is None:
            return NO_USAGE
        prompt = count_prompt_tokens(self._prompt.messages, self._prompt.body.get("tools"))
        return RunCompletionUsage(prompt, turn.deltas, prompt + turn.deltas)

    async def open_message(self) -> None:
        writer = self._writer
        if writer.state.message_id is None:
            self._phase = self.turn.phase
            opened = events.MessageOpened(ids.step(), ids.message(), writer.now(), self._phase)
            thoughts, self.reasoning_items = self.reasoning_items, []
            if thoughts:
                await writer.commit(opened, calls=thoughts, checkpoint=True)
            else:
                await writer.open(opened)
            self._citation_parser = self._new_citation_parser()
        if self._figures and writer.state.is_message_empty:
            for file_id in self._figures:
                writer.publish(events.ImageAdded(file_id))
            self._figures.clear()

    def finish_text(self) -> None:
        """Sends the buffered text, or an empty text without any output."""
        self._publish_logprobs()
        if self._citation_parser is not None:
            self._publish_parts(self._citation_parser.flush())
            self._citation_parser = None
        # Stream helpers of the SDKs fail on a completed message without content.
        if self._writer.state.is_message_empty:
            self._writer.publish(events.TextDelta(""))

    # -- text ----------------------------------------------------------------------------------------------------

    async def _consume(self, batch: Sequence[bytes], room: PromptBudget) -> bool:
        """Applies chunks; False once the answer, without its reasoning, is as long as the run's budget allows."""
        self._writer.check()
        if not (isinstance(batch, ChunkBatch) and batch.run):
            return await self._consume_chunks(batch, room)
        if batch.before and not await self._consume_chunks(batch.before, room):
            return False
        if not self._consume_texts(batch, room) and not await self._consume_chunks(batch.run_chunks, room):
            return False
        return not batch.after or await self._consume_chunks(batch.after, room)

    async def _consume_chunks(self, payloads: Sequence[bytes], room: PromptBudget) -> bool:
        turn, writer = self.turn, self._writer
        is_plain_text, most_deltas = self._is_plain_text(), room.answer
        is_cut = False
        texts: list[str] = []
        for payload in payloads:
            chunk = chunks.decode(payload)
            text = turn.add_text_chunk(chunk) if is_plain_text else ""
            if text:
                # Those of one read are published together, without a coroutine.
                texts.append(text)
            else:
                if texts:
                    writer.publish_texts(texts)
                    texts = []
                await self._publish_piece(turn.add_chunk(chunk))
                is_plain_text = self._is_plain_text()
                self._interruption.check()
            if turn.deltas >= most_deltas and not turn.finish_reason:
                turn.finish_reason, is_cut = "length", True
                break
        writer.publish_texts(texts)
        self._interruption.check()
        return not is_cut

    def _consume_texts(self, batch: ChunkBatch, room: PromptBudget) -> bool:
        """Publishes the texts of a run of chunks at once, as nearly all are; False where a look at each is needed."""
        turn = self.turn
        if turn.deltas + batch.run_length >= room.answer or not self._is_plain_text():
            return False
        texts = batch.run_texts
        if texts is None:
            return False
        if "" in texts:
            texts = [text for text in texts if text]
        turn.deltas += len(texts)
        self._writer.publish_texts(texts)
        self._interruption.check()
        return True

    def _is_plain_text(self) -> bool:
        """Whether text can be sent directly: its message is open, without buffered text, calls or reasoning."""
        plain = (
            self._citation_parser is None and not self.turn.calls and not self._figures and not self._reasoning_texts
        )
        is_open = self._writer.state.message_id is not None and self._phase == self.turn.phase
        return plain and is_open and not self._wants_logprobs

    async def _publish_piece(self, piece: ChunkDelta) -> None:
        if self._wants_logprobs:
            self._logprobs += [_render_logprob(one) for one in piece.logprobs]
        if piece.reasoning:
            await self._publish_reasoning(piece.reasoning)
        if self._reasoning_texts and (piece.text or piece.refusal or piece.calls):
            self._close_reasoning()
        if piece.text:
            await self._publish_text(piece.text)
        if piece.refusal:
            await self.open_message()
            self._writer.publish(events.RefusalDelta(piece.refusal))
        for call, arguments in piece.calls:
            if arguments:
                await self._open_call(call)
                self._publish_arguments(call, arguments)

    async def _publish_text(self, text: str) -> None:
        if self.turn.calls:
            # Text after a call is published when the calls are complete.
            self._deferred_text += text
            return
        await self._write_message_text(text)

    async def _write_message_text(self, text: str) -> None:
        if self.turn.phase != self._phase and self._writer.state.message_id is not None:
            await self._close_message()
        await self.open_message()
        self._publish_logprobs()
        if self._citation_parser is None:
            self._writer.publish(events.TextDelta(text))
        else:
            self._publish_parts(self._citation_parser.feed(text))

    def _publish_logprobs(self) -> None:
        if self._logprobs:
            self._writer.publish(events.LogprobsReceived(tuple(self._logprobs)))
            self._logprobs.clear()

    def _publish_parts(self, parts: list[str | Reference]) -> None:
        for part in parts:
            if isinstance(part, str):
                self._writer.publish(events.TextDelta(part))
            else:
                self._writer.publish(_citation_event(part))

    def _new_citation_parser(self) -> CitationParser | None:
        """None where the text can refer to nothing, so that it is not searched."""
        sources = self._prompt.sources
        searches = not _CITING_TOOLS.isdisjoint(self._prompt.built_in.values())
        return CitationParser(sources) if searches or sources.passages or sources.paths else None

    # -- reasoning -----------------------------------------------------------------------------------------------

    async def _publish_reasoning(self, text: str) -> None:
        writer = self._writer
        if not writer.spec.publishes_items or writer.state.message_id is not None:
            return
        if not self._reasoning_texts:
            self._reasoning_id = ids.reasoning()
            await writer.open(events.ReasoningOpened(self._reasoning_id))
        self._reasoning_texts.append(text)
        writer.publish(events.ReasoningDelta(text))

    def _close_reasoning(self) -> None:
        item = reasoning.reasoning_item(self._reasoning_id, "".join(self._reasoning_texts))
        self._reasoning_texts = []
        self.reasoning_items.append(NewItem(item["id"], "reasoning", msgspec.json.encode(item).decode()))
        self._writer.publish_end(events.ReasoningClosed(item["encrypted_content"]))

    # -- calls ---------------------------------------------------------------------------------------------------

    async def _open_call(self, call: ToolCall) -> None:
        """Calls are opened in the order of their index, each once its name is known to be whole."""
        if call.opened:
            return
        writer = self._writer
        if writer.state.message_id is not None:
            await self._close_message()
        opened: list[events.Event] = []
        if not writer.state.has_open_step:
            opened.append(events.CallsStepOpened(ids.step(), writer.now()))
        for other in self.turn.calls[: call.index + 1]:
            if not other.opened:
                other.opened = True
                opened.append(self._opened_event(other))
        await writer.open(*opened)

    def _opened_event(self, call: ToolCall) -> events.Event:
        call.client = self._prompt.client.get(call.name)
        return self._tools.open_call(call, self._prompt.built_in.get(call.name))

    def _publish_arguments(self, call: ToolCall, arguments: str) -> None:
        if call.code is not None:
            self._publish_code(call, call.code.feed(arguments))
        elif call.has_streamed_arguments:
            self._writer.publish(events.ArgumentsDelta(call.index, arguments))

    def _publish_code(self, call: ToolCall, code: str) -> None:
        if code and call.kind == "code_interpreter":
            self._writer.publish(events.CodeDelta(call.index, code))
        elif code:
            # The text of a client's custom tool, which receives it without the JSON around it.
            self._writer.publish(events.ArgumentsDelta(call.index, code))

    async def _finish_calls(self) -> None:
        if self._reasoning_texts:
            self._close_reasoning()
        for call in self.turn.calls:
            if not call.name:
                raise UpstreamError("malformed", "The upstream sent a function call without a name.")
            await self._open_call(call)
            if call.code is not None:
                self._publish_code(call, call.code.finish())
            if not call.arguments:
                # Clients parse the arguments as JSON; a model that gave none meant an empty object.
                call.arguments.append("{}")
                self._publish_arguments(call, "{}")
        # A call that was cut off stays open, and ends as incomplete with its response.
        if self.turn.calls and self._writer.spec.publishes_items and self.turn.truncation is None:
            self._writer.publish_end(events.CallsReceived())
        if self._deferred_text:
            await self._write_message_text(self._deferred_text)
            await self._close_message()

    async def _close_message(self) -> None:
        """Ends a message in the middle of a turn; the end of the turn records its usage."""
        self.finish_text()
        await self._writer.commit(events.MessageClosed(self._writer.now(), NO_USAGE))


def _render_logprob(token: TokenLogprob) -> dict[str, Any]:
    """The log probability of a token and of its alternatives, as a response shows it."""
    return {**_render_token(token), "top_logprobs": [_render_token(one) for one in token.top_logprobs or ()]}


def _render_token(token: TokenLogprob) -> dict[str, Any]:
    encoded = list(token.token.encode()) if token.bytes is None else token.bytes
    return {"token": token.token, "bytes": encoded, "logprob": token.logprob}


def _citation_event(reference: Reference) -> events.CitationAdded | events.UrlCited:
    passage = reference.passage
    if isinstance(passage, WebSource):
        return events.UrlCited(reference.text, reference.start, reference.end, passage.url, passage.title)
    return events.CitationAdded(
        reference.text,
        reference.start,
        reference.end,
        reference.file_id,
        is_path=passage is None,
        filename=reference.filename,
        page=None if passage is None else passage.page,
        heading_path=() if passage is None else passage.heading_path,
    )
