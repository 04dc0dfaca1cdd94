"""Chunking: the offsets of every chunk are correct for any text."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from understudy.retrieval.chunk import SECTION_CHARACTERS, split_pieces, split_text

SENTENCE = "The ferry leaves Ostrand on the hour, and Velm at half past it. "
ODD = st.sampled_from(
    [
        "\r\n",
        "\n",
        "\n\n",
        "\n# ",
        " ",
        ". ",
        "。",
        "é",
        "e\u0301",
        "👩\u200d👩\u200d👧",
        "🇩🇪",
        "漢字かな",
        "\u00a0",
        "\x00",
        "x" * 70,
        "क्षि",
        "\u2028",
    ]
)
TEXTS = st.lists(st.one_of(ODD, st.text(max_size=30), st.just(SENTENCE)), max_size=60).map("".join)
SIZES = st.tuples(st.integers(8, 120), st.integers(0, 100)).map(lambda pair: (pair[0], pair[0] * pair[1] // 200))


@given(TEXTS, SIZES)
def test_a_chunk_is_the_text_at_its_place(text, sizes):
    chunks = list(split_text(text, *sizes))
    assert [chunk.position for chunk in chunks] == list(range(len(chunks)))
    assert all(chunk.text == text[chunk.start : chunk.end] for chunk in chunks)


@given(TEXTS, SIZES)
def test_nothing_but_white_space_is_left_out(text, sizes):
    covered = 0
    for chunk in split_text(text, *sizes):
        assert not text[covered : chunk.start].strip()
        assert chunk.text.strip() == chunk.text
        covered = max(covered, chunk.end)
    assert not text[covered:].strip()


@example("0:0:0:0:\r", (8, 1))
@example("x" * 210 + "\u2028", (35, 1))
@given(TEXTS, SIZES)
def test_chunks_go_forward(text, sizes):
    chunks = list(split_text(text, *sizes))
    for one, two in pairwise(chunks):
        assert one.start < two.start
        assert one.end < two.end


@given(TEXTS, SIZES)
def test_no_accent_is_cut_from_its_letter(text, sizes):
    for chunk in split_text(text, *sizes):
        assert not unicodedata.combining(chunk.text[0]) or chunk.start == 0 or text[chunk.start - 1].isspace()


@settings(max_examples=15)
@given(st.lists(st.integers(1, 4000), max_size=40), st.sampled_from([SENTENCE, "漢字。", "word ", "x"]))
def test_a_text_in_pieces_is_cut_as_truly(lengths, part):
    text = part * (SECTION_CHARACTERS // len(part) + 9000)
    pieces, at = [], 0
    for length in [*lengths, len(text)]:
        pieces.append(text[at : at + length])
        at += length
    chunks = list(split_pieces(pieces, 100, 50))
    assert all(chunk.text == text[chunk.start : chunk.end] for chunk in chunks)
    assert chunks[0].start == 0
    assert chunks[-1].end == len(text.rstrip())
    assert all(two.start <= one.end for one, two in pairwise(chunks))


def test_a_chunk_ends_where_the_text_does_if_it_can():
    text = "".join(f"# Part {number}\n\n{SENTENCE * 11}\n\n" for number in range(20))
    for chunk in split_text(text, 200, 0):
        assert chunk.text.startswith("# Part")
    paragraphs = "\n\n".join(SENTENCE * 3 for _ in range(50))
    for chunk in split_text(paragraphs, 200, 0):
        assert chunk.text.endswith("past it.")


@pytest.mark.parametrize("overlap", [0, 20, 100, 200])
def test_adjacent_chunks_overlap_by_about_the_requested_tokens(overlap):
    chunks = list(split_text(SENTENCE * 500, 400, overlap))
    shared = [one.end - two.start for one, two in pairwise(chunks)]
    tokens = len(SENTENCE) / 15
    for length in shared:
        assert overlap * 0.5 <= max(0, length) / tokens <= overlap * 1.05


@pytest.mark.parametrize("part", [SENTENCE, "東京都庁は新宿区にあります。", "x", "0123456789", "!?", "\n", "a\u0301"])
def test_no_chunk_has_far_more_tokens_than_allowed(part):
    for chunk in split_text(part * 3000, 100, 50):
        assert len(chunk.text) <= 100 * 16


@pytest.mark.parametrize("text", ["", " ", "\n\n\t \u3000"])
def test_a_text_without_anything_has_no_chunk(text):
    assert list(split_text(text, 100, 50)) == []
