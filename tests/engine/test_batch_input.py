"""Lines of a batch's input, however its bytes arrive."""

import json

from hypothesis import given
from hypothesis import strategies as st

from understudy.engine.jobs.batch_input import LineReader, split

LINES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\ufeff"), max_size=12), max_size=8)


async def pieces(data, cuts):
    start = 0
    for cut in sorted(cuts):
        yield data[start:cut]
        start = cut
    yield data[start:]


async def lines_of(data, cuts=(), longest=1000):
    return [line async for together in split(pieces(data, cuts), longest) for line in together]


@given(LINES, st.data())
async def test_the_place_of_each_line_is_where_it_is(texts, data):
    content = "\n".join(texts).encode()
    cuts = data.draw(st.lists(st.integers(0, len(content)), max_size=6))
    found = await lines_of(content, cuts)
    assert [(line.number, line.data) for line in found] == [
        (number, text.encode()) for number, text in enumerate(texts, 1) if text.encode().strip()
    ]
    assert all(content[line.place : line.place + line.length] == line.data for line in found)


@given(st.lists(st.integers(0, 40), max_size=4))
async def test_a_line_that_is_too_long_is_not_buffered(cuts):
    content = b"short\n" + b"x" * 30 + b"\nlast"
    found = await lines_of(content, cuts, longest=10)
    assert [(line.number, line.length, line.data) for line in found] == [
        (1, 5, b"short"), (2, 30, None), (3, 4, b"last"),
    ]  # fmt: skip


async def test_a_byte_order_mark_is_not_part_of_a_line():
    (line,) = await lines_of(b"\xef\xbb\xbf{}\n")
    assert (line.place, line.length, line.data) == (3, 2, b"{}")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
async def test_no_json_breaks_the_reader(value):
    reader = LineReader("/v1/embeddings", 10_000)
    for line in await lines_of(json.dumps(value).encode(), longest=10_000):
        assert reader.parse_line(line) is None
    reader.check_totals()
    assert reader.faults
