"""Items are encoded with their ids first, one by one as within what holds them."""

import msgspec
import pytest

from understudy.wire.response_items import (
    CompactionItem,
    FunctionCallItem,
    McpListTools,
    OutputItem,
    OutputMessage,
    OutputText,
    ReasoningItem,
    encode_item,
    encode_items,
)

_NESTED = {"type": "function", "id": "fc_1", "name": "f"}
_ITEMS: list[OutputItem] = [
    OutputMessage(id="msg_1", status="completed", content=[OutputText(text='","id":"x",')]),
    OutputMessage(id="msg_1", status="in_progress", content=[], phase="commentary"),
    FunctionCallItem(
        id="fc_1", status="completed", arguments='{"type":"a","id":"b","c":1}', call_id="call_1", name="f"
    ),
    ReasoningItem(id="rs_1"),
    CompactionItem(id="", encrypted_content="x"),
    CompactionItem(id='of "them"', encrypted_content="x"),
    CompactionItem(id="behind\\", encrypted_content="x"),
    McpListTools(id="mcpl_1", server_label="s", tools=[_NESTED, {"type": "object", "title": "t", "id": "x", "y": 1}]),
]


@pytest.mark.parametrize("item", _ITEMS, ids=lambda item: type(item).__name__)
def test_an_item_is_encoded_as_within_a_list(item: OutputItem) -> None:
    encoded = encode_item(item)

    assert b"[" + encoded + b"]" == encode_items([item])  # type: ignore[arg-type]  # a list as well
    assert msgspec.json.decode(encoded) == msgspec.to_builtins(item)


def test_the_id_of_an_item_comes_first() -> None:
    assert encode_item(_ITEMS[1]).startswith(b'{"id":"msg_1","type":"message","status":"in_progress",')
