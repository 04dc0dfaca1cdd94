"""Reads what tools gave back, and says it. JSON becomes "temperature: 22, unit: celsius"; text is quoted."""

from collections.abc import Sequence
from typing import Any

import msgspec

from understudy.llm import tokens
from understudy.llm.rehearsal.conversation import Output

_MAX_LENGTH = 700
_MAX_MEMBERS = 8
_MAX_ITEMS = 5
_MAX_DEPTH = 3


def members(text: str) -> dict[str, Any]:
    """The members of a JSON object, none where the text is something else."""
    value = _parse_json(text)
    return value if isinstance(value, dict) else {}


def collect_values(outputs: Sequence[Output]) -> dict[str, Any]:
    """What the outputs say by name, the latest winning; of a list, what its first item says."""
    found: dict[str, Any] = {}
    for output in outputs:
        _collect(_parse_json(output.text), found, _MAX_DEPTH)
    return found


def parse_embedded_json(text: str) -> dict[str, Any]:
    """What a JSON object inside the text says by name."""
    found: dict[str, Any] = {}
    _collect(_parse_json(text[text.find("{") : text.rfind("}") + 1]), found, _MAX_DEPTH)
    return found


def _collect(value: Any, found: dict[str, Any], depth: int) -> None:
    if isinstance(value, list) and value:
        _collect(value[0], found, depth)
    if isinstance(value, dict) and depth:
        for name, member in value.items():
            _collect(member, found, depth - 1)
            found[name] = member


def report(outputs: Sequence[Output]) -> str:
    """One sentence for one output, a list for several."""
    if len(outputs) == 1:
        return f"`{outputs[0].call.name}` {_render_output(outputs[0])}"
    lines = [f"- `{output.call.name}`{_render_arguments(output)}: {_render_content(output.text)}" for output in outputs]
    return "The tools returned:\n\n" + "\n".join(lines)


def _render_output(output: Output) -> str:
    text = output.text.strip()
    if not text:
        return "returned nothing."
    if fault := members(text).get("error"):
        return f"failed: {describe(fault)}."
    content = _render_content(text)
    if "\n" in content:
        return f"returned:\n\n{content}"
    return f"returned {content}{'' if content[-1] in '.!?' else '.'}"


def _render_content(text: str) -> str:
    value = _parse_json(text)
    said = text.strip() if value is None else describe(value)
    return tokens.shorten(said, _MAX_LENGTH) or "nothing"


def _render_arguments(output: Output) -> str:
    """The arguments, to tell several calls of one function apart."""
    said = describe(members(output.call.arguments)) if members(output.call.arguments) else ""
    return f" ({tokens.shorten(said, 60)})" if said else ""


def describe(value: Any, depth: int = _MAX_DEPTH) -> str:
    match value:
        case dict():
            parts = [
                f"{name}: {describe(part, depth - 1)}" for name, part in list(value.items())[:_MAX_MEMBERS] if depth
            ]
            return _join_parts(parts, len(value) - len(parts), nested=depth < _MAX_DEPTH)
        case list():
            parts = [describe(part, depth - 1) for part in value[:_MAX_ITEMS] if depth]
            return _join_parts(parts, len(value) - len(parts), nested=depth < _MAX_DEPTH - 1)
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)


def _join_parts(parts: list[str], left_out: int, *, nested: bool) -> str:
    said = ", ".join(parts) + (f"{' and ' if parts else ''}{left_out} more" if left_out else "")
    return f"({said})" if nested else said or "nothing"


def _parse_json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
