"""Markers of stored base64 in texts of any kind, of which clients write most."""

import asyncio
import json
from contextlib import contextmanager
from types import SimpleNamespace

import msgspec
import pytest

from understudy.api.responses import render_items
from understudy.engine.item_data import ItemData
from understudy.engine.run.loaded_contents import load_contents
from understudy.errors import BlobMissing
from understudy.llm.messages import DocumentReference, ImagePart, ImageUrl, UserMessage
from understudy.store.item_data import NO_DATA, new_marker
from understudy.store.messages import Item
from understudy.wire.input_items import InputMessage, InputText


class Rows:
    """Knows one marker, whose blob is `blob`; `asked` are the markers that it was asked for."""

    def __init__(self, marker):
        self.marker = marker
        self.asked = []

    async def find(self, markers):
        self.asked += markers
        return {self.marker: "blob"} if self.marker in markers else {}


def item_data(rows, monkeypatch):
    async def read(_, name):
        assert name == "blob"
        return "QUJD"

    monkeypatch.setattr("understudy.engine.item_data.read_base64", read)
    return ItemData(SimpleNamespace(item_data=rows), None, None, None)


async def test_only_the_end_of_a_string_is_a_marker(monkeypatch):
    rows = Rows(new_marker())
    marker, foreign = rows.marker, new_marker()
    data = item_data(rows, monkeypatch)
    # What a client writes has its quotes escaped.
    written = f'"text":"see {marker}, \\"{marker}\\" and {foreign}","own":"{foreign}"'
    stored = f'{{{written},"url":"data:image/png;base64,{marker}","data":"{marker}"}}'
    wanted = f'{{{written},"url":"data:image/png;base64,QUJD","data":"QUJD"}}'
    assert await data.fill(stored) == wanted
    assert sorted(rows.asked) == sorted([marker, foreign])
    assert await data.fill(f"data:image/png;base64,{marker}") == "data:image/png;base64,QUJD"
    assert await data.fill(marker) == "QUJD"


async def test_markers_are_found_wherever_they_are(monkeypatch):
    rows = Rows(new_marker())
    data = item_data(rows, monkeypatch)
    step = 256 * 1024
    for before in range(step - 50, step + 2):
        assert await data.fill(f'{" " * before}"{rows.marker}"') == f'{" " * before}"QUJD"'


@pytest.mark.parametrize(("include", "loaded"), [((), ["b"]), (("message.input_image.image_url",), ["a", "b"])])
async def test_only_data_that_a_list_shows_is_loaded(include, loaded):
    """What a client sends in a message is left out unless it is included, and what it sends as an output is not."""
    asked = []

    async def fill(items):
        asked.extend(items)
        return [msgspec.structs.replace(item, body=item.body.replace("marker", "QUJD")) for item in items]

    image = {"type": "input_image", "image_url": "marker", "detail": "auto"}
    message = {"id": "a", "type": "message", "role": "user", "status": "completed", "content": [image]}
    output = {"id": "b", "type": "function_call_output", "status": "completed", "call_id": "c", "output": [image]}
    items = [
        Item(1, "input", "user", None, json.dumps(message)),
        Item(2, "function_call_output", None, None, json.dumps(output)),
    ]
    parts = SimpleNamespace(item_images=SimpleNamespace(fill_items=fill))
    first, second = await render_items(parts, "proj_1", items, include)
    assert [json.loads(item.body)["id"] for item in asked] == loaded
    assert first["content"][0]["image_url"] == ("QUJD" if include else None)
    assert second["output"][0]["image_url"] == "QUJD"


async def test_data_that_is_gone_is_no_data(monkeypatch):
    rows = Rows(new_marker())
    data = item_data(rows, monkeypatch)
    url = f"data:image/png;base64,{rows.marker}"
    assert await data.load(url) == "data:image/png;base64,QUJD"
    for deleted in (new_marker(), f"data:image/png;base64,{new_marker()}"):
        assert await data.load(deleted) is None
    address = f"https://example.com/?{new_marker()}"
    assert await data.load(address) == address

    async def miss(_, name):
        raise BlobMissing(name)

    monkeypatch.setattr("understudy.engine.item_data.read_base64", miss)
    assert await data.load(url) is await data.load(rows.marker) is None


async def test_a_model_reads_that_deleted_data_is_not_available(monkeypatch):
    data = item_data(Rows(new_marker()), monkeypatch)
    url = f"data:image/png;base64,{new_marker()}"
    document = {"type": "input_file", "filename": "notes.txt", "file_data": new_marker()}
    message = UserMessage([ImagePart(ImageUrl(url)), DocumentReference(document)])
    await load_contents([message], None, None, data.load)
    texts = [part.text for part in message.content]
    assert texts == ["[The image is not available.]", "[The file notes.txt is not available.]"]


@contextmanager
def other_turns():
    """Counts the turns of another task meanwhile."""
    turns = []

    async def take_turns():
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    other = asyncio.create_task(take_turns())
    try:
        yield turns
    finally:
        other.cancel()


async def test_texts_full_of_markers_let_others_run_and_cost_no_query(monkeypatch):
    rows = Rows(new_marker())
    data = item_data(rows, monkeypatch)
    text = f"{new_marker()} " * 100_000
    texts = [text, text]
    with other_turns() as turns:
        assert await data.fill_all(texts) is texts
    assert len(turns) > 2
    assert not rows.asked


@pytest.mark.parametrize(
    "value",
    [
        [{"role": "user", "content": [{"type": "text", "text": "a"}] * 50_000}],
        [InputMessage(role="user", content=[InputText("b")] * 500)] * 100,
    ],
)
async def test_data_is_looked_for_in_countless_values_while_others_run(monkeypatch, value):
    data = item_data(Rows(new_marker()), monkeypatch)
    with other_turns() as turns:
        async with data.saving("proj_one", value, "input") as (same, saved):
            assert same is value
            assert saved is NO_DATA
    assert turns
