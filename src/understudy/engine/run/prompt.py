"""Builds the chat completions request of a run's next model turn from the newest items of the thread that fit.

It includes only the run's own search results: passages of earlier runs would crowd out everything else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final, Literal, Protocol

import msgspec

from understudy.engine.client_history import TOOL_LISTS
from understudy.engine.prompt_messages import MessageBuilder
from understudy.engine.prompt_tools import add_tools, offer_found
from understudy.engine.run import summaries
from understudy.engine.run.citations import Sources
from understudy.engine.run.spec import RunSpec
from understudy.engine.tools.base import BuiltIn, OfferedFunction
from understudy.llm import tokens
from understudy.llm.messages import (
    DocumentReference,
    ImagePart,
    ImageReference,
    ImageUrl,
    Message,
    Part,
    SystemMessage,
    TextPart,
    ToolMessage,
    UserMessage,
    calls_of,
    text_of,
    to_wire,
)
from understudy.llm.provider import ChatBody
from understudy.store.messages import Item
from understudy.store.run_state import ClientTool

_PAGE: Final = 100
_NEWEST: Final = 2**62
# Each message costs a few tokens beside its text: its role, and what separates it from the next.
_MESSAGE_OVERHEAD_TOKENS: Final = 4
# Room for the answer where the run does not say how long it may be, as a part of the window.
_ANSWER_SHARE: Final = 8
# More characters than any token has, to know when enough has been read.
_MAX_CHARACTERS_PER_TOKEN: Final = 16

# How many times longer than what they say items may be, with all that is around their text.
_ITEM_OVERHEAD_FACTOR: Final = 8

# Items that hold for all that follows.
_PERSISTENT_KINDS: Final = frozenset({"configuration_update", *TOOL_LISTS})

LoadImage = Callable[[str], Awaitable[str | None]]
"""From a File's id to a `data:` URL; None if the image does not exist."""

LoadDocument = Callable[[Mapping[str, Any]], Awaitable[list[Part]]]
"""From an `input_file` part to the document's content parts: its text, and pages as images."""


@dataclass(frozen=True, slots=True)
class PromptBudget:
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


class ContextTooLong(Exception):
    """The input of a response exceeds the model's context window, and truncation is disabled."""


class BudgetExceeded(Exception):
    """What is left of one of the run's budgets is too little for another model turn."""

    def __init__(self, reason: Literal["max_completion_tokens", "max_prompt_tokens"]) -> None:
        super().__init__(reason)
        self.reason: Literal["max_completion_tokens", "max_prompt_tokens"] = reason


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request, and what its response may refer to.

    `messages` are the messages of `body`, typed. `built_in` maps the names of offered built-in tools to their kinds,
    `remote` the names of offered functions to tools of remote servers, and `client` to tools of the client other than
    functions. `sources` are the passages and files that citations may name.
    """

    body: ChatBody
    messages: Sequence[Message]
    built_in: Mapping[str, BuiltIn]
    sources: Sources
    client: Mapping[str, ClientTool] = field(default_factory=dict)


class ItemSource(Protocol):
    """What prompts need of the stored messages."""

    async def newest(self, thread_id: str, before: int, limit: int) -> list[Item]: ...


async def build_request(
    messages: ItemSource,
    spec: RunSpec,
    turn: int,
    room: PromptBudget,
    load_image: LoadImage | None = None,
    offered: Sequence[OfferedFunction] = (),
    *,
    tool_calls: int = 0,
    load_document: LoadDocument | None = None,
) -> Prompt:
    """The streaming request of the model turn number `turn` (from 0) of the run.

    `offered` are the functions of built-in tools; `tool_calls` is the number of their calls so far.

    Raises BudgetExceeded; ContextTooLong where the run's overflow is `fail`.
    """
    body: ChatBody = {"model": spec.model, "messages": [], "stream": True}
    names: dict[BuiltIn, str] = {function.kind: function.name for function in offered if function.kind != "mcp"}
    add_tools(body, spec, offered, forced=turn == 0, tool_calls=tool_calls)
    _add_settings(body, spec, room)
    fixed = _count_tokens(body.get("tools")) + _count_tokens(body.get("response_format"))
    client = spec.client_tools
    told = MessageBuilder(spec.id, names, all_turns=spec.all_turns, client=client)
    conversation = await _build_messages(messages, spec, told, room, fixed)
    if told.tools:
        found = offer_found(told.tools, body, spec)
        client = {**client, **found.tools}
        add_tools(body, spec, offered, forced=turn == 0, tool_calls=tool_calls, found=found.functions)
    _apply_settings(body, spec, told)
    await _load_contents(conversation, load_image or _load_no_image, load_document or _load_no_document)
    if (
        spec.overflow == "fail"
        and _may_exceed_window(conversation, body.get("tools"), room.window)
        and await asyncio.to_thread(count_prompt_tokens, conversation, body.get("tools")) > room.window
    ):
        raise ContextTooLong
    built_in = {function.name: function.kind for function in offered}
    sources = Sources(told.passages, told.paths)
    body["messages"] = to_wire(conversation)
    return Prompt(body, conversation, built_in, sources, client)


def _add_settings(body: ChatBody, spec: RunSpec, room: PromptBudget) -> None:
    """The settings of the request itself."""
    # Defaults are left out: some models refuse even those.
    if spec.temperature not in {None, 1.0}:
        body["temperature"] = spec.temperature
    if spec.top_p not in {None, 1.0}:
        body["top_p"] = spec.top_p
    if spec.reasoning_effort is not None:
        body["reasoning_effort"] = spec.reasoning_effort
    if spec.response_format != "auto":
        body["response_format"] = msgspec.to_builtins(spec.response_format)
    if room.completion_left is not None:
        body["max_completion_tokens"] = room.completion_left
    if spec.verbosity not in {None, "medium"}:
        body["verbosity"] = spec.verbosity
    if spec.top_logprobs is not None:
        body["logprobs"] = True
        body["top_logprobs"] = spec.top_logprobs


def _apply_settings(body: ChatBody, spec: RunSpec, told: MessageBuilder) -> None:
    """What the conversation has set for all that follows, where the request itself says nothing else."""
    if told.effort is not None and spec.reasoning_effort is None:
        body["reasoning_effort"] = told.effort
    if told.response_format is not None and spec.response_format == "auto":
        body["response_format"] = told.response_format


# -- messages -------------------------------------------------------------------------------------------------


async def _build_messages(
    messages: ItemSource, spec: RunSpec, told: MessageBuilder, room: PromptBudget, fixed: int
) -> list[Message]:
    system = [SystemMessage(spec.instructions)] if spec.instructions else []
    left = room.prompt - fixed - sum(_message_tokens(message) for message in system)
    cuts = spec.overflow == "cut"
    items = await _load_newest(messages, spec, left if cuts else room.window * _ITEM_OVERHEAD_FACTOR)
    conversation = told.messages(items)
    if cuts and sum(len(item.body) for item in items) > left:
        # Only now does it matter how many tokens they are; there are never more than characters.
        conversation = await asyncio.to_thread(_fit_messages, conversation, left, must_fit=room.prompt_left is not None)
    return [*system, *conversation]


async def _load_newest(messages: ItemSource, spec: RunSpec, room: int) -> list[Item]:
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
                return found[::-1]
            found.append(item)
            room -= _min_tokens(item)
            if keep is not None and item.kind == "message" and not own:
                keep -= 1
            if item.kind == "compaction" and summaries.is_context_summary(item.body):
                return [*_drop_summarized(page[number:]), *found[::-1]]
    return found[::-1]


class _Pages:
    """The items of the run's thread and of those before it, newest first."""

    __slots__ = ("_messages", "_places")

    def __init__(self, messages: ItemSource, spec: RunSpec) -> None:
        self._messages = messages
        self._places = [*[(part.thread_id, part.last_seq + 1) for part in spec.context], (spec.thread_id, _NEWEST)]

    @property
    def at_end(self) -> bool:
        return not self._places

    async def read_next(self) -> list[Item]:
        thread_id, before = self._places.pop()
        page = await self._messages.newest(thread_id, before, _PAGE)
        if len(page) == _PAGE:
            self._places.append((thread_id, page[-1].seq))
        return page


def _drop_summarized(items: Sequence[Item]) -> list[Item]:
    """What a summary of these items, newest first, does not stand for: the last question, settings and found tools.

    The summary itself has the text of a question that is further away.
    """
    asked = (item for item in items if item.kind in {"message", "input"} and '"role":"user"' in item.body)
    question = next(asked, None)
    return [item for item in reversed(items) if item is question or item.kind in _PERSISTENT_KINDS]


def _min_tokens(item: Item) -> int:
    """How many tokens the item has, roughly and with all that is around its text. Bytes in its middle are no text."""
    return 0 if ";base64," in item.body else len(item.body) // _MAX_CHARACTERS_PER_TOKEN


def _may_exceed_window(messages: Sequence[Message], tools: Any, window: int) -> bool:
    """Whether the prompt has more characters than the window has tokens; a text has at most one token per character."""
    characters = sum(_MESSAGE_OVERHEAD_TOKENS + len(text_of(message)) for message in messages)
    more = (tools, [calls_of(message) for message in messages])
    return characters + len(msgspec.json.encode(more)) > window


def _fit_messages(messages: list[Message], room: int, *, must_fit: bool) -> list[Message]:
    """The newest messages that fit; the last question and all after it in any case, unless they `must_fit`."""
    questions = [index for index, message in enumerate(messages) if isinstance(message, UserMessage)]
    start = questions[-1] if questions else max(0, len(messages) - 1)
    room -= sum(_message_tokens(message) for message in messages[start:])
    if room < 0 and must_fit:
        raise BudgetExceeded("max_prompt_tokens")
    while start > 0:
        unit = _exchange_start(messages, start)
        room -= sum(_message_tokens(message) for message in messages[unit:start])
        if room < 0:
            break
        start = unit
    return messages[start:]


def _exchange_start(messages: list[Message], end: int) -> int:
    """Where the message that ends at `end` begins; outputs belong to the message that called for them."""
    start = end - 1
    while start > 0 and isinstance(messages[start], ToolMessage):
        start -= 1
    return start


def _message_tokens(message: Message) -> int:
    return _MESSAGE_OVERHEAD_TOKENS + tokens.count(text_of(message)) + _count_tokens(calls_of(message))


def _count_tokens(value: Any) -> int:
    return tokens.count(msgspec.json.encode(value).decode()) if value else 0


def count_prompt_tokens(messages: Sequence[Message], tools: Any) -> int:
    """The approximate tokens of a request's messages and tools."""
    return sum(_message_tokens(message) for message in messages) + _count_tokens(tools)


# -- images ------------------------------------------------------------------------------------------------------


async def _load_contents(messages: list[Message], load: LoadImage, read: LoadDocument) -> None:
    """Replaces references by the bytes of images and the text of documents, or by a note if they are gone."""
    for message in messages:
        if isinstance(message, UserMessage) and not isinstance(message.content, str):
            message.content = [one for part in message.content for one in await _load_part(part, load, read)]


async def _load_no_image(_: str) -> None:
    return None


async def _load_no_document(part: Mapping[str, Any]) -> list[Part]:
    name = part.get("filename") or part.get("file_id")
    return [TextPart(f"[The file {name} is not available.]")]


async def _load_part(part: Part, load: LoadImage, read: LoadDocument) -> list[Part]:
    match part:
        case DocumentReference(source=source):
            return await read(source)
        case ImageReference(file_id=file_id, detail=detail):
            url = await load(file_id)
            if url is None:
                return [TextPart(f"[The image {file_id} is not available.]")]
            return [ImagePart(ImageUrl(url, detail))]
    return [part]
