"""Reads what tools gave back, and says it. JSON becomes "temperature: 22, unit: celsius"; text is quoted."""

from collections.abc import Sequence
from typing import Any

import msgspec

from understudy.llm import tokens
from understudy.llm.rehearsal.conversation import Output

_LONGEST = 700
_MEMBERS = 8
_ITEMS = 5
_DEPTH = 3


def members(text: str) -> dict[str, Any]:
    """The members of a JSON object, none where the text is something else."""
    value = _parsed(text)
    return value if isinstance(value, dict) else {}


def known(outputs: Sequence[Output]) -> dict[str, Any]:
    """What the outputs say by name, the latest winning; of a list, what its first item says."""
    found: dict[str, Any] = {}
    for output in outputs:
        _gather(_parsed(output.text), found, _DEPTH)
    return found


def embedded(text: str) -> dict[str, Any]:
    """What a JSON object inside the text says by name."""
    found: dict[str, Any] = {}
    _gather(_parsed(text[text.find("{") : text.rfind("}") + 1]), found, _DEPTH)
    return found


def _gather(value: Any, found: dict[str, Any], depth: int) -> None:
    if isinstance(value, list) and value:
        _gather(value[0], found, depth)
    if isinstance(value, dict) and depth:
        for name, member in value.items():
            _gather(member, found, depth - 1)
            found[name] = member


def report(outputs: Sequence[Output]) -> str:
    """One sentence for one output, a list for several."""
    if len(outputs) == 1:
        return f"`{outputs[0].call.name}` {_told(outputs[0])}"
    lines = [f"- `{output.call.name}`{_asked(output)}: {_content(output.text)}" for output in outputs]
    return "The tools returned:\n\n" + "\n".join(lines)


def _told(output: Output) -> str:
    text = output.text.strip()
    if not text:
        return "returned nothing."
    if fault := members(text).get("error"):
        return f"failed: {describe(fault)}."
    content = _content(text)
    if "\n" in content:
        return f"returned:\n\n{content}"
    return f"returned {content}{'' if content[-1] in '.!?' else '.'}"


def _content(text: str) -> str:
    value = _parsed(text)
    said = text.strip() if value is None else describe(value)
    return tokens.shorten(said, _LONGEST) or "nothing"


def _asked(output: Output) -> str:
    """The arguments, to tell several calls of one function apart."""
    said = describe(members(output.call.arguments)) if members(output.call.arguments) else ""
    return f" ({tokens.shorten(said, 60)})" if said else ""


def describe(value: Any, depth: int = _DEPTH) -> str:
    match value:
        case dict():
            parts = [f"{name}: {describe(part, depth - 1)}" for name, part in list(value.items())[:_MEMBERS] if depth]
            return _listed(parts, len(value) - len(parts), nested=depth < _DEPTH)
        case list():
            parts = [describe(part, depth - 1) for part in value[:_ITEMS] if depth]
            return _listed(parts, len(value) - len(parts), nested=depth < _DEPTH - 1)
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)


def _listed(parts: list[str], left_out: int, *, nested: bool) -> str:
    said = ", ".join(parts) + (f"{' and ' if parts else ''}{left_out} more" if left_out else "")
    return f"({said})" if nested else said or "nothing"


def _parsed(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
