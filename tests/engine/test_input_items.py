"""Items of clients as rows of a thread."""

from understudy.engine.input_items import to_stored, to_stored_aside
from understudy.wire.input_parsing import whole


async def test_thousands_of_parts_become_the_same_row_in_a_thread():
    part = {"type": "input_text", "text": "Hi"}
    for count in (1, 5000):
        item = {"type": "message", "role": "user", "content": [part] * count}
        (expected,) = to_stored(whole([item]), "thread_1", 7)
        (row,) = await to_stored_aside(whole([item]), "thread_1", 7)
        assert (row.kind, row.message.content) == ("message", expected.message.content)
        assert len(row.message.content) == count
