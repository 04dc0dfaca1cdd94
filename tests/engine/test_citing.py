"""References in a model's text: found however the text is cut, placed to the code point, never invented."""

from hypothesis import given
from hypothesis import strategies as st

from understudy.engine.run.citations import CitationParser, Reference, Sources
from understudy.tools import file_search
from understudy.tools.file_search import Passage

CAKE = Passage(0, 0, "file-cake", "cake.txt", "Filip likes cake.")
TEA = Passage(0, 1, "file-tea", "tea \u30101\u3011.md", "Effie likes tea.")
MORE_TEA = Passage(2, 0, "file-tea", "tea \u30101\u3011.md", "Green tea.")
PATHS = {"/mnt/data/a.csv": "file-a", "/mnt/data/a.csv.gz": "file-gz", "/mnt/data/two words.csv": "file-words"}
SOURCES = Sources({(one.turn, one.index): one for one in (CAKE, TEA, MORE_TEA)}, PATHS)


def told(*pieces, sources=SOURCES):
    citing = CitationParser(sources)
    return [part for piece in pieces for part in citing.feed(piece)] + citing.flush()


def whole(parts):
    return "".join(part if isinstance(part, str) else part.text for part in parts)


def references(parts):
    return [part for part in parts if isinstance(part, Reference)]


@given(st.lists(st.text(st.sampled_from("a\n \u3010\u3011:\u2020021.tx\uff10"), max_size=20), min_size=1, max_size=4))
def test_a_model_that_repeats_its_passages_cites_only_those_passages(texts):
    shown = [Passage(0, place, f"file-{place}", "t.tx", text) for place, text in enumerate(texts)]
    parts = told(file_search.render_passages(shown), sources=Sources({(0, one.index): one for one in shown}))
    assert [part.text for part in references(parts)] == [one.mark for one in shown]


PLAIN = st.text(st.sampled_from("a \u00e9\U0001f382\u3010\u3011:\u20200sandbox/\u8981"), max_size=12)
REFERENCES = st.sampled_from(
    [CAKE.mark, TEA.mark, MORE_TEA.mark, *(f"sandbox:{path}" for path in PATHS), "\u30109:9\u2020x.txt\u3011"]
)


@st.composite
def cut(draw):
    text = "".join(draw(st.lists(PLAIN | REFERENCES, max_size=8)))
    ends = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


@given(cut())
def test_how_the_text_is_cut_makes_no_difference(pieces):
    at_once, in_pieces = told("".join(pieces)), told(*pieces)
    assert whole(at_once) == whole(in_pieces)
    assert references(at_once) == references(in_pieces)


@given(cut())
def test_reference_offsets_match_the_returned_text(pieces):
    parts = told(*pieces)
    text = whole(parts)
    for one in references(parts):
        assert text[one.start : one.end] == one.text
        assert one.file_id in {"file-cake", "file-tea", *PATHS.values()}


def test_a_citation_follows_the_text_it_supports():
    assert told("Cake \U0001f382", "\u30100:0\u2020ca", "ke.txt\u3011.") == [
        "Cake \U0001f382",
        Reference(CAKE.mark, 6, 6 + len(CAKE.mark), "file-cake", "cake.txt", CAKE),
        ".",
    ]


def test_text_is_released_once_it_cannot_be_a_mark():
    citing = CitationParser(SOURCES)
    assert citing.feed("Notice \u3010") == ["Notice "]
    assert citing.feed("\u8981") == ["\u3010\u8981"]


def test_an_unknown_citation_mark_is_removed_from_the_text():
    assert whole(told("Yes\u30107:7\u2020other.txt\u3011. No\u301013\u2020source\u3011.")) == "Yes. No."


def test_a_wrong_number_with_the_name_of_one_file_points_at_that_file():
    assert [one.file_id for one in references(told("\u30105:5\u2020cake.txt\u3011"))] == ["file-cake"]


def test_a_number_that_belongs_to_another_file_follows_the_name():
    assert [one.file_id for one in references(told("\u30100:1\u2020cake.txt\u3011"))] == ["file-cake"]


def test_the_word_source_matches_any_name():
    assert whole(told("\u30100:1\u2020source\u3011")) == TEA.mark


def test_a_name_cannot_end_its_own_mark():
    assert references(told(TEA.mark))[0].file_id == "file-tea"


def test_the_longest_path_is_meant_and_unknown_paths_are_text():
    text = "[a](sandbox:/mnt/data/a.csv.gz) and sandbox:/mnt/data/two words.csv, not sandbox:/mnt/data/b.csv"
    parts = told(*text)
    assert whole(parts) == text
    assert [one.file_id for one in references(parts)] == ["file-gz", "file-words"]


def test_buffered_text_is_emitted_when_the_text_ends():
    assert whole(told("see \u30100:0\u2020ca")) == "see \u30100:0\u2020ca"
    assert [one.file_id for one in references(told("sandbox:/mnt/data/a.csv"))] == ["file-a"]
