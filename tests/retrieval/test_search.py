"""Documents into the index and passages out of it, with the built-in embedder and both databases."""

import asyncio
import struct

import pytest

from understudy.retrieval.builtin import embed_texts
from understudy.retrieval.embed import (
    BuiltinEmbedder,
    Embedders,
    EmbeddingError,
    UnknownEmbedderError,
    Vectors,
    normalize_vector,
)
from understudy.retrieval.evidence import TermMatch
from understudy.retrieval.explanation import explain_hits
from understudy.retrieval.extract import ExtractionError
from understudy.retrieval.ranking import QueryCandidates, Weighing, rank_candidates
from understudy.retrieval.rewrite import rewrite
from understudy.retrieval.search import Index, SearchQuery, SearchScope
from understudy.retrieval.similarity import SimilarityScale
from understudy.store.chunk_rows import StoredChunk
from understudy.store.chunk_search import QueryStatistics, ScoredChunk, StoreHits
from understudy.text.terms import query_terms

HARBOUR = "The harbour master of Velm is Ines Okafor. She decides who may berth at the long pier."
BREAD = "Sourdough wants salt, water and patience. The starter is fed once a week with flour."
BEES = "Four colonies of bees live on the roof. The honey is taken at the end of July."
SCALE = SimilarityScale(0.2, 0.5)
FILLING = "Nothing in particular happens in this sentence, which is here to take up room. "


class Broken:
    """An embedder that fails, the first time or always; a fake of what is not ours."""

    name = "broken"
    scales = None

    def __init__(self, works_for=0):
        self.left = works_for

    async def embed(self, texts, *, query=False):
        if self.left == 0:
            raise EmbeddingError("The provider is away.", passing=True)
        self.left -= 1
        return Vectors(2, [struct.pack("<2f", 1.0, 0.0)] * len(texts))

    def keyword_weight(self, language):
        return 0.5

    async def close(self):
        pass


class Crowded:
    """An embedder whose cosines are above 0.8, also those of foreign texts: a fake of what is not ours."""

    name = "crowded"
    scales = None

    def __init__(self, *, fails=False):
        self.fails = fails
        self.requests = 0

    async def embed(self, texts, *, query=False):
        self.requests += 1
        if self.fails and len(texts) > 1:
            raise EmbeddingError("The provider is away.", passing=True)
        rows = [struct.unpack("<512f", row) for row in embed_texts(texts)]
        return Vectors(513, [normalize_vector([2.0, *row]) for row in rows])

    def keyword_weight(self, language):
        return 0.0

    async def close(self):
        pass


@pytest.fixture
def others():
    """Embedders beside the built-in one, by name."""
    return {}


@pytest.fixture
async def index(store, children, others):
    builtin = BuiltinEmbedder(children)
    embedders = Embedders("builtin", lambda name: builtin if name == "builtin" else others.get(name))
    yield Index(store.chunks, embedders, children)
    await embedders.close()


@pytest.fixture
def add(index, extractor, tmp_path):
    """Puts a text into the index as a file of a vector store."""

    async def add(file, text, *, number=1, embedder="builtin", **options):
        path = tmp_path / f"file-{file}"
        path.write_text(text, "utf-8")
        source = await extractor.text(path, "text.txt")
        try:
            return await index.add(number, file, embedder, source, **options)
        finally:
            source.discard()

    return add


@pytest.fixture
def search(index):
    async def search(*queries, stores=(1,), files=None, limit=10, **options):
        scopes = [SearchScope(number, "builtin", files) for number in stores]
        return await index.search(scopes, SearchQuery(queries, limit, **options))

    return search


async def test_the_passage_that_answers_is_the_first(add, search):
    for file, text in enumerate((HARBOUR, BREAD, BEES)):
        await add(file, text)
    for query, file in (("who is the harbour master?", 0), ("feeding the starter", 1), ("when is honey harvested", 2)):
        hits = await search(query)
        assert hits[0].file == file
        assert hits == await search(query)
        assert all(0.0 <= hit.score <= 1.0 for hit in hits)
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


async def test_the_words_of_its_name_find_a_file(add, search):
    await add(1, "Ask at the desk by noon.", name="parental-leave_2031.md")
    await add(2, "Ask at the door by noon.", name="parking.md")
    found = await search("how does parental leave work")
    assert found[0].file == 1
    assert found[0].text == "Ask at the desk by noon."


async def test_a_search_hit_has_its_offsets_in_the_text(add, search):
    text = FILLING * 40 + "Ünïcödé 🚀 " + HARBOUR + FILLING * 40
    await add(1, text, size=100, overlap=30)
    (first, *_) = await search("harbour master Okafor", limit=3)
    assert HARBOUR in first.text
    assert text[first.start : first.end] == first.text


async def test_adjacent_hits_are_merged_without_repeated_text(add, search):
    text = "".join(f"The harbour master counts boat number {number} at the pier. " for number in range(60)).strip()
    indexed = await add(1, text, size=100, overlap=50)
    hits = await search("harbour master boat", limit=50)
    assert indexed.chunks > 5
    assert [(hit.position, hit.start, hit.end) for hit in hits] == [(0, 0, len(text))]
    assert hits[0].text == text


async def test_a_score_threshold_excludes_unrelated_passages(add, search):
    for file, text in enumerate((HARBOUR, BREAD, BEES)):
        await add(file, text)
    assert {hit.file for hit in await search("who is the harbour master of Velm", threshold=0.5)} == {0}
    assert await search("quarterly revenue forecast", threshold=0.5) == []


async def test_hits_of_several_queries_and_stores_are_merged_into_one_list(add, search):
    await add(1, HARBOUR, number=1)
    await add(2, BREAD, number=2)
    await add(3, BEES, number=3)
    hits = await search("harbour master", "starter and flour", stores=(1, 2))
    assert {(hit.store, hit.file) for hit in hits[:2]} == {(1, 1), (2, 2)}
    assert 3 not in {hit.store for hit in hits}


async def test_only_allowed_files_are_found_however_many_others_fit_better(add, search):
    for file in range(30):
        await add(file, f"{HARBOUR} {file}")
    await add(99, f"{BEES} There is no harbour here.")
    assert [hit.file for hit in await search("harbour master of Velm", files=[99], limit=3)] == [99]
    assert await search("harbour master of Velm", files=[]) == []


async def test_a_search_returns_at_most_the_limit(add, search):
    for file in range(12):
        await add(file, f"{HARBOUR} {file}")
    assert len(await search("harbour", limit=5)) == 5
    assert len(await search("harbour", limit=50)) == 12


@pytest.mark.parametrize("query", ["", "   ", "\x00", "?!", "🚀", "the of and", "x" * 10_000, '"quotes" AND (no'])
async def test_unusual_queries_do_not_fail(add, search, query):
    await add(1, HARBOUR)
    assert len(await search(query)) <= 1


@pytest.mark.parametrize("query", ["...???", "?!", "— “ ”", " \u200b\u0301", "+++"])
async def test_a_query_without_words_finds_nothing(add, search, query):
    await add(1, HARBOUR)
    assert await search(query) == await search(query, ranker="none") == []
    assert await search(query, "harbour master") == await search("harbour master")


async def test_the_ranker_none_ranks_by_vectors_alone(add, search):
    await add(1, HARBOUR)
    (hit,) = await search("harbour master", ranker="none")
    assert 0.0 < hit.score < 1.0


async def test_indexing_a_file_again_replaces_it_and_a_removed_file_is_not_found(add, search, index):
    await add(1, HARBOUR)
    await add(1, BREAD)
    assert [hit.text for hit in await search("harbour starter")] == [BREAD]
    await index.remove(1, 1)
    assert await search("harbour starter") == []


async def test_the_texts_of_a_file_are_its_chunks(add, index):
    await add(1, FILLING * 100, size=100, overlap=0)
    texts = [chunk.text async for chunk in index.texts(1, 1)]
    assert " ".join(texts) == (FILLING * 100).strip()


async def test_indexing_that_fails_halfway_leaves_no_chunks(add, search, index, others, store):
    others["broken"] = Broken(works_for=1)
    with pytest.raises(EmbeddingError, match="away") as caught:
        await add(1, HARBOUR + FILLING * 800, embedder="broken", size=100, overlap=0)
    assert caught.value.passing
    assert await search("harbour") == []
    await store.chunks.sweep()
    assert [chunk async for chunk in index.texts(1, 1)] == []


async def test_cancelled_indexing_leaves_no_chunks(add, search):
    task = asyncio.create_task(add(1, HARBOUR + FILLING * 5000, size=100, overlap=50))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await search("harbour") == []
    await add(1, HARBOUR)
    assert len(await search("harbour")) == 1


async def test_an_embedder_that_is_no_longer_configured_raises_an_error_with_the_remedy(add, index):
    with pytest.raises(UnknownEmbedderError, match=r"'away/model' is no longer configured.*understudy reindex"):
        await index.search([SearchScope(1, "away/model")], SearchQuery(["harbour"], 5))
    with pytest.raises(UnknownEmbedderError):
        await add(1, HARBOUR, embedder="away/model")


async def test_a_text_that_vanished_cannot_be_cut(index, extractor, tmp_path):
    path = tmp_path / "text"
    path.write_text(HARBOUR)
    source = await extractor.text(path, "a.txt")
    source.discard()
    with pytest.raises(ExtractionError) as caught:
        await index.add(1, 1, "builtin", source)
    assert caught.value.code == "server_error"


def candidates_of(*chunks, weight, query="harbour"):
    """What a search of one store has, in which every term is equally rare."""
    terms = query_terms(query, ["english"])
    return QueryCandidates(
        [StoreHits(QueryStatistics(["english"], terms, [1.0] * len(terms), 1.0), chunks)], [Weighing(weight, SCALE)]
    )


def candidate(seq, file, text="harbour", *, near=True, similarity=0.5, match=1.0, heading=""):
    chunk = StoredChunk(0, 0, len(text), text)
    return ScoredChunk(seq, 1, file, chunk, near, similarity, match, "english", heading)


def test_hits_of_equal_score_have_a_stable_order():
    made = [candidate(seq, file) for seq, file in ((9, 3), (4, 8), (6, 1))]
    one = rank_candidates([candidates_of(*made, weight=0.6)], 10, 0.0)
    assert one == rank_candidates([candidates_of(*made[::-1], weight=0.6)], 10, 0.0)
    assert {hit.file for hit in one} == {1, 3, 8}


@pytest.mark.parametrize(("weight", "files"), [(0.0, [1, 3]), (0.3, [1, 3, 2]), (0.7, [1, 2, 3]), (1.0, [1, 2])])
def test_words_and_vectors_are_combined_by_the_requested_weight(weight, files):
    both = candidate(1, 1, "harbour harbour", similarity=0.9)
    words = candidate(2, 2, near=False, similarity=0.3)
    near = candidate(3, 3, "pier", similarity=0.6, match=None)
    ranked = rank_candidates([candidates_of(words, near, both, weight=weight)], 10, 0.0)
    assert [hit.file for hit in ranked] == files


def test_a_score_does_not_depend_on_the_other_candidates():
    alone = rank_candidates([candidates_of(candidate(1, 1, "the pier"), weight=0.8)], 10, 0.0)
    better = candidate(2, 2, "harbour", similarity=0.9)
    beside = rank_candidates([candidates_of(better, candidate(1, 1, "the pier"), weight=0.8)], 10, 0.0)
    assert [hit.file for hit in beside] == [2, 1]
    assert beside[1].score == alone[0].score


def test_an_explanation_has_the_ranks_scores_and_terms_of_both_halves():
    both = candidate(1, 1, "Harbours of the north: a harbour, a pier", similarity=0.9, heading="harbour rules")
    words = candidate(2, 2, near=False, similarity=0.3)
    near = candidate(3, 3, "a pier without a match", similarity=0.6, match=None)
    question = candidates_of(words, near, both, weight=0.4, query="harbours piers")
    hits = rank_candidates([question], 10, 0.0)
    first, second, third = explain_hits(["harbours piers"], [question], hits)
    assert (first.query, first.position, first.start, first.end) == ("harbours piers", 0, 0, 40)
    assert (first.words.rank, first.vectors.rank, first.similarity) == (1, 1, 0.9)
    assert first.terms == [
        TermMatch("harbour", ("harbour", "harbours"), 2, 1),
        TermMatch("pier", ("pier",), 1, 0),
    ]
    assert first.words.weight * first.words.score + first.vectors.weight * first.vectors.score == hits[0].score
    assert [(one.words.rank, one.vectors.rank) for one in (second, third)] == [(3, 2), (2, 3)]
    assert [one.terms[0].term for one in (second, third)] == ["pier", "harbour"]


def test_an_explanation_leaves_out_a_half_without_weight():
    question = candidates_of(candidate(1, 1), weight=0.0)
    (found,) = explain_hits(["harbour"], [question], rank_candidates([question], 10, 0.0))
    assert (found.words, found.terms, found.vectors.rank) == (None, [], 1)


async def test_an_explanation_lists_the_chunks_that_were_merged(add, index):
    await add(1, " ".join(f"Sentence {number} is about the harbour." for number in range(100)), size=100, overlap=50)
    found = await index.explain([SearchScope(1, "builtin")], SearchQuery(["harbour"], 10))
    assert [hit for hit, _ in found] == await index.search([SearchScope(1, "builtin")], SearchQuery(["harbour"], 10))
    for hit, explanation in found:
        assert tuple(position for position, _ in explanation.merged) == hit.positions
        assert max(score for _, score in explanation.merged) == pytest.approx(hit.score)
    assert max(len(hit.positions) for hit, _ in found) > 1


async def test_scores_of_different_queries_can_be_compared(add, search):
    for file, text in enumerate((HARBOUR, BREAD, BEES)):
        await add(file, text)
    answered = [(await search(query))[0].score for query in ("the harbour master of Velm", "salt and patience", "bees")]
    foreign = [hit.score for hit in await search("quarterly revenue forecast of the insurance department")]
    assert min(answered) > 0.5
    assert max(foreign, default=0.0) < 0.3


async def test_the_scores_of_an_unknown_model_are_on_the_scale_of_its_own_cosines(add, index, others):
    others["crowded"] = model = Crowded()
    for file, text in enumerate((HARBOUR, BREAD, BEES)):
        await add(file, text, embedder="crowded")

    async def best(query):
        return max(hit.score for hit in await index.search([SearchScope(1, "crowded")], SearchQuery([query], 3)))

    answered = [await best(query) for query in ("Who is the harbour master of Velm?", "salt, water and patience")]
    assert min(answered) > 0.7
    assert await best("quarterly revenue forecast of insurance") < 0.4
    assert model.requests == 3 + 3 + 2  # two measured it


async def test_a_search_does_not_need_the_measurement_of_the_model(add, index, others):
    others["crowded"] = Crowded(fails=True)
    await add(1, HARBOUR, embedder="crowded")
    (hit,) = await index.search([SearchScope(1, "crowded")], SearchQuery(["harbour master"], 3))
    assert 0.0 < hit.score <= 1.0


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Die Kündigungsfristen der Wohnungen stehen im Vertrag.", "Kündigungsfrist der Wohnung"),
        ("Библиотеки города открыты каждый день и по воскресеньям.", "библиотека"),
        ("图书馆每天开放，星期日也不例外。", "星期日"),
        ("도서관은 매일 문을 열며 일요일에도 엽니다.", "도서관"),
        ("Los trabajadores solicitan las vacaciones en la oficina de personal.", "solicitud de vacación"),
    ],
)
async def test_words_are_compared_by_stems_of_the_language(add, search, text, query):
    await add(1, text)
    await add(2, FILLING)
    assert [hit.file for hit in await search(query, weight=1.0)] == [1]


@pytest.mark.parametrize("query", ["🚀", "🚀🎉", "✈️ flight"])
async def test_pictographs_are_words(add, search, query):
    await add(1, FILLING)
    await add(2, "The launch party: 🚀🎉 and a flight ✈ home.")
    (best, *_) = await search(query, weight=0.9)
    assert best.file == 2
    assert best.score > 0.4


def test_only_whole_words_are_evidence():
    scar, car = candidate(1, 1, "a scar and a scarf"), candidate(2, 2, "cars and carriages")
    ranked = rank_candidates([candidates_of(scar, car, weight=1.0, query="car")], 10, 0.0)
    assert [(hit.file, hit.score > 0) for hit in ranked] == [(2, True), (1, False)]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("Could you please tell me about the harbour master?", "harbour master"),
        ("What's the price of a ticket", "price of a ticket"),
        ("Could you tell me how many vacation days I get?", "vacation days I get"),
        ("I would like to know how I reset my password, thanks!", "reset my password"),
        ("Do you know who is Ines Okafor?", "Ines Okafor"),
        ("harbour master", "harbour master"),
        ("Kündigungsfrist der Wohnung", "Kündigungsfrist der Wohnung"),
        ("What is it?", "What is it"),
        ("hello", "hello"),
        ("", ""),
    ],
)
def test_a_question_is_rewritten_to_its_search_terms(query, words):
    assert rewrite(query) == words
