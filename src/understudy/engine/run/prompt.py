"""Builds the chat completions request of a run's next model turn."""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from understudy.engine.prompt_messages import MessageBuilder
from understudy.engine.prompt_tools import add_tools, loaded_keys, offer_found
from understudy.engine.run.citations import Sources
from understudy.engine.run.loaded_contents import LoadData, LoadDocument, LoadImage, load_contents
from understudy.engine.run.spec import RunSpec
from understudy.engine.run.truncation import (
    ContextTooLong,
    ItemSource,
    PromptBudget,
    build_messages,
    count_prompt_tokens,
    count_tokens,
    may_exceed_window,
)
from understudy.engine.tools.base import BuiltIn, OfferedFunction
from understudy.llm.messages import Message, to_wire
from understudy.llm.provider import ChatBody
from understudy.store.run_state import ClientTool, PromptExtent
from understudy.tools.image_generation import MadeImage

_NAMED_TOOLS = frozenset({"file_search", "code_interpreter"})
"""Tools whose calls are stored without the names of their functions."""


class Prompt(Struct, frozen=True):
    """A request, and what its response may refer to.

    `messages` are the messages of `body`, typed. `built_in` maps the names of offered built-in tools to their kinds,
    `remote` the names of offered functions to tools of remote servers, and `client` to tools of the client other than
    functions. `sources` are the passages and files that citations may name. `extent` is what of the thread it has.
    `images` are those that calls made, by the ids of the calls.
    """

    body: ChatBody
    messages: Sequence[Message]
    built_in: Mapping[str, BuiltIn]
    sources: Sources
    extent: PromptExtent
    client: Mapping[str, ClientTool] = {}
    images: Mapping[str, MadeImage] = {}
    is_long: bool = False
    """Whether work on all of it belongs in a thread."""


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
    load_data: LoadData | None = None,
) -> Prompt:
    """The streaming request of the model turn number `turn` (from 0) of the run.

    `offered` are the functions of built-in tools; `tool_calls` is the number of their calls so far.

    Raises BudgetExceeded; ContextTooLong where the run's overflow is `fail`.
    """
    body: ChatBody = {"model": spec.model, "messages": [], "stream": True}
    names: dict[BuiltIn, str] = {function.kind: function.name for function in offered if function.kind in _NAMED_TOOLS}
    visible = [function for function in offered if not function.is_deferred]
    add_tools(body, spec, visible, forced=turn == 0, tool_calls=tool_calls)
    _add_settings(body, spec, room)
    fixed = count_tokens(body.get("tools")) + count_tokens(body.get("response_format"))
    client = spec.client_tools
    builder = MessageBuilder(spec.id, names, all_turns=spec.all_turns, client=client)
    conversation, extent = await build_messages(messages, spec, builder, room, fixed)
    if builder.tools:
        loaded = loaded_keys(builder.tools)
        visible = [one for one in offered if not (one.is_deferred and one.keys.isdisjoint(loaded))]
        found = offer_found(builder.tools, body, spec)
        client = {**client, **found.tools}
        add_tools(body, spec, visible, forced=turn == 0, tool_calls=tool_calls, found=found.functions)
    _apply_settings(body, spec, builder)
    await load_contents(conversation, load_image, load_document, load_data)
    if (
        spec.overflow == "fail"
        and may_exceed_window(conversation, body.get("tools"), room.window)
        and await asyncio.to_thread(count_prompt_tokens, conversation, body.get("tools")) > room.window
    ):
        raise ContextTooLong
    built_in = {function.name: function.kind for function in visible}
    sources = Sources(builder.passages, builder.paths)
    body["messages"] = await asyncio.to_thread(to_wire, conversation) if builder.is_long else to_wire(conversation)
    return Prompt(body, conversation, built_in, sources, extent, client, builder.images, builder.is_long)


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


def _apply_settings(body: ChatBody, spec: RunSpec, builder: MessageBuilder) -> None:
    """What the conversation has set for all that follows, where the request itself says nothing else."""
    if builder.effort is not None and spec.reasoning_effort is None:
        body["reasoning_effort"] = builder.effort
    if builder.response_format is not None and spec.response_format == "auto":
        body["response_format"] = builder.response_format
