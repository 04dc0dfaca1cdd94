"""Selects the items of a thread that a model turn gets: the newest ones that the run's limit and the window allow.

It includes only the run's own search results: passages of earlier runs would crowd out everything else.
"""

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from math import inf
from typing import Any, Final, Literal, Protocol

import msgspec
from msgspec import Struct

from understudy.engine.client_history import TOOL_LISTS
from understudy.engine.prompt_messages import MessageBuilder
from understudy.engine.run import summaries
from understudy.engine.run.spec import RunSpec
from understudy.llm import tokens
from understudy.llm.messages import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolMessage,
    UserMessage,
    calls_of,
    text_of,
)
from understudy.store.messages import LATEST, PROMPT_PAGE, Item
from understudy.store.run_state import CutRule, PromptCut, PromptExtent

# Each message costs a few tokens beside its text: its role, and what separates it from the next.
_MESSAGE_OVERHEAD_TOKENS: Final = 4
# Items of so many characters become messages within a few milliseconds, whatever they consist of.
_INLINE_CHARACTERS: Final = 100_000
# Room for the answer where the run does not say how long it may be, as a part of the window.
_ANSWER_SHARE: Final = 8
# More characters than any token has, to know when enough has been read.
_MAX_CHARACTERS_PER_TOKEN: Final = 16
# Bytes in the middle of an item are not text.
_BYTES_MARK: Final = ";base64,"

# The longest instructions whose tokens are counted once: 64 of them take two megabytes at most.
_MAX_COUNTED_CHARACTERS: Final = 32_000

# Encoded items are at most so many times as long as their text.
_ITEM_OVERHEAD_FACTOR: Final = 8

# Items that hold for all that follows.
_PERSISTENT_KINDS: Final = frozenset({"configuration_update", *TOOL_LISTS})


class PromptBudget(Struct, frozen=True):
    """How many tokens a turn may take: the model's window, and what is left of the run's budgets where it has any."""

    window: int
    prompt_left: int | None = None
    completion_left: int | None = None

    @property
    def answer(self) -> float:
        """The most tokens that the answer may have; infinite without a budget."""
        return inf if self.completion_left is None else self.completion_left

    @property
    def prompt(self) -> int:
        answer = self.window // _ANSWER_SHARE
        if self.completion_left is not None:
            answer = min(self.completion_left, self.window // 2)
        room = self.window - answer
        return room if self.prompt_left is None else min(room, self.prompt_left)

    @property
    def rule(self) -> CutRule:
        """What bounds the prompt."""
        return "window" if self.prompt_left is None or self.prompt < self.prompt_left else "max_prompt_tokens"


class ContextTooLong(Exception):
    """The input of a response exceeds the model's context window, and truncation is disabled."""


class BudgetExceeded(Exception):
    """What is left of one of the run's budgets is too little for another model turn."""

    def __init__(self, reason: Literal["max_completion_tokens", "max_prompt_tokens"]) -> None:
        super().__init__(reason)
        self.reason: Literal["max_completion_tokens", "max_prompt_tokens"] = reason


class ItemSource(Protocol):
    """What prompts need of the stored messages."""

    async def newest(self, thread_id: str, before: int, limit: int) -> list[Item]: ...


async def build_messages(
    messages: ItemSource, spec: RunSpec, builder: MessageBuilder, budget: PromptBudget, fixed: int
) -> tuple[list[Message], PromptExtent]:
    """The messages of a prompt, oldest first, and what of the thread they are. `fixed`: the tokens beside them.

    Raises BudgetExceeded; ContextTooLong where the run's overflow is `fail`.
    """
    system: list[Message] = [SystemMessage(spec.instructions)] if spec.instructions else []
    if spec.preface:
        system += builder.messages(spec.preface)
    left = budget.prompt - fixed - sum([_count_system_tokens(message) for message in system])
    may_cut = spec.overflow == "cut"
    items, cut = await _load_newest(messages, spec, left if may_cut else budget.window * _ITEM_OVERHEAD_FACTOR, budget)
    extent = PromptExtent(items[-1].seq if items else 0, budget.window, budget.prompt, fixed, [cut] if cut else [])
    builder.is_long = sum([len(item.body) for item in items]) > _INLINE_CHARACTERS
    conversation = await asyncio.to_thread(builder.messages, items) if builder.is_long else builder.messages(items)
    if may_cut and sum(len(item.body) for item in items) > left:
        # Only now does it matter how many tokens they are; there are never more than characters.
        must_fit = budget.prompt_left is not None
        start = await asyncio.to_thread(_find_start, conversation, left, must_fit=must_fit)
        conversation = conversation[start:]
        if start:
            first = next((seq for one in conversation if (seq := builder.starts.get(id(one))) is not None), extent.last)
            extent.cuts.insert(0, PromptCut(first, budget.rule))
    return [*system, *conversation], extent


async def _load_newest(
    messages: ItemSource, spec: RunSpec, room: int, budget: PromptBudget
) -> tuple[list[Item], PromptCut | None]:
    """Items oldest first: what the run's limit of messages keeps, and hardly more than there is room for.

    Everything of the run itself is kept, however many messages that limit allows. Of what a summary replaces, only
    the question before it is. Raises ContextTooLong where there is more and nothing is to be cut.
    """
    keep = spec.last_messages
    found: list[Item] = []
    pages = _Pages(messages, spec)
    while not pages.at_end:
        page = await pages.read_next()
        for number, item in enumerate(page):
            own = item.run_id == spec.id
            if item.kind == "file_search_call" and not own:
                continue
            if not own and (room < 0 or (keep is not None and keep <= 0)):
                if spec.overflow == "fail":
                    raise ContextTooLong
                first = found[-1].seq if found else item.seq + 1
                return found[::-1], PromptCut(first, "last_messages" if keep is not None and keep <= 0 else budget.rule)
            found.append(item)
            if _BYTES_MARK not in item.body:
                room -= len(item.body) // _MAX_CHARACTERS_PER_TOKEN
            if keep is not None and item.kind == "message" and not own:
                keep -= 1
            if item.kind == "compaction" and summaries.is_context_summary(item.body):
                return [*_drop_summarized(page[number:]), *found[::-1]], PromptCut(item.seq, "summary")
    return found[::-1], None


class _Pages:
    """The items of the run's thread and of those before it, newest first."""

    __slots__ = ("_messages", "_places")

    def __init__(self, messages: ItemSource, spec: RunSpec) -> None:
        self._messages = messages
        self._places = [*[(part.thread_id, part.last_seq + 1) for part in spec.context], (spec.thread_id, LATEST)]

    @property
    def at_end(self) -> bool:
        return not self._places

    async def read_next(self) -> list[Item]:
        thread_id, before = self._places.pop()
        page = await self._messages.newest(thread_id, before, PROMPT_PAGE)
        if len(page) == PROMPT_PAGE:
            self._places.append((thread_id, page[-1].seq))
        return page


def _drop_summarized(items: Sequence[Item]) -> list[Item]:
    """What a summary of these items, newest first, does not stand for: the last question, settings and found tools.

    The summary itself has the text of a question that is further away.
    """
    questions = (item for item in items if item.kind in {"message", "input"} and '"role":"user"' in item.body)
    question = next(questions, None)
    return [item for item in reversed(items) if item is question or item.kind in _PERSISTENT_KINDS]


def may_exceed_window(messages: Sequence[Message], tools: Any, window: int) -> bool:
    """Whether the prompt has more characters than the window has tokens; a text has at most one token per character."""
    characters = _MESSAGE_OVERHEAD_TOKENS * len(messages)
    calls = []
    for message in messages:
        content = message.content
        characters += len(content) if type(content) is str else len(text_of(message))
        if type(message) is AssistantMessage and message.tool_calls:
            calls.append(message.tool_calls)
    return characters + len(msgspec.json.encode((tools, calls))) > window


def _find_start(messages: list[Message], room: int, *, must_fit: bool) -> int:
    """Where the newest messages that fit begin: at the last question at the latest, unless they `must_fit`."""
    questions = [index for index, message in enumerate(messages) if isinstance(message, UserMessage)]
    start = questions[-1] if questions else max(0, len(messages) - 1)
    room -= sum(count_message_tokens(message) for message in messages[start:])
    if room < 0 and must_fit:
        raise BudgetExceeded("max_prompt_tokens")
    while start > 0:
        unit = _exchange_start(messages, start)
        room -= sum(count_message_tokens(message) for message in messages[unit:start])
        if room < 0:
            break
        start = unit
    return start


def _exchange_start(messages: list[Message], end: int) -> int:
    """Where the message that ends at `end` begins; outputs belong to the message that called for them."""
    start = end - 1
    while start > 0 and isinstance(messages[start], ToolMessage):
        start -= 1
    return start


def count_message_tokens(message: Message) -> int:
    return _MESSAGE_OVERHEAD_TOKENS + tokens.count(text_of(message)) + count_tokens(calls_of(message))


def _count_system_tokens(message: Message) -> int:
    """As `count_message_tokens`: the instructions of an assistant are those of many runs."""
    text = text_of(message)
    if len(text) > _MAX_COUNTED_CHARACTERS or not isinstance(message, SystemMessage):
        return count_message_tokens(message)
    return _MESSAGE_OVERHEAD_TOKENS + _count_known(text)


@lru_cache(maxsize=64)
def _count_known(text: str) -> int:
    return tokens.count(text)


def count_tokens(value: Any) -> int:
    return tokens.count(msgspec.json.encode(value).decode()) if value else 0


def count_prompt_tokens(messages: Sequence[Message], tools: Any) -> int:
    """The approximate tokens of a request's messages and tools."""
    return sum(count_message_tokens(message) for message in messages) + count_tokens(tools)
