"""Checks of a request before its response begins: its shape, its input, and the tools, files and stores it names."""

import asyncio
from collections.abc import Sequence

from starlette.requests import Request

from understudy import errors
from understudy.api.file_lookup import find_files
from understudy.api.inputs import check_files
from understudy.api.parts import Parts
from understudy.api.remote import check_mcp_tools
from understudy.engine.response_request import remote_server
from understudy.engine.tool_choice import check_choice
from understudy.wire.client_items import AdditionalTools, ToolSearchOutput
from understudy.wire.error_texts import Problem
from understudy.wire.input_items import InputItem
from understudy.wire.input_parsing import whole
from understudy.wire.parsing import InvalidBody, check_id
from understudy.wire.response_rules import check_input, check_tools, hosted_tools
from understudy.wire.response_tools import AutoContainer, CodeInterpreterTool, FileSearchTool, McpTool, ResponseTool
from understudy.wire.responses import (
    CreateResponseRequest,
    JsonSchemaFormat,
    ResponseContext,
)
from understudy.wire.strict import check_strict_format

# Items that are looked at within a millisecond or two.
_MAX_INLINE_ITEMS = 100


async def find_items(parts: Parts, project_id: str, asked: ResponseContext) -> list[InputItem]:
    """The items of the input. Raises InvalidBody, NotFound or InvalidRequest for anything that cannot be used."""
    given = asked.input if asked.input is not None else []
    items = (
        whole(given)
        if isinstance(given, str) or len(given) <= _MAX_INLINE_ITEMS
        else await asyncio.to_thread(whole, given)
    )
    items = await parts.responses.resolve_references(project_id, items)
    await check_files(parts, project_id, items)
    if parts.settings.responses.hosted_tools == "refuse":
        _reject_hosted_tools(asked.tools or (), items)
    await _check_tools(parts, project_id, asked)
    more = asked.previous_response_id is not None or asked.conversation is not None
    more = more or any(isinstance(item, ToolSearchOutput | AdditionalTools) for item in items)
    check_choice(asked.tool_choice, asked.tools or (), more=more)
    return items


def _reject_hosted_tools(tools: Sequence[ResponseTool], items: Sequence[InputItem]) -> None:
    """Raises InvalidRequest for the first tool that only the hosted service runs."""
    found = hosted_tools(tools)
    for index, item in enumerate(items):
        if isinstance(item, ToolSearchOutput | AdditionalTools):
            found += hosted_tools(item.tools, f"input[{index}].tools")
    if found:
        path, kind = found[0]
        raise errors.InvalidRequest(
            f"The tool {kind!r} is not available on this server: it runs on the vendor's servers only. Leave it out, or"
            ' have the operator set `responses.hosted_tools` to "drop", so that such tools are accepted and never'
            " called.",
            param=path,
            code="unsupported_tool",
        )


def warn_of_dropped(request: Request, asked: ResponseContext) -> None:
    """Names the tools that no model is offered in a header of the answer; adds none without such tools."""
    dropped = dict.fromkeys(kind for _, kind in hosted_tools(asked.tools or ()))
    if dropped:
        request.state.headers = [(b"x-understudy-dropped-tools", ", ".join(dropped).encode())]


def check_shape(asked: ResponseContext) -> None:
    if asked.previous_response_id is not None and asked.conversation is not None:
        raise InvalidBody(
            Problem(
                "Mutually exclusive parameters: ''. Ensure you are only providing one of: 'previous_response_id' or "
                "'conversation'.",
                None,
                "mutually_exclusive_parameters",
            )
        )
    if asked.input is None and asked.previous_response_id is None and asked.conversation is None:
        raise InvalidBody(
            Problem(
                "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided.",
                None,
                "missing_required_parameter",
            )
        )
    check_input(asked.input, alone=asked.previous_response_id is None and asked.conversation is None)
    check_tools(asked.tools or ())
    if asked.text is not None and isinstance(asked.text.format, JsonSchemaFormat) and asked.text.format.strict:
        check_strict_format(asked.text.format.name, asked.text.format.schema, "text.format.schema")
    if asked.previous_response_id is not None:
        check_id("previous_response_id", asked.previous_response_id, "resp")
    if asked.conversation is not None:
        name = asked.conversation if isinstance(asked.conversation, str) else asked.conversation.id
        check_id("conversation", name, "conv")


async def check_logprobs(parts: Parts, asked: CreateResponseRequest) -> None:
    """Raises InvalidRequest if log probabilities are requested and the model's providers have none."""
    included = "message.output_text.logprobs" in (asked.include or ())
    if (included or asked.top_logprobs) and not await parts.models.supports_logprobs(asked.model or ""):
        param = "include" if included else "top_logprobs"
        raise errors.InvalidRequest(
            f"Unsupported parameter: '{param}'. The provider of the model {asked.model!r} does not return log"
            " probabilities.",
            param=param,
            code="unsupported_parameter",
        )


async def _check_tools(parts: Parts, project_id: str, asked: ResponseContext) -> None:
    tools = asked.tools or ()
    check_mcp_tools(parts, [remote_server(tool) if isinstance(tool, McpTool) else None for tool in tools], headers=True)
    for index, tool in enumerate(tools):
        match tool:
            case FileSearchTool():
                await _check_stores(parts, project_id, tool.vector_store_ids, f"tools[{index}].vector_store_ids")
            case CodeInterpreterTool():
                await _check_code_interpreter(parts, project_id, tool, f"tools[{index}]")
            case _:
                pass


async def _check_stores(parts: Parts, project_id: str, store_ids: list[str], path: str) -> None:
    for index, store_id in enumerate(store_ids):
        check_id(f"{path}[{index}]", store_id, "vs")
    try:
        await parts.store.vector_stores.scopes(project_id, store_ids, None, parts.now())
    except errors.NotFound as missing:
        named = [store_id for store_id in store_ids if store_id in missing.message] or store_ids
        raise errors.NotFound(f"Vector store with id {named} not found.") from None


async def _check_code_interpreter(parts: Parts, project_id: str, tool: CodeInterpreterTool, path: str) -> None:
    if fault := await parts.interpreter.check():
        raise errors.InvalidRequest(
            f"The tool 'code_interpreter' is not available on this server. {fault}", param=path, code="unsupported_tool"
        )
    if isinstance(tool.container, AutoContainer):
        await find_files(parts, project_id, tool.container.file_ids or (), f"{path}.container.file_ids")
    else:
        check_id(f"{path}.container", tool.container, "cntr")
        await parts.interpreter.resolve_container(project_id, tool.container)
