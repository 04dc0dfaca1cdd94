"""Conditions on the attributes of files: comparisons, and their combinations. Source: the operation searchVectorStore.

`store/filters.py` defines the meaning of a condition: it translates it to SQL.
"""

from typing import Annotated

from msgspec import Meta, Struct

from understudy.wire.error_texts import Problem
from understudy.wire.parsing import InvalidBody

Key = Annotated[str, Meta(max_length=64)]
# An integer stays an integer in responses.
Scalar = str | int | float | bool
Ordered = str | int | float
OneOf = Annotated[list[Scalar], Meta(max_length=256)]

MAX_DEPTH = 8
MAX_CONDITIONS = 256


class EqualFilter(Struct, forbid_unknown_fields=True, tag_field="type", tag="eq"):
    key: Key
    value: Scalar


class NotEqualFilter(Struct, forbid_unknown_fields=True, tag_field="type", tag="ne"):
    key: Key
    value: Scalar


class GreaterFilter(Struct, forbid_unknown_fields=True, tag_field="type", tag="gt"):
    key: Key
    value: Ordered


class GreaterOrEqualFilter(Struct, forbid_unknown_fields=True, tag_field="type", tag="gte"):
    key: Key
    value: Ordered


class LessFilter(Struct, forbid_unknown_fields=True, tag_field="type", tag="lt"):
    key: Key
    value: Ordered


class LessOrEqualFilter(Struct, forbid_unknown_fields=True, tag_field="type", tag="lte"):
    key: Key
    value: Ordered


class InFilter(Struct, forbid_unknown_fields=True, tag_field="type", tag="in"):
    key: Key
    value: OneOf


class NotInFilter(Struct, forbid_unknown_fields=True, tag_field="type", tag="nin"):
    key: Key
    value: OneOf


class AndFilter(Struct, forbid_unknown_fields=True, tag_field="type", tag="and"):
    filters: Annotated[list["Filter"], Meta(max_length=MAX_CONDITIONS)]


class OrFilter(Struct, forbid_unknown_fields=True, tag_field="type", tag="or"):
    filters: Annotated[list["Filter"], Meta(max_length=MAX_CONDITIONS)]


OrderFilter = GreaterFilter | GreaterOrEqualFilter | LessFilter | LessOrEqualFilter
CompoundFilter = AndFilter | OrFilter
Filter = EqualFilter | NotEqualFilter | OrderFilter | InFilter | NotInFilter | CompoundFilter


def check_filter(condition: Filter, path: str = "filters") -> None:
    """Raises InvalidBody for a condition that is nested deeper, or made of more parts, than one may be."""
    level: list[Filter] = [condition]
    parts = 0
    for _ in range(MAX_DEPTH):
        parts += len(level)
        level = [part for outer in level if isinstance(outer, CompoundFilter) for part in outer.filters]
        if not level:
            break
    if level:
        raise InvalidBody(_problem(path, f"nested too deeply. Expected at most {MAX_DEPTH} levels of filters."))
    if parts > MAX_CONDITIONS:
        raise InvalidBody(
            _problem(path, f"too many filters. Expected at most {MAX_CONDITIONS}, but got {parts} instead.")
        )


def _problem(path: str, reason: str) -> Problem:
    return Problem(f"Invalid '{path}': {reason}", path, "invalid_value")
