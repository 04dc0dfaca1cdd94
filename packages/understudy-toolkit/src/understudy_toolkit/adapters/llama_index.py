"""Function tools of LlamaIndex (`llama-index-core`)."""

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from understudy_toolkit.adapters.execution import encode_result
from understudy_toolkit.catalog import Tool
from understudy_toolkit.client import AsyncToolkit, Toolkit

if TYPE_CHECKING:
    from llama_index.core.tools import FunctionTool


def function_tools(toolkit: Toolkit | AsyncToolkit, tools: Iterable[Tool] | None = None) -> "list[FunctionTool]":
    """For `FunctionAgent(tools=…)`; all tools by default. Raises ImportError without `llama-index-core`."""
    from llama_index.core.tools import FunctionTool, ToolMetadata  # noqa: PLC0415 - imported where it is used

    class Metadata(ToolMetadata):  # type: ignore[misc]
        """With the schema of the tool instead of one of a function's parameters."""

        def __init__(self, tool: Tool) -> None:
            super().__init__(name=tool.slug, description=tool.description, fn_schema=None)
            self._schema = tool.input_schema

        def get_parameters_dict(self) -> dict[str, Any]:
            return self._schema

        @property
        def fn_schema_str(self) -> str:
            return encode_result(self._schema)  # type: ignore[arg-type]

    made = []
    for tool in toolkit.list() if tools is None else tools:
        if isinstance(toolkit, AsyncToolkit):
            made.append(FunctionTool(None, Metadata(tool), async_fn=partial(_call_async, toolkit, tool.slug)))
        else:
            made.append(FunctionTool(partial(_call, toolkit, tool.slug), Metadata(tool)))
    return made


def _call(toolkit: Toolkit, slug: str, **arguments: Any) -> str:
    return encode_result(toolkit.execute(slug, arguments))


async def _call_async(toolkit: AsyncToolkit, slug: str, **arguments: Any) -> str:
    return encode_result(await toolkit.execute(slug, arguments))
