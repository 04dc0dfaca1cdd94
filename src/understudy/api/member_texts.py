"""What members of objects mean, by their names, for the OpenAPI document and the reference.

A name means the same in all objects. A member whose type has a description of its own keeps that one. Knows no
operation. The texts are in `member_texts.txt`.
"""

from pathlib import Path
from typing import Any, Final

MEMBER_TEXTS: Final = dict(
    line.split(": ", 1) for line in Path(__file__).with_suffix(".txt").read_text("utf-8").splitlines()
)


def describe_members(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with a description of each member that has none, where its name is known.

    A plain reference is left alone: generators of clients make a type of its own of one with a description.
    """
    if "properties" not in schema:
        return schema
    return schema | {
        "properties": {name: _add_description(name, value) for name, value in schema["properties"].items()}
    }


def _add_description(name: str, value: dict[str, Any]) -> dict[str, Any]:
    if "description" in value or "$ref" in value or name not in MEMBER_TEXTS:
        return value
    return {"description": MEMBER_TEXTS[name], **value}
