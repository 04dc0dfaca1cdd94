"""Function tools of the OpenAI Agents SDK (`openai-agents`)."""

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from understudy_toolkit.adapters.execution import AnyToolkit, encode_result, execute, parse_arguments
from understudy_toolkit.catalog import Tool

if TYPE_CHECKING:
    from agents import FunctionTool


def function_tools(toolkit: AnyToolkit, tools: Iterable[Tool] | None = None) -> "list[FunctionTool]":
    """For `Agent(tools=…)`; all tools by default. Raises ImportError without `openai-agents`."""
    from agents import FunctionTool  # noqa: PLC0415 - a framework is imported where it is used

    return [
        FunctionTool(
            name=tool.slug,
            description=tool.description,
            params_json_schema=tool.input_schema,
            on_invoke_tool=partial(_invoke, toolkit, tool.slug),
            # The schemas have optional members.
            strict_json_schema=False,
        )
        for tool in (toolkit.list() if tools is None else tools)
    ]


async def _invoke(toolkit: AnyToolkit, slug: str, _: Any, arguments: str) -> str:
    return encode_result(await execute(toolkit, slug, parse_arguments(arguments)))
