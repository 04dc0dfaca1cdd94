"""Stored prompts in requests for responses: the version, its variables, and the members that it adds. Knows no HTTP."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from understudy.engine.admission.responses import ResponseAdmission
from understudy.engine.response_request import ResolvedPrompt
from understudy.errors import InvalidRequest, NotFound
from understudy.store.prompts import Prompts
from understudy.wire import error_texts
from understudy.wire.error_texts import Problem
from understudy.wire.parsing import InvalidBody, InvalidInput, check_id
from understudy.wire.prompts import VARIABLE, PromptContent, PromptVersionObject, check_values
from understudy.wire.responses import CreateResponseRequest, PromptReference

_MAX_CHARACTERS: Final = 10_485_760
"""The limit of all texts with their variables, as for the input of a request."""
_MAX_PARTS: Final = 500
_MAX_PART_BYTES: Final = 50 * 1024 * 1024
"""The limit of the images and files of all variables. A text can name the same variable a thousand times."""

_VARIABLES: Final = "prompt.variables"
_OWN_MEMBERS: Final = frozenset({"instructions", "messages"})
_decode_version = msgspec.json.Decoder(PromptVersionObject).decode

Variables = Mapping[str, str | dict[str, Any]]


async def resolve_prompt(
    prompts: Prompts, admission: ResponseAdmission, project_id: str, params: CreateResponseRequest
) -> ResolvedPrompt | None:
    """Adds the members of the request's prompt to those that `params` has not; None for a request without one.

    Raises NotFound for an unknown prompt or version, InvalidRequest for missing or unknown variables, and InvalidBody
    if neither names a model.
    """
    reference = params.prompt
    if reference is None:
        return None
    check_id("prompt.id", reference.id, "pmpt")
    version = _decode_version(await prompts.get_version(project_id, reference.id, reference.version))
    content = msgspec.convert(version.content, PromptContent)
    variables = reference.variables or {}
    check_variables(version.variables, variables)
    _fill_members(params, content)
    if params.model is None:
        raise InvalidBody(error_texts.missing("model"))
    instructions = await asyncio.to_thread(build_messages, content, variables)
    if params.instructions:
        instructions.insert(0, _message("developer", [{"type": "input_text", "text": params.instructions}]))
    with _blaming_variables():
        messages = await admission.admit_messages(project_id, [_typed(message) for message in instructions])
    applied = PromptReference(id=reference.id, variables=dict(variables), version=version.version)
    return ResolvedPrompt(applied, messages, instructions)


@contextmanager
def _blaming_variables() -> Iterator[None]:
    """Around the admission of a prompt's messages: reports errors for the variables, which alone are the client's."""
    try:
        yield
    except InvalidInput as refused:
        problem = refused.problem
        message = problem.message.replace(f"'{problem.param}'", f"'{_VARIABLES}'")
        raise InvalidBody(Problem(message, _VARIABLES, problem.code)) from None
    except (InvalidRequest, NotFound) as refused:
        refused.message = refused.message.replace(f"'{refused.param}'", f"'{_VARIABLES}'")
        refused.param = _VARIABLES
        raise


def check_variables(expected: Sequence[str], values: Variables, param: str = _VARIABLES) -> None:
    """Raises InvalidRequest for missing or unknown names, and InvalidBody for values of a wrong type."""
    if missing := [name for name in expected if name not in values]:
        raise InvalidRequest(f"Missing prompt variables: {', '.join(missing)}", param=param, code="missing_variables")
    if unknown := [name[:64] for name in values if name not in expected]:
        raise InvalidRequest(f"Unknown prompt variables: {', '.join(unknown)}", param=param, code="unknown_variables")
    check_values(values)


def _fill_members(params: CreateResponseRequest, content: PromptContent) -> None:
    for name in PromptContent.__struct_fields__:
        if name not in _OWN_MEMBERS and getattr(params, name) is None:
            setattr(params, name, getattr(content, name))


class _MessageBudget:
    """What may still be added to the messages of a prompt. The methods raise InvalidBody if it is too much."""

    def __init__(self) -> None:
        self._characters = self._parts = self._part_bytes = 0

    def take_text(self, text: str) -> None:
        self._characters += len(text)
        if self._characters > _MAX_CHARACTERS:
            raise InvalidBody(error_texts.too_long("prompt", "string", _MAX_CHARACTERS, self._characters))

    def take_part(self, size: int) -> None:
        """`size` is in bytes of JSON."""
        self._parts += 1
        self._part_bytes += size
        if self._parts > _MAX_PARTS:
            raise InvalidBody(error_texts.too_long("prompt.variables", "array", _MAX_PARTS, self._parts))
        if self._part_bytes > _MAX_PART_BYTES:
            raise InvalidBody(error_texts.too_long("prompt.variables", "string", _MAX_PART_BYTES, self._part_bytes))


def build_messages(content: PromptContent, variables: Variables) -> list[dict[str, Any]]:
    """The messages with the variables' values. Raises InvalidBody if they are too long."""
    budget = _MessageBudget()
    sizes = {name: len(msgspec.json.encode(value)) for name, value in variables.items() if isinstance(value, dict)}
    texts = [("developer", content.instructions)] if content.instructions else []
    texts += [(message.role, message.content) for message in content.messages or ()]
    return [_message(role, _expand(text, variables, sizes, budget)) for role, text in texts]


def _expand(text: str, variables: Variables, sizes: Mapping[str, int], budget: _MessageBudget) -> list[dict[str, Any]]:
    """The content parts of a text. `sizes` are those of the variables other than texts. Raises InvalidBody."""
    parts: list[dict[str, Any]] = []
    pieces: list[str] = []
    # A split by a pattern with one group has the names of the variables at the odd places.
    for number, piece in enumerate(VARIABLE.split(text)):
        value = variables[piece] if number % 2 else piece
        if isinstance(value, dict) and value.get("type") == "input_text":
            value = str(value.get("text", ""))
        if isinstance(value, str):
            budget.take_text(value)
            pieces.append(value)
            continue
        budget.take_part(sizes[piece])
        if pieces:
            parts.append({"type": "input_text", "text": "".join(pieces)})
        parts.append(value)
        pieces = []
    if pieces and ("".join(pieces) or not parts):
        parts.append({"type": "input_text", "text": "".join(pieces)})
    return parts


def _typed(message: dict[str, Any]) -> dict[str, Any]:
    """The message as an input has it, where the texts of an assistant are output."""
    if message["role"] != "assistant":
        return message
    parts = [{**part, "type": "output_text"} if part["type"] == "input_text" else part for part in message["content"]]
    return {**message, "content": parts}


def _message(role: str, content: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "message", "content": content, "role": role}
