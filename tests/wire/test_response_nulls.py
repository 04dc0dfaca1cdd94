"""Null means absent: what a request for a response may leave out, it may send as null, however deep it stands."""

from typing import get_args

import pytest
from msgspec import Struct, inspect

from understudy.wire.conversations import CreateConversationRequest
from understudy.wire.input_items import InputItem, UnsupportedItem
from understudy.wire.responses import CompactRequest, CountTokensRequest, CreateResponseRequest

ROOTS = (
    *(CreateResponseRequest, CountTokensRequest, CompactRequest, CreateConversationRequest),
    *(kind for kind in get_args(InputItem) if kind is not UnsupportedItem),
)


def structs(kind, found):
    """All Structs that a value of the type can hold."""
    match kind:
        case inspect.StructType():
            if kind.cls not in found:
                found[kind.cls] = kind
                for field in kind.fields:
                    structs(field.type, found)
        case inspect.UnionType():
            for one in kind.types:
                structs(one, found)
        case inspect.ListType():
            structs(kind.item_type, found)
        case inspect.DictType():
            structs(kind.value_type, found)
        case inspect.Metadata():
            structs(kind.type, found)
    return found


def takes_null(kind):
    match kind:
        case inspect.UnionType():
            return any(takes_null(one) for one in kind.types)
        case inspect.Metadata():
            return takes_null(kind.type)
        case _:
            return isinstance(kind, inspect.NoneType | inspect.AnyType)


@pytest.mark.parametrize("root", ROOTS, ids=lambda kind: kind.__name__)
def test_every_optional_member_accepts_null(root: type[Struct]):
    found = structs(inspect.type_info(root), {})
    refusing = [
        f"{cls.__name__}.{field.encode_name}"
        for cls, kind in found.items()
        for field in kind.fields
        if not field.required and not takes_null(field.type)
    ]
    assert refusing == []
