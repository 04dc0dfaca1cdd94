"""The functions that stand for the server's own tools: which they are, and what their calls say. Runs none of them.

They are known by their names and parameters, as a model that was trained with them knows them.
"""

import msgspec

from understudy.llm.rehearsal.conversation import Call, Function, Output
from understudy.llm.rehearsal.words import listed

_SEARCH_FUNCTIONS = listed("file_search built_in_file_search")
_CODE_FUNCTIONS = listed("code_interpreter built_in_code_interpreter")


def searches(function: Function) -> bool:
    """Whether it searches the user's files."""
    return function.name in _SEARCH_FUNCTIONS and _has_parameter(function, "queries")


def runs_code(function: Function) -> bool:
    return function.name in _CODE_FUNCTIONS and _has_parameter(function, "code")


def _has_parameter(function: Function, name: str) -> bool:
    properties = (function.parameters or {}).get("properties")
    return isinstance(properties, dict) and name in properties


def is_search(output: Output) -> bool:
    return output.call.name in _SEARCH_FUNCTIONS


def is_run(output: Output) -> bool:
    return output.call.name in _CODE_FUNCTIONS


def search(function: Function, queries: list[str]) -> Call:
    return Call(function.name, msgspec.json.encode({"queries": queries}).decode())


def run(function: Function, code: str) -> Call:
    return Call(function.name, msgspec.json.encode({"code": code}).decode())


def code_of(call: Call) -> str:
    """The code of a call, empty where it has none."""
    try:
        arguments = msgspec.json.decode(call.arguments)
    except (msgspec.DecodeError, RecursionError):
        return ""
    code = arguments.get("code") if isinstance(arguments, dict) else None
    return code if isinstance(code, str) else ""
