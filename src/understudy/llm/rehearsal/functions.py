"""Selects the functions to call for a message, and fills their arguments.

A function is called where its name, description and parameters share enough words with a part of the message; "Paris
and Rome" are two calls. A call that was made is not made again for the same message.
"""

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from understudy.llm import tokens
from understudy.llm.rehearsal import outputs, programs
from understudy.llm.rehearsal.arguments import MessageValues
from understudy.llm.rehearsal.conversation import Call, Conversation
from understudy.llm.rehearsal.mentions import find_list, find_mentions
from understudy.llm.rehearsal.request import Function, Request, ToolChoice, invalid_request
from understudy.llm.rehearsal.schemas import SchemaError
from understudy.llm.rehearsal.values import build_value
from understudy.llm.rehearsal.vocabulary import extract_stems, split_identifier, stem_word
from understudy.wire.error_texts import tool_choice_not_found

# The functions that stand for tools of the server.
FILE_SEARCH: Final = frozenset({"file_search", "built_in_file_search"})
CODE_INTERPRETER: Final = frozenset({"code_interpreter", "built_in_code_interpreter"})

_THRESHOLD: Final = 2.0
_LITERAL, _NAME, _PROGRAM, _GENERIC, _PARAMETER, _DESCRIPTION = 10.0, 3.0, 3.0, 1.25, 1.0, 0.75
_GENERIC_WORDS = frozenset({"get", "set", "fetch", "find", "list", "create", "make", "run", "add", "update", "send"})
_CODE_PARAMETERS = frozenset({"code", "script", "program", "expression"})
_MAX_QUERY: Final = 300


class _PlannedCall(NamedTuple):
    """The `excluded` values belong to other calls of the same message."""

    function: Function
    excluded: tuple[str, ...] = ()


def resolve_choice(request: Request) -> tuple[str, tuple[Function, ...]]:
    """The mode (none, auto, required) and the functions that may be called.

    Raises UpstreamError(invalid_request) where `tool_choice` names a function that is not offered.
    """
    offered, choice = request.offered, request.tool_choice
    if not isinstance(choice, ToolChoice):
        if choice == "required" and not offered:
            raise invalid_request("'tool_choice' is only allowed when 'tools' are specified.", "tool_choice")
        return choice or "auto", offered
    mode = choice.allowed_tools.mode if choice.allowed_tools else "required"
    by_name = {function.name: function for function in offered}
    names = _list_chosen_names(choice)
    if unknown := next((name for name in names if name not in by_name), None):
        raise invalid_request(tool_choice_not_found(unknown), "tool_choice")
    return mode, tuple(by_name[name] for name in names)


def _list_chosen_names(choice: ToolChoice) -> list[str]:
    if choice.allowed_tools:
        return [tool.function.name for tool in choice.allowed_tools.tools if tool.function]
    named = choice.function or choice.custom
    return [named.name if named else choice.type]


def select_calls(request: Request, conversation: Conversation, *, needs_search: bool) -> tuple[Call, ...]:
    """The calls to make now; empty where a text is due. `needs_search`: only the user's files could answer."""
    mode, functions = resolve_choice(request)
    calls_made = conversation.calls_made
    is_forced = isinstance(request.tool_choice, ToolChoice) and request.tool_choice.function is not None
    if mode == "none" or not functions or (is_forced and calls_made):
        return ()
    planned = _plan_calls(conversation.text, functions, mode, needs_search=needs_search)
    made = sum(call.name == planned[0].function.name for call in calls_made) if planned else 0
    is_single = request.parallel_tool_calls is False or is_forced
    calls: list[Call] = []
    for plan in planned[made : made + 1] if is_single else planned[made:]:
        calls.append(_build_call(plan, conversation, [*calls_made, *calls]))
    return tuple(dict.fromkeys(calls))


def _plan_calls(text: str, functions: Sequence[Function], mode: str, *, needs_search: bool) -> list[_PlannedCall]:
    """Calls of the function that fits the text best: one for each of the names that the text enumerates."""
    best = max(functions, key=lambda function: _score(function, text))
    if _score(best, text) >= _THRESHOLD:
        names = _enumerate_names(best, text)
        return [_PlannedCall(best, tuple(other for other in names if other != name)) for name in names or [""]]
    search = next((function for function in functions if function.name in FILE_SEARCH), None)
    if search and needs_search:
        return [_PlannedCall(search)]
    return [_PlannedCall(best)] if mode == "required" else []


def _enumerate_names(function: Function, text: str) -> list[str]:
    """The names that take a call each; none where one call takes a list, or a program."""
    types = [part.get("type") for part in _properties(function).values() if isinstance(part, dict)]
    if "array" in types or function.name in CODE_INTERPRETER or not types:
        return []
    names = tuple(mention for mention in find_mentions(text) if mention.kind == "name")
    return [mention.value for mention in find_list(text, names)]


def _properties(function: Function) -> dict[str, Any]:
    properties = (function.parameters or {}).get("properties")
    return properties if isinstance(properties, dict) else {}


def _score(function: Function, text: str) -> float:
    """How much the function has to do with the text."""
    literal = _LITERAL if re.search(rf"(?<!\w){re.escape(function.name)}(?!\w)", text) else 0.0
    parts = {part for name in _properties(function) for part in split_identifier(name)}
    computes = function.name in CODE_INTERPRETER or parts & _CODE_PARAMETERS
    program = _PROGRAM if computes and programs.find_program(text) else 0.0
    if function.name in FILE_SEARCH or function.name in CODE_INTERPRETER:
        return literal + program
    weights = dict.fromkeys(extract_stems(function.description or ""), _DESCRIPTION)
    weights |= dict.fromkeys(map(stem_word, parts), _PARAMETER)
    for word in split_identifier(function.name):
        weights[stem_word(word)] = _GENERIC if word in _GENERIC_WORDS else _NAME
    return literal + program + sum(weights.get(stem, 0.0) for stem in extract_stems(text))


def _build_call(plan: _PlannedCall, conversation: Conversation, earlier: Sequence[Call]) -> Call:
    """A call whose arguments satisfy the function's parameters, and repeat no value of an earlier call of it."""
    function, text = plan.function, conversation.text
    if function.name in FILE_SEARCH and "queries" in _properties(function):
        return _encode_call(function, {"queries": [tokens.shorten(text, _MAX_QUERY)]})
    if function.name in CODE_INTERPRETER:
        program = programs.find_program(conversation.whole_text)
        return _encode_call(function, {"code": program or f"print({text[:200]!r})"})
    prose = outputs.render_outputs(conversation.outputs) if conversation.outputs else ""
    source = MessageValues(text, prose)
    used = (v for call in earlier if call.name == function.name for v in outputs.parse_object(call.arguments).values())
    for value in (*plan.excluded, *used):
        source.mark_used(value)
    try:
        return _encode_call(function, build_value({"type": "object", **(function.parameters or {})}, source))
    except SchemaError as fault:
        message = f"Invalid schema for function {function.name!r}: {fault}."
        raise invalid_request(message, "tools", "invalid_function_parameters") from None


def _encode_call(function: Function, arguments: Any) -> Call:
    return Call(function.name, msgspec.json.encode(arguments).decode())
