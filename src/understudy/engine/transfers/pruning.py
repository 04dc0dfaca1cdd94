"""Separates the members of a foreign object that this server knows from those that it does not.

Other servers have objects with more members, with other values, and with null where this one has a default. What does
not fit is set aside under its path, so that the rest can be imported and nothing is lost.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, inspect

T = TypeVar("T", bound=Struct)

_MAX_REPAIRS = 10


class UnsupportedValue(Exception):
    """No type of a union takes the value."""


def convert(
    body: dict[str, Any], kind: type[T], required: frozenset[str], defaults: Mapping[str, Any]
) -> tuple[T, dict[str, Any]]:
    """The object, and its unknown members by path.

    A member whose value has no place in this server's object is set aside as well, unless it is `required`; one of
    `defaults` takes its place. Raises msgspec.ValidationError.
    """
    try:
        converted = msgspec.convert(body, kind)
    except msgspec.ValidationError:
        pass
    else:
        if msgspec.to_builtins(converted) == body:
            return converted, {}
    unknown: dict[str, Any] = {}
    pruned = _prune(body, _type_of(kind), "", unknown)
    for _ in range(_MAX_REPAIRS):
        try:
            return msgspec.convert(pruned, kind), unknown
        except msgspec.ValidationError as error:
            member = _failed_member(str(error))
            if member not in pruned or member in required:
                raise
            unknown[member] = pruned.pop(member)
            if member in defaults:
                pruned[member] = defaults[member]
    raise msgspec.ValidationError("Too many members have values that are not supported.")


@cache
def _type_of(kind: type[Struct]) -> inspect.Type:
    return inspect.type_info(kind)


def _failed_member(text: str) -> str:
    """The first member of the path in the text of a ValidationError: `… - at `$.content[0].text``."""
    path = text.rpartition("$.")[2]
    return path.split(".")[0].split("[")[0].rstrip("`")


def _prune(value: Any, kind: inspect.Type, path: str, unknown: dict[str, Any]) -> Any:
    match kind:
        case inspect.StructType() if isinstance(value, dict):
            return _prune_members(value, kind, path, unknown)
        case inspect.UnionType():
            return _prune_union(value, kind, path, unknown)
        case inspect.ListType() if isinstance(value, list):
            return _prune_items(value, kind, path, unknown)
        case inspect.Metadata():
            return _prune(value, kind.type, path, unknown)
        case inspect.DictType() if isinstance(value, dict) and isinstance(kind.value_type, inspect.StrType):
            return {name: _to_text(member) for name, member in value.items() if member is not None}
    return value


def _prune_members(
    value: dict[str, Any], kind: inspect.StructType, path: str, unknown: dict[str, Any]
) -> dict[str, Any]:
    fields = {field.encode_name: field for field in kind.fields}
    pruned = {}
    for name, member in value.items():
        if name == kind.tag_field:
            pruned[name] = member
        elif name not in fields:
            if member is not None:
                unknown[_join(path, name)] = member
        elif member is not None or _takes_null(fields[name].type):
            try:
                pruned[name] = _prune(member, fields[name].type, _join(path, name), unknown)
            except UnsupportedValue:
                if path:
                    raise
                unknown[name] = member
    return pruned


def _prune_items(value: list[Any], kind: inspect.ListType, path: str, unknown: dict[str, Any]) -> list[Any]:
    pruned = []
    for place, item in enumerate(value):
        try:
            pruned.append(_prune(item, kind.item_type, f"{path}[{place}]", unknown))
        except UnsupportedValue:
            unknown[f"{path}[{place}]"] = item
    return pruned


def _prune_union(value: Any, kind: inspect.UnionType, path: str, unknown: dict[str, Any]) -> Any:
    if isinstance(value, list):
        lists = [one for one in kind.types if isinstance(one, inspect.ListType)]
        return _prune_items(value, lists[0], path, unknown) if lists else value
    structs = [one for one in kind.types if isinstance(one, inspect.StructType)]
    if not isinstance(value, dict) or not structs:
        return value
    for one in structs:
        if one.tag_field is None or value.get(one.tag_field) == one.tag:
            if _lacks_members(value, one):
                break
            return _prune_members(value, one, path, unknown)
    raise UnsupportedValue(path)


def _lacks_members(value: dict[str, Any], kind: inspect.StructType) -> bool:
    """Other servers have kinds of parts under the names of ours, with members of their own."""
    return any(field.required and field.encode_name not in value for field in kind.fields)


def _takes_null(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.Metadata):
        return _takes_null(kind.type)
    types = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    return any(isinstance(one, inspect.NoneType | inspect.AnyType) for one in types)


def _to_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
