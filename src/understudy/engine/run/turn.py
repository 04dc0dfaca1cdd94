"""One model turn put together from its chunks: text, refusal, tool calls, how it finished, what it cost.

Tolerates what real servers send: fragments without an index, out of order, ids repeated or missing. Pure.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

from msgspec import Struct

from understudy import ids
from understudy.llm.chunks import Chunk, TokenCounts, TokenLogprob, ToolCallFragment
from understudy.store.run_state import ClientTool
from understudy.tools.code_interpreter import CodeArguments
from understudy.wire.run_outcome import CachedTokens, ReasoningTokens, RunCompletionUsage


@dataclass(slots=True)
class ToolCall:
    """`index` counts the calls of the turn from 0 in the order in which they appeared.

    `kind` is `function` or that of a built-in tool, known once the call is opened.
    """

    index: int
    id: str
    name: str = ""
    item_id: str = ""
    arguments: list[str] = field(default_factory=list)
    opened: bool = False
    kind: str = "function"
    has_streamed_arguments: bool = True
    code: CodeArguments | None = None
    """What reads the arguments of a call of the code interpreter."""
    client: ClientTool | None = None
    """The client's tool, unless it is a plain function of that name."""


class ChunkDelta(Struct, frozen=True):
    """What one chunk adds. `calls` are those that it touches, each with its arguments; `logprobs` are of its text."""

    text: str = ""
    refusal: str = ""
    reasoning: str = ""
    calls: tuple[tuple[ToolCall, str], ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()


_EMPTY_DELTA = ChunkDelta()
PHASES: Final = ("commentary", "final_answer")


class Turn:
    def __init__(self) -> None:
        self.calls: list[ToolCall] = []
        self.finish_reason: str | None = None
        self.deltas = 0
        self.phase = ""
        """The phase of the text that follows, as the provider names it."""
        self._counts: TokenCounts | None = None
        self._by_index: dict[int, ToolCall] = {}

    def add_chunk(self, chunk: Chunk) -> ChunkDelta:
        if chunk.usage is not None:
            self._counts = chunk.usage
        choice = chunk.choices[0] if chunk.choices else None
        if choice is None:
            return _EMPTY_DELTA
        if choice.finish_reason:
            self.finish_reason = choice.finish_reason
        delta = choice.delta
        if delta is None:
            return _EMPTY_DELTA
        if delta.phase in PHASES:
            self.phase = delta.phase
        reasoning = delta.reasoning_content or delta.reasoning or ""
        logprobs = tuple((choice.logprobs and choice.logprobs.content) or ())
        if not (delta.content or delta.refusal or delta.tool_calls):
            self.deltas += bool(reasoning)
            return ChunkDelta(reasoning=reasoning, logprobs=logprobs) if reasoning or logprobs else _EMPTY_DELTA
        self.deltas += 1
        calls = tuple(self._apply_fragment(fragment) for fragment in delta.tool_calls or ())
        return ChunkDelta(delta.content or "", delta.refusal or "", reasoning, calls, logprobs)

    def add_text_chunk(self, chunk: Chunk) -> str:
        """What a chunk adds that adds nothing but text, as nearly every one does; empty where it has to be taken."""
        choices = chunk.choices
        if chunk.usage is not None or not choices or choices[0].finish_reason:
            return ""
        delta = choices[0].delta
        if (
            delta is None
            or delta.tool_calls
            or delta.refusal
            or delta.reasoning_content
            or delta.reasoning
            or delta.phase
        ):
            return ""
        text = delta.content
        if not text:
            return ""
        self.deltas += 1
        return text

    def take_counts(self, other: "Turn") -> None:
        """Counts what another turn has received, which is not to be published."""
        self.deltas, self.finish_reason, self._counts = other.deltas, other.finish_reason, other._counts  # noqa: SLF001

    @property
    def truncation(self) -> Literal["length", "content_filter"] | None:
        """Why the model was cut off; None where it finished."""
        match self.finish_reason:
            case "length" | "content_filter" as reason:
                return reason
            case _:
                return None

    def usage(self) -> RunCompletionUsage | None:
        """What the provider counted; None where it did not say."""
        counts = self._counts
        if counts is None or (counts.prompt_tokens is None and counts.completion_tokens is None):
            return None
        cached = counts.prompt_tokens_details
        reasoning = counts.completion_tokens_details
        prompt, completion = counts.prompt_tokens or 0, counts.completion_tokens or 0
        return RunCompletionUsage(
            prompt,
            completion,
            prompt + completion,
            CachedTokens((cached and cached.cached_tokens) or 0),
            ReasoningTokens((reasoning and reasoning.reasoning_tokens) or 0),
        )

    def _apply_fragment(self, fragment: ToolCallFragment) -> tuple[ToolCall, str]:
        call = self._find_call(fragment) or self._open_call(fragment)
        function = fragment.function
        if function is None:
            return call, ""
        if function.name and not call.opened and function.name != call.name:
            call.name += function.name
        arguments = function.arguments or ""
        if arguments:
            call.arguments.append(arguments)
        return call, arguments

    def _find_call(self, fragment: ToolCallFragment) -> ToolCall | None:
        """By index where there is one; else by id; else it continues the call that came last."""
        if fragment.index is not None:
            known = self._by_index.get(fragment.index)
            # Some servers give every call the index 0 and a new id.
            if known is None or not fragment.id or known.id == fragment.id:
                return known
            if not _is_first_fragment(fragment):
                return known
            return None
        if fragment.id:
            return next((call for call in self.calls if call.id == fragment.id), None)
        if _is_first_fragment(fragment) or not self.calls:
            return None
        return self.calls[-1]

    def _open_call(self, fragment: ToolCallFragment) -> ToolCall:
        call = ToolCall(len(self.calls), fragment.id or ids.tool_call())
        if any(other.id == call.id for other in self.calls):
            call.id = ids.tool_call()
        self.calls.append(call)
        if fragment.index is not None:
            self._by_index[fragment.index] = call
        return call


def _is_first_fragment(fragment: ToolCallFragment) -> bool:
    return fragment.function is not None and bool(fragment.function.name)
