"""The names of built-in tools as functions, beside a client's own functions of the same name."""

from typing import Literal

from understudy.wire.runs import RunObject
from understudy.wire.tools import AssistantToolsFunction


def client_function_names(run: RunObject) -> set[str]:
    """The names of the functions that the client runs."""
    return {tool.function.name for tool in run.tools if isinstance(tool, AssistantToolsFunction)}


def function_name(kind: Literal["file_search", "code_interpreter"], run: RunObject) -> str:
    """The name that a built-in tool is offered under; a client's function of that name comes first."""
    return f"built_in_{kind}" if kind in client_function_names(run) else kind
