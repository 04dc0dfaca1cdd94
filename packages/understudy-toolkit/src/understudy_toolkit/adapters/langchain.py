"""Structured tools of LangChain (`langchain-core`), for agents and LangGraph."""

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from understudy_toolkit.adapters.execution import AnyToolkit, encode_result, execute
from understudy_toolkit.catalog import Tool

if TYPE_CHECKING:
    from langchain_core.tools import StructuredTool


def structured_tools(toolkit: AnyToolkit, tools: Iterable[Tool] | None = None) -> "list[StructuredTool]":
    """All tools by default. Raises ImportError without `langchain-core`.

    With an AsyncToolkit, the tools can only be awaited, by `ainvoke`.
    """
    from langchain_core.tools import StructuredTool  # noqa: PLC0415 - a framework is imported where it is used

    return [
        StructuredTool(
            name=tool.slug,
            description=tool.description,
            args_schema=tool.input_schema,
            func=None if asyncio.iscoroutinefunction(toolkit.execute) else partial(_call, toolkit, tool.slug),
            coroutine=partial(_call_async, toolkit, tool.slug),
        )
        for tool in (toolkit.list() if tools is None else tools)
    ]


def _call(toolkit: Any, slug: str, **arguments: Any) -> str:
    return encode_result(toolkit.execute(slug, arguments))


async def _call_async(toolkit: AnyToolkit, slug: str, **arguments: Any) -> str:
    return encode_result(await execute(toolkit, slug, arguments))
