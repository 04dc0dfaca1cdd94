"""Stored prompts in realtime sessions: instructions and tools take the place of a reference. Knows no connection.

The provider does not know the prompts of this server. Ids that this server does not have are those of the provider.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from understudy.engine.prompts import build_messages, check_variables
from understudy.errors import InvalidRequest, NotFound
from understudy.store.prompts import Prompts
from understudy.wire.prompts import PromptContent, PromptVersionObject
from understudy.wire.responses import PromptReference

_OWN_ID: Final = re.compile(r"pmpt_[0-9a-f]{1,64}")
_HOLDERS: Final = ("session", "response")
_INSTRUCTING: Final = frozenset({"developer", "system"})
_FUNCTION_MEMBERS: Final = ("type", "name", "description", "parameters")
_decode_version = msgspec.json.Decoder(PromptVersionObject).decode


async def apply_prompts(prompts: Prompts, project_id: str, event: Mapping[str, Any], prefix: str = "") -> bool:
    """Replaces the stored prompt in the session or the response of an event; whether there was one.

    As in a request for a response, own instructions come before those of the prompt, and own tools replace them.
    `prefix` is what the names of members in errors begin with, where it is not the event's member.

    Raises NotFound for an unknown version, and InvalidRequest and InvalidBody for what cannot be used.
    """
    is_changed = False
    for member in _HOLDERS:
        holder = event.get(member)
        prompt = holder.get("prompt") if isinstance(holder, dict) else None
        if isinstance(holder, dict) and isinstance(prompt, dict) and isinstance(prompt.get("id"), str):
            place = prefix or f"{member}.prompt"
            is_changed |= await _apply_prompt(prompts, project_id, holder, place)
    return is_changed


async def _apply_prompt(prompts: Prompts, project_id: str, holder: dict[str, Any], place: str) -> bool:
    prompt_id = holder["prompt"]["id"]
    if not _OWN_ID.fullmatch(prompt_id):
        return False
    try:
        await prompts.get(project_id, prompt_id)
    except NotFound:
        return False
    try:
        reference = msgspec.convert(holder["prompt"], PromptReference)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"Invalid '{place}': {error}.", param=place, code="invalid_value") from None
    version = _decode_version(await prompts.get_version(project_id, reference.id, reference.version))
    variables = reference.variables or {}
    check_variables(version.variables, variables, f"{place}.variables")
    content = msgspec.convert(version.content, PromptContent)
    instructions = await asyncio.to_thread(_build_instructions, content, variables, place)
    tools = [_render_tool(tool, place) for tool in version.content.get("tools") or ()]
    del holder["prompt"]
    own = holder.get("instructions")
    if texts := [text for text in (own, instructions) if isinstance(text, str) and text]:
        holder["instructions"] = "\n\n".join(texts)
    if tools:
        holder.setdefault("tools", tools)
    if choice := version.content.get("tool_choice"):
        holder.setdefault("tool_choice", choice)
    return True


def _build_instructions(content: PromptContent, variables: Mapping[str, str | dict[str, Any]], place: str) -> str:
    """Raises InvalidRequest for what is more than text that instructs, and InvalidBody if it is too long."""
    texts: list[str] = []
    for message in build_messages(content, variables):
        if message["role"] not in _INSTRUCTING:
            raise InvalidRequest(
                f"The prompt has a message of the role {message['role']!r}, which instructions of a realtime session"
                " cannot have. Send it with 'conversation.item.create', and use a prompt without it.",
                param=place,
                code="unsupported_prompt",
            )
        for part in message["content"]:
            if part["type"] != "input_text":
                raise InvalidRequest(
                    f"A variable of a prompt in a realtime session is a text, not {str(part.get('type'))[:64]!r}.",
                    param=f"{place}.variables",
                    code="invalid_value",
                )
            texts.append(part["text"])
    return "\n\n".join(texts)


def _render_tool(tool: dict[str, Any], place: str) -> dict[str, Any]:
    """The tool as realtime sessions have it. Raises InvalidRequest for one that they do not."""
    match tool.get("type"):
        case "function":
            return {name: tool[name] for name in _FUNCTION_MEMBERS if tool.get(name) is not None}
        case "mcp":
            return {name: value for name, value in tool.items() if value is not None}
        case kind:
            raise InvalidRequest(
                f"The prompt has the tool {kind!r}, which realtime sessions do not have. Use a prompt with tools of"
                " the types 'function' and 'mcp' only.",
                param=place,
                code="unsupported_tool",
            )
