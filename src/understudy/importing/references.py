"""The files and vector stores that objects of the API name."""

from collections.abc import Iterator
from typing import Any, Literal

_Kind = Literal["file", "vector_store"]


def find_references(value: Any) -> Iterator[tuple[_Kind, str]]:
    """The references of an object, with all that it contains."""
    if isinstance(value, list):
        for member in value:
            yield from find_references(member)
    elif isinstance(value, dict):
        if value.get("object") == "vector_store.file" and isinstance(value.get("id"), str):
            yield "file", value["id"]
        for name, member in value.items():
            if name == "file_id" and isinstance(member, str):
                yield "file", member
            elif name in {"file_ids", "vector_store_ids"} and isinstance(member, list):
                kind: _Kind = "file" if name == "file_ids" else "vector_store"
                yield from ((kind, one) for one in member if isinstance(one, str))
            else:
                yield from find_references(member)
