"""Text cut into tokens comes together again, and is never cut inside a character that a reader sees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.llm import tokens


@given(st.text(max_size=200))
def test_tokens_joined_are_the_text(text):
    assert "".join(tokens.split(text)) == text


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=200))
def test_ascii_is_cut_the_same_with_and_without_other_scripts_beside_it(text):
    assert tokens.split(text + "é")[: len(tokens.split(text)) - 1] == tokens.split(text)[:-1]


@pytest.mark.parametrize(
    "cluster", ["👨‍👩‍👧‍👦", "🇩🇪", "👍🏽", "e\u0301", "नि", "1\ufe0f\u20e3", "🏴\U000e0067\U000e0062\U000e007f", "ก็", "\u1112\u1161\u11ab"]
)  # fmt: skip
def test_a_grapheme_cluster_is_never_split(cluster):
    for text in (cluster, f"a{cluster}", f"x {cluster}{cluster} y", f"7{cluster}!"):
        starts, at = set(), 0
        for token in tokens.split(text):
            starts.add(at)
            at += len(token)
        begins = [i for i in range(len(text)) if text.startswith(cluster, i)]
        assert not any(begin < start < begin + len(cluster) for begin in begins for start in starts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("Hello world", 2),
        ("The temperature is 22 degrees.", 8),
        ("你好世界", 4),
        ('{"location":"Paris"}', 6),
    ],
)
def test_counts_are_near_those_of_the_hosted_models(text, expected):
    assert tokens.count(text) == expected


def test_a_cut_text_ends_at_a_token():
    assert tokens.shorten("The temperature is rising", 18) == "The temperature is\u2026"
    assert tokens.shorten("short", 18) == "short"


def test_a_very_long_text_is_estimated_from_pieces_of_it():
    for text in ("A few words, and 12 numbers. " * 100_000, "Grüße über Straßen " * 100_000, "a" * 2_000_000):
        exact = len(tokens.split(text))
        assert abs(tokens.count(text) - exact) < exact / 50
