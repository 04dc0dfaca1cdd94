"""Chunks in both databases: what is found, what is not found any more, and what is left behind."""

import math
import random
import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.store import (
    chunk_cells,
    chunk_vectors_postgres,
    chunk_words_postgres,
    chunk_words_sqlite,
    chunks_sqlite,
    search_depth,
    term_plan,
)
from understudy.store.chunk_rows import ChunkQuery, NewChunk, RatedTerm
from understudy.store.chunk_search import StoreQuery
from understudy.store.chunks import DocumentRemoved, Indexed
from understudy.text.terms import index_terms, is_word_boundary, join_part_terms, passage_terms, query_terms

SIZE = 16


def unit(values):
    length = math.sqrt(sum(value * value for value in values))
    return struct.pack(f"<{len(values)}f", *[value / length for value in values])


def direction(number, size=SIZE):
    """Vectors of different numbers are as far apart as can be."""
    return unit([1.0 if place == number else 0.001 for place in range(size)])


def chunk(position, text, vector=None):
    end = position * 10 + len(text)
    return NewChunk(
        position, position * 10, end, text, vector or direction(position % SIZE), *passage_terms(text, "", "english")
    )


async def add(store, file, texts, *, number=1, embedder="e", vectors=None, size=SIZE):
    """One document in the vector store `number`; what `finish` says."""
    document = await store.chunks.begin(number, file, embedder, size, "english")
    made = vectors or [direction(place % size, size) for place in range(len(texts))]
    rows = [chunk(place, text, vector) for place, (text, vector) in enumerate(zip(texts, made, strict=True))]
    for start in range(0, len(rows), 7):
        await store.chunks.append(document, rows[start : start + 7])
    return await store.chunks.finish(document)


async def found(store, words="", vector=None, *, number=1, files=None, embedder="e", limit=20):
    return (await store.chunks.search(StoreQuery(number, files, embedder, vector, words), limit)).chunks


async def files_of(store, words="", vector=None, **options):
    return {one.file for one in await found(store, words, vector, **options)}


async def rows_left(store):
    """How many rows each table of chunks has."""
    tables = ["chunks", "chunk_documents", "chunk_terms"]
    tables += ["chunk_vectors", "chunk_codes"] if store.database.dialect == "sqlite" else [f"chunk_vectors_{SIZE}"]

    def count(table):
        rows = yield f"SELECT count(*) FROM {table}", ()
        return rows[0][0]

    return {table: await store.database.read(count, table) for table in tables}


async def test_words_and_vectors_find_each_their_chunk(store):
    said = await add(store, 7, ["the harbour master", "berths for boats", "a wet summer"])
    assert said == Indexed(3, sum(map(len, ["the harbour master", "berths for boats", "a wet summer"])) + 3 * SIZE * 4)
    candidates = await found(store, "boats", direction(2), limit=1)
    by_words = next(one for one in candidates if one.match is not None)
    by_vector = next(one for one in candidates if one.near)
    assert (by_words.chunk.text, by_words.near) == ("berths for boats", False)
    assert (by_vector.chunk.text, by_vector.match) == ("a wet summer", None)
    assert by_vector.similarity == pytest.approx(1.0, abs=1e-4)
    assert by_words.similarity < 0.1
    assert {one.store for one in candidates} == {1}
    assert {one.file for one in candidates} == {7}


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Zażółć gęślą jaźń", "zazolc"),
        ("zazolc gesla", "Zażółć"),
        ("The boats were leaving", "leave boat"),
        ("東京都庁は新宿区にあります", "新宿区"),
        ("本は一人十冊まで", "本"),
        ("停车费每小时十元", "停车"),
        ("한국어 문서", "문서"),
        ("ﬁnal \uff12\uff10\uff12\uff14 ①", "final 2024 1"),
        ("e\u0301te\u0301", "été"),
        ("def parse_retry_after(header)", "retry_after"),
        ("user@example.com wrote", "example"),
        ("x" * 3000, "x" * 3000),
    ],
)
async def test_words_are_found_in_other_forms(store, text, query):
    await add(store, 1, ["something else", text])
    assert [one.chunk.text for one in await found(store, query)] == [text]


@pytest.mark.parametrize(
    "query", ["", "  ", '"', "'; --", "* OR NOT (", "a:b", "NEAR/2", "\x00", "🚀", "-", "()", "s1", "d1"]
)
async def test_no_query_is_a_syntax_error_or_matches_other_words(store, query):
    await add(store, 1, ["harbour"])
    assert await found(store, query) == []


async def test_a_search_returns_chunks_of_the_requested_store_only(store):
    await add(store, 1, ["harbour"], number=1)
    await add(store, 2, ["harbour"], number=2)
    await add(store, 3, ["harbour"], number=12)
    for number, file in ((1, 1), (2, 2), (12, 3)):
        assert await files_of(store, "harbour", direction(0), number=number) == {file}
    assert await files_of(store, "harbour", direction(0), number=3) == set()


@pytest.mark.parametrize("many", [3, 80])
async def test_a_file_filter_never_excludes_an_allowed_file(store, many):
    for file in range(many):
        await add(store, file, ["harbour harbour harbour"])
    await add(store, 1000, ["a harbour among very many other words of little weight"], vectors=[direction(5)])
    assert await files_of(store, "harbour", direction(0), files=[1000], limit=1) == {1000}
    allowed = list(range(0, many, 2))
    assert await files_of(store, "harbour", direction(0), files=allowed, limit=many) == set(allowed)
    assert await files_of(store, "harbour", direction(0), files=[]) == set()


async def test_a_document_is_found_only_when_it_is_finished(store):
    document = await store.chunks.begin(1, 1, "e", SIZE)
    await store.chunks.append(document, [chunk(0, "harbour")])
    assert await files_of(store, "harbour", direction(0)) == set()
    await store.chunks.finish(document)
    assert await files_of(store, "harbour", direction(0)) == {1}


async def test_indexing_again_replaces_at_the_end(store):
    await add(store, 1, ["harbour one", "harbour two"])
    document = await store.chunks.begin(1, 1, "e", SIZE)
    await store.chunks.append(document, [chunk(0, "harbour three")])
    assert {one.chunk.text for one in await found(store, "harbour")} == {"harbour one", "harbour two"}
    await store.chunks.finish(document)
    assert {one.chunk.text for one in await found(store, "harbour")} == {"harbour three"}
    assert [one.text async for one in store.chunks.texts(1, 1)] == ["harbour three"]


async def test_indexing_fails_once_a_newer_attempt_has_replaced_it(store):
    first = await store.chunks.begin(1, 1, "e", SIZE)
    second = await store.chunks.begin(1, 1, "e", SIZE)
    with pytest.raises(DocumentRemoved, match="was removed while it was being indexed"):
        await store.chunks.append(first, [chunk(0, "x")])
    with pytest.raises(DocumentRemoved):
        await store.chunks.finish(first)
    await store.chunks.finish(second)


async def test_a_file_that_is_removed_meanwhile_stays_removed(store):
    document = await store.chunks.begin(1, 1, "e", SIZE)
    await store.chunks.append(document, [chunk(0, "harbour")])
    await store.chunks.remove(1, 1)
    with pytest.raises(DocumentRemoved):
        await store.chunks.finish(document)
    assert await files_of(store, "harbour", direction(0)) == set()


async def test_removed_chunks_are_not_found_at_once_and_are_deleted_by_the_sweep(store):
    await add(store, 1, [f"harbour {number}" for number in range(230)])
    await add(store, 2, ["harbour"])
    await store.chunks.remove(1, 1)
    assert await files_of(store, "harbour", direction(0), limit=500) == {2}
    assert [one async for one in store.chunks.texts(1, 1)] == []
    assert await store.chunks.erase()
    assert (await rows_left(store))["chunks"] > 1
    await store.chunks.sweep()
    assert set((await rows_left(store)).values()) == {1}
    await store.chunks.remove_store(1)
    await store.chunks.sweep()
    assert set((await rows_left(store)).values()) == {0}


async def test_a_removed_store_leaves_its_neighbour_alone(store):
    await add(store, 1, ["harbour"], number=1)
    await add(store, 2, ["harbour"], number=2)
    await store.chunks.remove_store(1)
    await store.chunks.sweep()
    assert await files_of(store, "harbour", direction(0), number=1) == set()
    assert await files_of(store, "harbour", direction(0), number=2) == {2}


async def test_a_file_can_come_back_before_it_was_erased(store):
    await add(store, 1, ["harbour old"])
    await store.chunks.remove(1, 1)
    await add(store, 1, ["harbour again"])
    await store.chunks.sweep()
    assert {one.chunk.text for one in await found(store, "harbour", direction(0))} == {"harbour again"}


async def test_vectors_of_another_embedder_are_not_compared_but_words_are(store):
    await add(store, 1, ["harbour"], embedder="e")
    await add(store, 2, ["harbour"], embedder="another")
    await add(store, 3, ["harbour"], embedder="short", size=8, vectors=[direction(0, 8)])
    candidates = {one.file: one for one in await found(store, "harbour", direction(0))}
    assert set(candidates) == {1, 2, 3}
    assert {file for file, one in candidates.items() if one.near} == {1}
    assert candidates[1].similarity == pytest.approx(1.0, abs=1e-4)
    assert candidates[2].similarity is None or not candidates[2].near


@pytest.mark.parametrize("size", [1, 7, 384, 2000, 3072])
async def test_vectors_may_have_any_length(store, size):
    chance = random.Random(size)
    vectors = [unit([chance.gauss(0, 1) for _ in range(size)]) for _ in range(5)]
    await add(store, 1, list("abcde"), size=size, vectors=vectors)
    best = max(await found(store, "", vectors[3]), key=lambda one: (one.similarity, one.chunk.position == 3))
    assert best.similarity == pytest.approx(1.0, abs=1e-3)


async def test_texts_come_in_order_over_many_pages(store):
    texts = [f"part {number}" for number in range(120)]
    await add(store, 1, texts)
    assert [one.text async for one in store.chunks.texts(1, 1)] == texts
    assert [one.position async for one in store.chunks.texts(1, 1)] == list(range(120))


async def test_in_a_large_store_nearly_all_of_the_nearest_are_found(store):
    """More chunks than are compared one by one, in either database."""
    chance = random.Random(6)
    topics = [[chance.gauss(0, 1) for _ in range(64)] for _ in range(200)]
    vectors = [unit([x + chance.gauss(0, 0.7) for x in chance.choice(topics)]) for _ in range(10_500)]
    document = await store.chunks.begin(1, 1, "e", 64)
    rows = [chunk(place, f"harbour {place % 3} part{place}", vector) for place, vector in enumerate(vectors)]
    for start in range(0, len(rows), 500):
        await store.chunks.append(document, rows[start : start + 500])
    await store.chunks.finish(document)
    share = 0.0
    for asked in vectors[:10]:
        numbers = struct.unpack("<64f", asked)
        exact = sorted(range(len(vectors)), key=lambda place: -_dot(numbers, vectors[place]))[:20]
        got = {one.chunk.position for one in await found(store, "", asked) if one.near}
        share += len(got & set(exact)) / 20 / 10
    assert share >= 0.95
    assert [one.chunk.position for one in await found(store, "the harbour of part77", limit=1)] == [77]


@pytest.mark.parametrize(("files", "margin"), [(None, 2), (None, 1e-9), ([1, 3], 2), ([1, 3], 1e-9)])
async def test_codes_that_are_too_far_are_left_out_and_none_of_the_wanted(store, monkeypatch, files, margin):
    for module in (chunk_vectors_postgres, chunks_sqlite):
        monkeypatch.setattr(module, "_EXACT_SEARCH_CHUNKS", 0)
    monkeypatch.setattr(search_depth, "_MIN_CANDIDATES", 8)
    monkeypatch.setattr(chunk_vectors_postgres, "_MARGIN", margin)
    chance = random.Random(8)
    vectors = [unit([chance.gauss(0, 1) for _ in range(64)]) for _ in range(450)]
    for file in range(1, 4):
        part = vectors[150 * file - 150 : 150 * file]
        await add(store, file, ["harbour"] * 150, vectors=part, size=64)

    async def search():
        hits = await found(store, "", vectors[7], limit=1, files=files)
        return [(one.file, one.chunk.position) for one in hits]

    limited = await search()
    monkeypatch.setattr(chunk_vectors_postgres, "_MIN_LEFT_OUT", 1000)
    assert limited == await search() == [(1, 7)]


async def test_counts_of_a_store_follow_its_documents(store):
    async def totals():
        rows = await store.database.read(_select_totals)
        return {row[:3]: row[3:] for row in rows}

    await add(store, 1, ["harbour dock", "quay"])
    await add(store, 2, ["berth"], embedder="f")
    assert await totals() == {(1, "e", "english"): (2, 2, 3), (1, "f", "english"): (1, 1, 1)}
    await add(store, 1, ["rare"])
    await store.chunks.begin(1, 2, "e", SIZE)
    assert await totals() == {(1, "e", "english"): (1, 1, 1), (1, "f", "english"): (1, 1, 1)}
    await store.chunks.remove(1, 2)
    await add(store, 3, ["harbour"], number=2)
    assert await totals() == {(1, "e", "english"): (1, 1, 1), (2, "e", "english"): (1, 1, 1)}
    await store.chunks.remove_store(1)
    await store.chunks.sweep()
    assert await totals() == {(2, "e", "english"): (1, 1, 1)}


def _select_totals():
    sql = (
        "SELECT store, embedder, language, CAST(sum(chunks) AS BIGINT), CAST(sum(rated_chunks) AS BIGINT),"
        " CAST(sum(terms) AS BIGINT) FROM chunk_totals GROUP BY store, embedder, language HAVING sum(chunks) <> 0"
    )
    return [tuple(row) for row in (yield sql, ())]


async def test_common_words_have_the_weight_of_their_estimated_number(store, monkeypatch):
    for module in (chunk_words_postgres, chunk_words_sqlite):
        monkeypatch.setattr(module, "_MAX_COUNTED_CHUNKS", 20)
    await add(store, 1, ["harbour rare" if place == 0 else "harbour" for place in range(60)])
    statistics = (await store.chunks.search(StoreQuery(1, None, "e", None, "harbour rare"), 5)).statistics
    expected = [math.log(1 + (60 - count + 0.5) / (count + 0.5)) for count in (60, 1)]
    assert list(statistics.weights) == pytest.approx(expected)


@pytest.mark.parametrize("least_unscoped", [0, 100_000])
async def test_common_words_rate_the_chunks_that_rare_words_select(store, monkeypatch, least_unscoped):
    monkeypatch.setattr(term_plan, "MAX_SELECTED_CHUNKS", 12)
    for module in (chunk_words_postgres, chunk_words_sqlite):
        monkeypatch.setattr(module, "_SELECTED_CHUNKS", 12)
    monkeypatch.setattr(chunk_words_sqlite, "_MIN_UNSCOPED_CHUNKS", least_unscoped)
    monkeypatch.setattr(chunk_words_sqlite, "_SMALL_DATABASE_CHUNKS", 0)
    texts = [
        f"harbour {'rare' if place % 10 == 3 else 'dock'} {'berth' if place % 3 else 'quay'}" for place in range(60)
    ]
    await add(store, 1, texts[:30])
    await add(store, 2, texts[30:])
    await add(store, 1, ["rare berth harbour"] * 5, number=2)

    def places(hits):
        ranked = sorted(hits, key=lambda one: (-one.match, one.file, one.chunk.position))
        return [(one.file, one.chunk.position) for one in ranked]

    assert places(await found(store, "harbour rare berth", limit=4)) == [(1, 13), (1, 23), (2, 13), (2, 23)]
    assert places(await found(store, "harbour rare berth", limit=9)) == [
        (1, 13),
        (1, 23),
        (2, 13),
        (2, 23),
        (1, 3),
        (2, 3),
    ]
    assert places(await found(store, "harbour rare berth", files=[2], limit=2)) == [(2, 13), (2, 23)]
    assert len(await found(store, "harbour", limit=7)) == 7, "the rarest word selects, though it is common"
    assert len(await found(store, "harbour rare berth", number=2)) == 5


def test_rare_terms_select_and_common_ones_of_some_weight_rate():
    terms = [RatedTerm((name,), count, weight) for name, count, weight in _TERMS]
    assert _plan(terms, size=100_000) == ("ab", "cd"), "the last has hardly any weight, one is absent"
    assert _plan(terms, size=50_000) == ("abc", "d"), "more are selected if half of them are to be left out"
    assert _plan(terms[2:4], size=100_000) == ("c", "d"), "one term selects, however common it is"
    assert _plan(terms[:2], size=100_000) == ("ab", "")
    assert _plan(terms[4:5], size=100_000) == ("", "")


_TERMS = [("a", 40, 7.8), ("b", 3000, 3.5), ("c", 4200, 3.1), ("d", 30_000, 1.2), ("none", 0, 12.0), ("e", 90_000, 0.1)]


def _plan(terms, *, size):
    query = ChunkQuery(1, None, terms, 60.0, 50, size, 100_000, None, None, None)
    plan = term_plan.plan_terms(query, 4000)
    return tuple("".join(term.forms[0] for term in some) for some in (plan.selecting, plan.rating))


async def test_a_store_divided_into_cells_finds_the_nearest_and_forgets_removed_files(store, monkeypatch):
    for name, value in {"_MIN_DIVIDED_CHUNKS": 2000, "_MIN_MOVED_CHUNKS": 300, "SEARCHED_CHUNKS": 1000}.items():
        monkeypatch.setattr(chunk_cells, name, value)
    monkeypatch.setattr(search_depth, "SEARCHED_CHUNKS", 1000)
    chance = random.Random(5)
    topics = [[chance.gauss(0, 1) for _ in range(64)] for _ in range(100)]
    vectors = [unit([x + chance.gauss(0, 0.7) for x in chance.choice(topics)]) for _ in range(3000)]
    for file in range(3):
        await add(store, file, ["harbour"] * 1000, vectors=vectors[1000 * file : 1000 * file + 1000], size=64)
    await store.chunks.divide_stores()
    in_cells, outside = await _count_in_cells(store)
    assert (in_cells, outside) == (3000, 0)
    await add(store, 3, ["harbour"] * 100, vectors=vectors[:100], size=64)
    await store.chunks.divide_stores()
    assert await _count_in_cells(store) == (3000, 100), "searches read a few chunks that are in no cell"

    assert await _measure_recall(store, vectors, range(3000), None) >= 0.95
    assert await _measure_recall(store, vectors, range(1000, 3000), [1, 2]) >= 0.95
    assert await _measure_recall(store, vectors, range(1000, 2000), [1]) == 1.0
    best = {one.file for one in await found(store, "", vectors[7], limit=3) if one.similarity > 0.999}
    assert best == {0, 3}

    numbers = await _set_cells_size(store, 0)
    assert await _measure_recall(store, vectors, range(3000), None) >= 0.95, "cells of an earlier version are not used"
    await _set_cells_size(store, 400)
    await store.chunks.divide_stores()
    assert await _count_in_cells(store) == (3100, 0), "a store that has grown is divided anew"
    assert not numbers & await _set_cells_size(store, 3100)
    assert await _measure_recall(store, vectors, range(3000), None) >= 0.95

    await store.chunks.remove_store(1)
    await store.chunks.sweep()
    assert await found(store, "", vectors[7]) == []
    assert await _count_in_cells(store) == (0, 0)


async def _measure_recall(store, vectors, places, files):
    """The share of the nearest 20 of the vectors at `places` that a search for some of them finds."""
    shares = []
    for query in vectors[1000:1010]:
        numbers = struct.unpack("<64f", query)
        exact = sorted(places, key=lambda place: -_dot(numbers, vectors[place]))[:20]
        hits = [one for one in await found(store, "", query, files=files) if one.near]
        shares.append(len({(one.file, one.chunk.position) for one in hits} & {divmod(p, 1000) for p in exact}) / 20)
    return sum(shares) / len(shares)


async def _set_cells_size(store, size):
    """The numbers of the divisions, whose centers were made when the store had `size` chunks."""

    def update():
        rows = yield "UPDATE chunk_cells SET size = $1 RETURNING number", (size,)
        return {row[0] for row in rows}

    return await store.database.write(update)


async def _count_in_cells(store):
    """How many codes are in a cell, and how many are in none."""

    def count():
        rows = yield "SELECT count(*) FILTER (WHERE cell > 0), count(*) FILTER (WHERE cell = 0) FROM chunk_codes", ()
        return tuple(rows[0])

    return await store.database.read(count)


def _dot(one, two):
    return sum(a * b for a, b in zip(one, struct.unpack(f"<{len(one)}f", two), strict=True))


@given(st.text(max_size=200), st.sampled_from(["english", "german", "arabic", "hindi", "korean", ""]))
def test_every_term_of_a_query_is_one_of_the_same_text(text, language):
    terms, length = index_terms(text, language)
    assert length <= len(terms)
    assert not any(" " in term or "\x00" in term for term in terms)
    assert {form for term in query_terms(text, [language]) for form in term.forms} <= set(terms)


@given(st.text(max_size=60), st.data())
def test_passages_that_are_cut_between_words_have_the_terms_of_the_whole(text, data):
    text = f"The Ödön saß {text} 東京は。大阪 Σοφός ends."
    places = [place for place in range(1, len(text)) if is_word_boundary(text, place)]
    cuts = [0, *sorted(data.draw(st.sets(st.sampled_from(places), max_size=3))), len(text)]
    terms, length = join_part_terms([text[a:b] for a, b in pairwise(cuts)], "the file", "german")
    whole, whole_length = passage_terms(text, "the file", "german")
    assert (terms.split(), length) == (whole.split(), whole_length)


async def test_terms_of_short_chunks_are_stored_apart_from_their_rows_in_postgresql(store):
    if store.database.dialect == "sqlite":
        pytest.skip("FTS5 stores its own lists")
    await add(
        store, 7, [f"harbour {number} " + " ".join(f"w{number}x{place}" for place in range(60)) for number in range(3)]
    )
    assert await store.database.read(_count_apart) == 3
    await store.database.write(_store_as_before)
    assert (await store.database.read(_count_apart), len(await found(store, "w1x1"))) == (0, 1)
    await store.chunks.upgrade_terms()
    assert await store.database.read(_count_apart) == 3
    assert await store.database.read(_count_unpadded) == 0
    assert [one.chunk.position for one in await found(store, "w1x1")] == [1]
    assert len(await found(store, "harbour")) == 3


def _count_apart():
    """Rows of terms with values that are stored apart, of those that can still be seen."""
    ((table,),) = yield "SELECT reltoastrelid::regclass::text FROM pg_class WHERE oid = 'chunk_terms'::regclass", ()
    rows = yield f"SELECT count(DISTINCT chunk_id) FROM {table}", ()
    return rows[0][0]


def _count_unpadded():
    rows = yield "SELECT count(*) FROM chunk_terms WHERE padding IS NULL", ()
    return rows[0][0]


def _store_as_before():
    """Other rows, as an updated one has its values apart where they were."""
    columns = "seq, document, length, keys"
    yield f"CREATE TEMPORARY TABLE earlier ON COMMIT DROP AS SELECT {columns} FROM chunk_terms", ()
    yield "DELETE FROM chunk_terms", ()
    yield f"INSERT INTO chunk_terms ({columns}) SELECT {columns} FROM earlier", ()
