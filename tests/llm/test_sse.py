"""The reader of server-sent events."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.errors import UpstreamError
from understudy.net.sse import Event, Reader

LINES = st.sampled_from(
    [
        "data: a",
        "data:b",
        "data:",
        "data",
        "data:  ü€😀",
        "event: error",
        "event:x",
        ": ping",
        ":",
        "id: 1",
        "retry: 5",
        "odd",
        "",
    ]
)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


def read(*pieces, limit=1000):
    reader = Reader(limit)
    return [event for piece in pieces for event in reader.feed(piece)] + reader.close()


@given(st.lists(st.tuples(LINES, ENDS), max_size=20), st.data())
def test_any_split_of_a_stream_parses_to_the_same_events(lines, data):
    # A lone CR followed by a lone LF would be one line end, so a text decides what it is, not its parts.
    stream = "".join(line + end for line, end in lines).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    edges = [0, *cuts, len(stream)]
    pieces = [stream[start:end] for start, end in itertools.pairwise(edges)]
    assert read(*pieces) == read(stream)


@given(st.lists(LINES, max_size=20), ENDS)
def test_every_line_ending_parses_to_the_same_events(lines, end):
    assert read(end.join(lines).encode()) == read("\n".join(lines).encode())


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])), min_size=1))
def test_written_events_are_parsed_back_unchanged(texts):
    stream = "".join(f"data: {text}\n\n" for text in texts).encode()
    assert read(stream) == [Event(b"", text.encode()) for text in texts]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\ndata: b\n\n", [(b"", b"a"), (b"", b"b")]),
        (b"data:a\n\n", [(b"", b"a")]),
        (b"data:  a\n\n", [(b"", b" a")]),
        (b"data: a\ndata: b\n\n", [(b"", b"a\nb")]),
        (b"event: error\ndata: a\n\n", [(b"error", b"a")]),
        (b"event:error\r\ndata:a\r\n\r\n", [(b"error", b"a")]),
        (b"data: a\r\rdata: b\r\r", [(b"", b"a"), (b"", b"b")]),
        (b": ping\n\n:\n\ndata: a\n\n", [(b"", b"a")]),
        (b"\n\n\ndata: a\n\n\n\n", [(b"", b"a")]),
        (b"event: ping\n\n", []),
        (b"id: 1\nretry: 10\ndata: a\n\n", [(b"", b"a")]),
        (b"\xef\xbb\xbfdata: a\n\n", [(b"", b"a")]),
        (b"data: a", [(b"", b"a")]),
        (b"data: a\n", [(b"", b"a")]),
        (b"data\n\n", [(b"", b"")]),
        (b"", []),
    ],
)
def test_the_standard_and_its_common_variants_are_read(stream, events):
    assert read(stream) == events


def test_an_event_is_handed_out_with_its_blank_line_and_not_later():
    reader = Reader()
    assert reader.feed(b"data: a\r\n\r") == [Event(b"", b"a")]
    assert reader.feed(b"\ndata: b\r\n\r\n") == [Event(b"", b"b")]


def test_the_id_of_the_last_event_is_that_of_an_earlier_one_if_it_has_none():
    reader = Reader()
    assert reader.last_event_id == ""
    reader.feed(b"id: 1\ndata: a\n\nid: run_2-7\ndata: b\n\ndata: c\n\n")
    assert reader.last_event_id == "run_2-7"
    reader.feed(b"id: a\0b\ndata: a\n\n")
    assert reader.last_event_id == "run_2-7"


@pytest.mark.parametrize("stream", [b"data: " + b"x" * 100, b"data: " + b"x" * 100 + b"\n\n"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_event_over_the_limit_is_refused_however_it_arrives(stream, size):
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    with pytest.raises(UpstreamError, match="limit of 50 bytes") as caught:
        read(*pieces, limit=50)
    assert caught.value.kind == "malformed"


def test_many_small_events_do_not_exceed_the_limit_of_one_event():
    assert len(read(b"data: 0123456789\n\n" * 100, limit=50)) == 100
