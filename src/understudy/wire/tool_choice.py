"""Whether the tool that `tool_choice` names is among the tools offered.

Source: the hosted API's answer to a choice of a tool that the request does not have.
"""

from collections.abc import Sequence

from understudy.wire import error_texts
from understudy.wire.error_texts import Problem
from understudy.wire.parsing import InvalidBody
from understudy.wire.tools import (
    AssistantsApiToolChoiceOption,
    AssistantTool,
    AssistantToolsCode,
    AssistantToolsFileSearch,
    AssistantToolsFunction,
    AssistantToolsMcp,
    ToolChoiceCode,
    ToolChoiceFileSearch,
    ToolChoiceFunction,
)


def check_tool_choice(choice: AssistantsApiToolChoiceOption, tools: Sequence[AssistantTool]) -> None:
    """Raises InvalidBody where `choice` names a tool that is not offered; a remote server's functions are not known."""
    match choice:
        case ToolChoiceFunction():
            name, offered = choice.function.name, _offers_function(choice.function.name, tools)
        case ToolChoiceCode():
            name, offered = "code_interpreter", any(isinstance(tool, AssistantToolsCode) for tool in tools)
        case ToolChoiceFileSearch():
            name, offered = "file_search", any(isinstance(tool, AssistantToolsFileSearch) for tool in tools)
        case _:
            return
    if not offered:
        raise InvalidBody(Problem(error_texts.tool_choice_not_found(name), "tool_choice", "invalid_value"))


def _offers_function(name: str, tools: Sequence[AssistantTool]) -> bool:
    return any(
        isinstance(tool, AssistantToolsMcp) or (isinstance(tool, AssistantToolsFunction) and tool.function.name == name)
        for tool in tools
    )
