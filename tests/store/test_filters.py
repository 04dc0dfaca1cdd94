"""Filters on attributes, on both databases: SQL matches the same files as Python does."""

import asyncio

import hypothesis
import pytest
from hypothesis import strategies as st

from store import samples
from store.samples import NOW, ODD_TEXTS, OURS
from understudy.store import open_store
from understudy.wire import filters
from understudy.wire.filters import check_filter
from understudy.wire.parsing import InvalidBody

NAMES = ["year", "author", "draft", "o'key", "$1"]
# Few values, so that they meet; with those that a database might take for one another.
TEXTS = ["", "1", "true", "a", "B", "ä", "'", "%", "\U0001f680", "z"]
NUMBERS = [0, 1, -1, 1.5, 2020, 10**400, -(10**400), 1e300]
VALUES = st.sampled_from([*TEXTS, *NUMBERS, True, False])
ATTRIBUTES = st.dictionaries(st.sampled_from(NAMES), VALUES)
EQUALITIES = [filters.EqualFilter, filters.NotEqualFilter]
ORDERS = {
    filters.GreaterFilter: lambda one, other: one > other,
    filters.GreaterOrEqualFilter: lambda one, other: one >= other,
    filters.LessFilter: lambda one, other: one < other,
    filters.LessOrEqualFilter: lambda one, other: one <= other,
}
KEYS = st.sampled_from([*NAMES, "missing"])
COMPARISONS = st.one_of(
    st.builds(lambda kind, key, value: kind(key, value), st.sampled_from(EQUALITIES), KEYS, VALUES),
    st.builds(
        lambda kind, key, value: kind(key, value),
        st.sampled_from(list(ORDERS)),
        KEYS,
        st.sampled_from([*TEXTS, *NUMBERS]),
    ),
    st.builds(
        lambda kind, key, values: kind(key, values),
        st.sampled_from([filters.InFilter, filters.NotInFilter]),
        KEYS,
        st.lists(VALUES, max_size=4),
    ),
)
CONDITIONS = st.recursive(
    COMPARISONS,
    lambda inner: st.builds(
        lambda kind, parts: kind(parts),
        st.sampled_from([filters.AndFilter, filters.OrFilter]),
        st.lists(inner, max_size=3),
    ),
    max_leaves=6,
)


def kind_of(value):
    return "text" if isinstance(value, str) else "flag" if isinstance(value, bool) else "number"


def same(one, other):
    return kind_of(one) == kind_of(other) and one == other


def passes(condition, attributes):
    """What a filter means."""
    match condition:
        case filters.AndFilter(parts):
            return all(passes(part, attributes) for part in parts)
        case filters.OrFilter(parts):
            return any(passes(part, attributes) for part in parts)
        case filters.NotEqualFilter() | filters.NotInFilter():
            return not holds(condition, attributes)
    return holds(condition, attributes)


def holds(condition, attributes):
    if condition.key not in attributes:
        return False
    held, value = attributes[condition.key], condition.value
    if isinstance(value, list):
        return any(same(held, one) for one in value)
    if type(condition) in ORDERS:
        return kind_of(held) == kind_of(value) and ORDERS[type(condition)](held, value)
    return same(held, value)


async def stored(store, described):
    """A store with a completed file for each of the maps of attributes; returns its id and the files' by their row."""
    given = await samples.files(store, len(described))
    made = await samples.vector_store(store)
    for file_id, attributes in zip(given, described, strict=True):
        await store.vector_store_files.attach(OURS, made.id, samples.new_file(file_id, attributes), NOW)
    await samples.indexed(store, made)
    return made.id, {(await store.vector_store_files.row_numbers(OURS, made.id, one))[1]: one for one in given}, given


async def found(store, store_id, rows, condition):
    (scope,) = await store.vector_stores.scopes(OURS, [store_id], condition, NOW)
    return {rows[seq] for seq in scope.files}


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_a_filter_in_sql_matches_the_same_files_as_in_python(request, tmp_path_factory, dialect):
    async def check(described, conditions):
        url = request.getfixturevalue("session_postgres")() if dialect == "postgres" else None
        store = await open_store(tmp_path_factory.mktemp("filters"), url)
        try:
            store_id, rows, given = await stored(store, described)
            for condition in conditions:
                expected = {one for one, held in zip(given, described, strict=True) if passes(condition, held)}
                assert await found(store, store_id, rows, condition) == expected
        finally:
            await store.close()

    @hypothesis.settings(max_examples=15 if dialect == "sqlite" else 5, deadline=None)
    @hypothesis.given(st.lists(ATTRIBUTES, min_size=1, max_size=12), st.lists(CONDITIONS, min_size=1, max_size=12))
    def run(described, conditions):
        asyncio.run(check(described, conditions))

    run()


async def test_texts_with_sql_are_compared_and_never_executed(store):
    texts = [text for text in ODD_TEXTS if "\x00" not in text]
    store_id, rows, given = await stored(store, [{"text": text} for text in texts])
    for text, file_id in zip(texts, given, strict=True):
        assert await found(store, store_id, rows, filters.EqualFilter("text", text)) == {file_id}
        assert await found(store, store_id, rows, filters.EqualFilter(text, text)) == set()


async def test_replaced_and_detached_attributes_do_not_match_filters(store):
    store_id, rows, given = await stored(store, [{"year": 1}, {"year": 1}, {"year": 1}])
    await store.vector_store_files.describe(OURS, store_id, given[0], {"year": 2})
    await store.vector_store_files.detach(OURS, store_id, given[1])
    assert await found(store, store_id, rows, filters.EqualFilter("year", 1)) == {given[2]}


async def test_only_completed_files_pass(store):
    store_id, rows, given = await stored(store, [{"year": 1}])
    (other,) = await samples.files(store, 1)
    await store.vector_store_files.attach(OURS, store_id, samples.new_file(other, {"year": 1}), NOW)
    assert await found(store, store_id, rows, filters.EqualFilter("year", 1)) == {given[0]}


def test_a_filter_has_a_depth_and_a_size():
    deep = filters.EqualFilter("a", 1)
    for _ in range(7):
        deep = filters.AndFilter([deep])
    check_filter(deep)
    with pytest.raises(InvalidBody, match=r"nested too deeply\. Expected at most 8 levels"):
        check_filter(filters.AndFilter([deep]))
    with pytest.raises(InvalidBody, match=r"too many filters\. Expected at most 256, but got 257 instead"):
        check_filter(filters.OrFilter([filters.EqualFilter("a", 1)] * 256))
