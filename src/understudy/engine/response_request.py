"""Converts a request for a response to the run that executes it, and to the members of the response. Pure.

What a run has no member for is in its plan.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from understudy.engine.client_tools import OfferedTools, offer_tools
from understudy.engine.deferred_tools import deferred_servers, split_deferred
from understudy.engine.input_items import move_rows, to_stored
from understudy.engine.queued_run import QUEUED_RUN
from understudy.engine.text_format import chat_format
from understudy.engine.tool_choice import allowed_keys, chat_choice, forced_key
from understudy.engine.tools import tool_search
from understudy.engine.tools.mcp import without_headers
from understudy.llm.sampling import is_reasoning_model, resolve_sampling
from understudy.store.response_items import ItemRow
from understudy.store.response_placement import ResponsePlacement
from understudy.store.run_state import ImageOptions, ModerationRule, Plan, PrefaceItem, Progress, WebSearchOptions
from understudy.wire.input_items import CompactionTrigger, InputItem
from understudy.wire.response_tool_choices import AllowedTools
from understudy.wire.response_tools import (
    AutoContainer,
    CodeInterpreterTool,
    FileSearchTool,
    FunctionTool,
    ImageGenerationTool,
    ImageMask,
    McpTool,
    RankingOptions,
    ResponseTool,
    SearchLocation,
    WebSearchFilters,
    WebSearchTool,
)
from understudy.wire.responses import (
    ConversationReference,
    CreateResponseRequest,
    Moderation,
    ModerationPolicy,
    PromptReference,
    Reasoning,
    ResponseObject,
    ResponseText,
    TextFormat,
)
from understudy.wire.runs import RunObject
from understudy.wire.tools import (
    AssistantTool,
    AssistantToolsCode,
    AssistantToolsFileSearch,
    AssistantToolsMcp,
    FileSearchOptions,
    FileSearchRankingOptions,
)

_replace: Final = msgspec.structs.replace
NOTHING_SERVED: Mapping[str, str] = {}
# To be replaced in parts, like `QUEUED_RUN`.
_NEW_RESPONSE: Final = ResponseObject(
    id="",
    created_at=0,
    status="in_progress",
    background=False,
    instructions=None,
    max_output_tokens=None,
    max_tool_calls=None,
    model="",
    output=[],
    parallel_tool_calls=True,
    previous_response_id=None,
    prompt_cache_key=None,
    prompt_cache_retention=None,
    reasoning=Reasoning(),
    safety_identifier=None,
    service_tier="auto",
    store=True,
    temperature=None,
    text=ResponseText(format=TextFormat(), verbosity="medium"),
    tool_choice="auto",
    tools=[],
    top_logprobs=0,
    top_p=None,
    truncation="disabled",
    user=None,
    metadata={},
)
# Passages of a search where a tool does not say how many.
_DEFAULT_MAX_RESULTS = 20


@dataclass(frozen=True, slots=True)
class ResolvedPrompt:
    """`reference` has the version that applies; `messages` are sent to the model before the input."""

    reference: PromptReference
    messages: Sequence[InputItem]
    instructions: list[dict[str, Any]]
    """The messages as `instructions` of the response."""


class RequestedResponse(Struct, frozen=True):
    """The response that a request asks for, the run that makes it, and the items of its input."""

    response: ResponseObject
    run: RunObject
    progress: Progress
    items: Sequence[ItemRow]


def new_response(
    params: CreateResponseRequest,
    items: Sequence[InputItem],
    response_id: str,
    now: int,
    place: ResponsePlacement,
    *,
    seconds: float,
    prompt: ResolvedPrompt | None = None,
    served: Mapping[str, str] = NOTHING_SERVED,
    rows: Sequence[ItemRow] | None = None,
) -> RequestedResponse:
    """Times in seconds. `rows` are those of the items, where they have been made.

    `served` maps the hosted tools that this server runs to their models, see `HostedTools`; others are not offered.
    """
    tools = params.tools or ()
    offered, deferred = split_deferred(tools, params.tool_choice) if tools else ([], [])
    offer = offer_tools(offered, served=served)
    plan = _build_plan(params, offer, served, deferred)
    plan.context = place.context
    if prompt is not None:
        plan.preface = [_to_preface(row) for row in to_stored(prompt.messages, place.thread_id, now)]
    if params.moderation is not None:
        plan.moderation = _moderation_rule(params.moderation, items, params.reasoning or Reasoning())
    plan.compacts_only = bool(items) and isinstance(items[-1], CompactionTrigger)
    run, headers = without_headers(_build_run(params, offer, response_id, place.thread_id, now, now + int(seconds)))
    if prompt is not None:
        # Those of the request are a message of the preface.
        run.instructions = None
    response = _render_response(params, run, prompt)
    rows = to_stored(items, place.thread_id, now) if rows is None else move_rows(rows, place.thread_id)
    return RequestedResponse(response, run, Progress(plan=plan, headers=headers), rows)


def _build_run(
    params: CreateResponseRequest, offer: OfferedTools, response_id: str, thread_id: str, now: int, until: int
) -> RunObject:
    model, tools = params.model or "", params.tools or ()
    run = _replace(
        QUEUED_RUN,
        id=response_id,
        created_at=now,
        thread_id=thread_id,
        expires_at=until,
        model=model,
        instructions=params.instructions,
        tools=assistants_tools(tools, offer),
        metadata=params.metadata or {},
        temperature=resolve_sampling(model, params.temperature),
        top_p=resolve_sampling(model, params.top_p),
    )
    return _replace(
        run,
        reasoning_effort=params.reasoning.effort if params.reasoning is not None else None,
        max_completion_tokens=params.max_output_tokens,
        response_format=chat_format(params.text.format if params.text is not None else None),
        tool_choice=chat_choice(params.tool_choice, tools, offer),
        parallel_tool_calls=params.parallel_tool_calls is not False,
    )


def _to_preface(row: ItemRow) -> PrefaceItem:
    if row.message is None:
        return PrefaceItem(row.kind, None, row.body)
    return PrefaceItem(row.kind, row.message.role, msgspec.json.encode(row.message).decode())


def conversation_thread_id(conversation: str | ConversationReference | None) -> str | None:
    """The thread that a conversation is another name of."""
    if conversation is None:
        return None
    conversation_id = conversation if isinstance(conversation, str) else conversation.id
    return "thread_" + conversation_id.partition("_")[2]


def _build_plan(
    params: CreateResponseRequest, offer: OfferedTools, served: Mapping[str, str], deferred: list[dict[str, Any]]
) -> Plan:
    plan = Plan(
        included=list(params.include or ()),
        max_tool_calls=params.max_tool_calls,
        client=offer.tools,
        is_private=params.store is False,
        cuts=params.truncation == "auto",
        compacts=bool(params.context_management),
        all_turns=params.reasoning is not None and params.reasoning.context == "all_turns",
        verbosity=params.text.verbosity if params.text is not None else None,
    )
    if params.tools or params.tool_choice is not None:
        # A choice without tools may be of those that the conversation adds.
        _plan_tools(plan, params, offer, served)
        plan.deferred = deferred
        plan.deferred_servers = deferred_servers(params.tools or (), params.tool_choice)
        if (deferred or plan.deferred_servers) and plan.allowed is not None:
            plan.allowed.append(tool_search.KEY)
    if params.top_logprobs or "message.output_text.logprobs" in plan.included:
        plan.top_logprobs = params.top_logprobs or 0
    for entry in params.context_management or ():
        plan.compact_above = msgspec.to_builtins(entry).get("compact_threshold") or plan.compact_above
    return plan


def _moderation_rule(params: Moderation, items: Sequence[InputItem], reasoning: Reasoning) -> ModerationRule:
    policy = params.policy or ModerationPolicy()
    stored = sum(not isinstance(item, CompactionTrigger) for item in items)
    blocks_input, blocks_output = (mode is not None and mode.mode == "block" for mode in (policy.input, policy.output))
    has_reasoning = bool(reasoning.summary or reasoning.generate_summary)
    return ModerationRule(params.model, stored, blocks_input, blocks_output, has_reasoning)


def _plan_tools(plan: Plan, params: CreateResponseRequest, offer: OfferedTools, served: Mapping[str, str]) -> None:
    for tool in params.tools or ():
        match tool:
            case WebSearchTool() if "web_search" in offer.hosted:
                plan.web_search = _web_search_options(tool)
            case ImageGenerationTool() if "image_generation" in offer.hosted:
                plan.image_generation = _image_options(tool, served["image_generation"])
            case FileSearchTool():
                plan.vector_store_ids = tool.vector_store_ids
                plan.filters = msgspec.to_builtins(tool.filters)
            case CodeInterpreterTool(container=str(container)):
                plan.container, plan.owned = container, False
            case CodeInterpreterTool(container=AutoContainer(file_ids=file_ids)):
                plan.file_ids = file_ids or []
            case _:
                pass
    if isinstance(params.tool_choice, AllowedTools):
        plan.allowed = allowed_keys(params.tool_choice, params.tools or (), offer)
    plan.forced = forced_key(params.tool_choice, params.tools or (), offer)


_IMAGE_MEMBERS = (
    *("quality", "size", "output_format", "output_compression", "moderation", "background", "input_fidelity"),
)


def _image_options(tool: ImageGenerationTool, model: str) -> ImageOptions:
    members = {name: one for name in _IMAGE_MEMBERS if (one := getattr(tool, name)) not in {msgspec.UNSET, None}}
    return ImageOptions(
        model,
        members,
        tool.action or "auto",
        _find_mask(tool),
        tool.partial_images or 0,
    )


def _find_mask(tool: ImageGenerationTool) -> str:
    """The data URL of the tool's mask, or the id of its File; empty without one."""
    mask = tool.input_image_mask or ImageMask()
    if (url := mask.image_url) and not url.startswith("data:"):
        return f"data:image/png;base64,{url}"
    return url or mask.file_id or ""


def _web_search_options(tool: WebSearchTool) -> WebSearchOptions:
    filters = tool.filters if isinstance(tool.filters, WebSearchFilters) else WebSearchFilters()
    place = tool.user_location if isinstance(tool.user_location, SearchLocation) else SearchLocation()
    return WebSearchOptions(
        filters.allowed_domains or [],
        place.city or "",
        place.region or "",
        place.country or "",
        place.timezone or "",
        tool.search_context_size or "medium",
        opens_pages=tool.external_web_access is not False,
    )


def assistants_tools(tools: Sequence[ResponseTool], offer: OfferedTools) -> list[AssistantTool]:
    """The tools as a run has them: those of this server, and the functions that stand for those of the client."""
    found = [made for tool in tools if (made := _to_server_tool(tool)) is not None]
    return [*found, *offer.functions]


def _to_server_tool(tool: ResponseTool) -> AssistantTool | None:
    match tool:
        case FileSearchTool():
            ranking = tool.ranking_options or RankingOptions()
            options = FileSearchRankingOptions(
                ranker=ranking.ranker if isinstance(ranking.ranker, str) and "/" in ranking.ranker else "auto",
                score_threshold=ranking.score_threshold or 0.0,
                hybrid_search=ranking.hybrid_search,
            )
            return AssistantToolsFileSearch(FileSearchOptions(tool.max_num_results or _DEFAULT_MAX_RESULTS, options))
        case CodeInterpreterTool():
            return AssistantToolsCode()
        case McpTool():
            return remote_server(tool)
        case _:
            return None


def remote_server(tool: McpTool) -> AssistantToolsMcp:
    return AssistantToolsMcp(
        server_label=tool.server_label,
        server_url=tool.server_url or "",
        server_description=tool.server_description,
        allowed_tools=tool.allowed_tools,
        require_approval=tool.require_approval or "always",
        headers=_mcp_headers(tool),
    )


def _mcp_headers(tool: McpTool) -> dict[str, str] | None:
    bearer = {"Authorization": f"Bearer {tool.authorization}"} if tool.authorization else {}
    return {**(tool.headers or {}), **bearer} or None


# -- from a request to what the response shows of it -------------------------------------------------------------


def _render_response(params: CreateResponseRequest, run: RunObject, prompt: ResolvedPrompt | None) -> ResponseObject:
    thread_id = conversation_thread_id(params.conversation)
    conversation = ConversationReference("conv_" + thread_id.partition("_")[2]) if thread_id else msgspec.UNSET
    response = _replace(
        _NEW_RESPONSE,
        id=run.id,
        created_at=run.created_at,
        status="queued" if params.background else "in_progress",
        background=bool(params.background),
        conversation=conversation,
        instructions=params.instructions if prompt is None else prompt.instructions,
        model=run.model,
        output=[],
        parallel_tool_calls=run.parallel_tool_calls,
        previous_response_id=params.previous_response_id,
        prompt=msgspec.UNSET if prompt is None else prompt.reference,
        reasoning=_effective_reasoning(params.reasoning, run.model),
        store=params.store is not False,
        metadata=params.metadata or {},
    )
    return _replace(
        response,
        max_output_tokens=params.max_output_tokens,
        max_tool_calls=params.max_tool_calls,
        prompt_cache_key=params.prompt_cache_key,
        prompt_cache_retention=params.prompt_cache_retention,
        safety_identifier=params.safety_identifier,
        service_tier=params.service_tier or "auto",
        temperature=run.temperature,
        text=_effective_text(params.text),
        tool_choice=params.tool_choice or "auto",
        tools=[_render_tool(tool) for tool in params.tools or ()],
        top_logprobs=params.top_logprobs or 0,
        top_p=run.top_p,
        truncation=params.truncation or "disabled",
        user=params.user,
    )


def _effective_text(requested: ResponseText | None) -> ResponseText:
    if requested is None:
        return _NEW_RESPONSE.text
    return ResponseText(format=requested.format or TextFormat(), verbosity=requested.verbosity or "medium")


def _effective_reasoning(requested: Reasoning | None, model: str) -> Reasoning:
    """`reasoning` of a response: the settings that apply, not those of the request.

    `context` selects the turns whose reasoning the model receives, null for models without reasoning; `mode` is
    `standard`, because no provider supports another one.
    """
    requested = requested or Reasoning()
    summary = requested.summary or requested.generate_summary or None
    if requested.effort is None and not is_reasoning_model(model):
        return Reasoning(summary=summary)
    context: Any = "all_turns" if requested.context == "all_turns" else "current_turn"
    return Reasoning(context=context, effort=requested.effort, mode="standard", summary=summary)


def _render_tool(tool: ResponseTool) -> dict[str, Any]:
    match tool:
        case FunctionTool():
            shown = ("type", "description", "name", "parameters", "strict")
            members: dict[str, Any] = msgspec.to_builtins(tool)
            return {name: members.pop(name) for name in shown} | members
        case McpTool():
            return _render_mcp_tool(tool)
        case FileSearchTool():
            return {
                "type": "file_search",
                "filters": msgspec.to_builtins(tool.filters),
                "max_num_results": tool.max_num_results or _DEFAULT_MAX_RESULTS,
                "ranking_options": (tool.ranking_options or RankingOptions()).render(),
                "vector_store_ids": tool.vector_store_ids,
            }
        case _:
            made: dict[str, Any] = msgspec.to_builtins(tool)
            return made


def _render_mcp_tool(tool: McpTool) -> dict[str, Any]:
    """Omits the secrets of the MCP server, and everything of its URL but the origin."""
    parts = urlsplit(tool.server_url or "")
    path = "<redacted>" if parts.path.strip("/") or parts.query else ""
    return {
        "type": "mcp",
        "allowed_tools": msgspec.to_builtins(tool.allowed_tools),
        "headers": None,
        "require_approval": msgspec.to_builtins(tool.require_approval or "always"),
        "server_description": tool.server_description,
        "server_label": tool.server_label,
        "server_url": f"{parts.scheme}://{parts.netloc}/{path}",
        **{name: value for name, value in (("defer_loading", tool.defer_loading),) if value is not msgspec.UNSET},
        **{name: value for name, value in (("allowed_callers", tool.allowed_callers),) if value is not msgspec.UNSET},
    }
