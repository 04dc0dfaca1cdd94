"""What a query string is read as, and what a refused one is answered with."""

import contextlib
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.wire.parsing import InvalidQuery, Problem
from understudy.wire.queries import (
    IncludeQuery,
    ListMessagesQuery,
    ListQuery,
    ListRunStepsQuery,
    ListThreadsQuery,
    parse,
)

CONTENT = "step_details.tool_calls[*].file_search.results[*].content"
KINDS = [ListQuery, ListMessagesQuery, ListRunStepsQuery, ListThreadsQuery, IncludeQuery]


def refusal(query: bytes, kind=ListQuery) -> Problem:
    with pytest.raises(InvalidQuery) as caught:
        parse(query, kind)
    return caught.value.problem


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_query_everything_has_its_default(kind):
    assert parse(b"", kind) == kind()


def test_a_page_is_twenty_objects_and_begins_with_the_newest():
    assert (ListQuery().limit, ListQuery().order) == (20, "desc")


def test_every_parameter_of_a_list_is_read():
    query = parse(b"limit=100&order=asc&after=msg_1&before=msg_9", ListQuery)
    assert query == ListQuery(limit=100, order="asc", after="msg_1", before="msg_9")


def test_unknown_keys_are_ignored():
    assert parse(b"api-version=2024-05-01-preview&x&limit[]=7&run_id=run_1", ListQuery) == ListQuery()


def test_an_empty_cursor_is_ignored():
    assert parse(b"after=&before=", ListQuery) == ListQuery()


def test_values_are_percent_decoded():
    assert parse(b"q=a+b%20%C3%A9%26", ListThreadsQuery).q == "a b é&"


def test_metadata_is_filtered_by_pairs():
    query = parse(b"metadata[user]=u%201&metadata%5Bplan%5D=", ListThreadsQuery)
    assert query.metadata == {"user": "u 1", "plan": ""}


def test_messages_can_be_those_of_a_run():
    assert parse(b"run_id=run_1&order=asc", ListMessagesQuery) == ListMessagesQuery(run_id="run_1", order="asc")


@pytest.mark.parametrize(
    "query",
    [
        f"include[]={CONTENT}",
        f"include={CONTENT}",
        f"include[0]={CONTENT}",
        f"include%5B%5D={quote(CONTENT)}",
        f"include[]={CONTENT.replace('[*]', '%5B%2A%5D')}",
    ],
)
def test_an_array_may_be_written_in_several_ways(query):
    assert parse(query.encode(), IncludeQuery).include == [CONTENT]


@pytest.mark.parametrize("query", [f"include[]={CONTENT}&include[]={CONTENT}", f"include[]={CONTENT},{CONTENT}"])
def test_an_array_has_all_of_its_values(query):
    assert parse(query.encode(), ListRunStepsQuery).include == [CONTENT, CONTENT]


# query, kind, message, param, code
PROBLEMS = [
    (b"limit=abc", ListQuery, "Invalid type for 'limit': expected an integer, but got a string instead.", "limit", "invalid_type"),
    (b"limit=", ListQuery, "Invalid type for 'limit': expected an integer, but got a string instead.", "limit", "invalid_type"),
    (b"limit=5.5", ListQuery, "Invalid type for 'limit': expected an integer, but got a string instead.", "limit", "invalid_type"),
    (b"limit=%D9%A3", ListQuery, "Invalid type for 'limit': expected an integer, but got a string instead.", "limit", "invalid_type"),
    (b"limit=101", ListQuery, "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 instead.", "limit", "integer_above_max_value"),
    (b"limit=99999999999999999999", ListQuery, "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 99999999999999999999 instead.", "limit", "integer_above_max_value"),
    (b"limit=0", ListQuery, "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got 0 instead.", "limit", "integer_below_min_value"),
    (b"limit=-3", ListQuery, "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got -3 instead.", "limit", "integer_below_min_value"),
    (b"order=up", ListQuery, "Invalid value: 'up'. Supported values are: 'asc' and 'desc'.", "order", "invalid_value"),
    (b"order=asc&order=asc", ListQuery, "Duplicate parameter: 'order'. You provided multiple values for this parameter, whereas only one is allowed. If you are trying to provide a list of values, use the array syntax instead e.g. 'order[]=<value>'.", "order", "duplicate_parameter"),
    (b"include[]=content", IncludeQuery, f"Invalid value: 'content'. Supported values are: '{CONTENT}'.", "include[0]", "invalid_value"),
    (f"include[]={CONTENT}&include[]=x".encode(), ListRunStepsQuery, f"Invalid value: 'x'. Supported values are: '{CONTENT}'.", "include[1]", "invalid_value"),
    (b"metadata[k]=" + b"x" * 513, ListThreadsQuery, "Invalid 'metadata.k': string too long. Expected a string with maximum length 512, but got a string with length 513 instead.", "metadata.k", "string_above_max_length"),
    (b"order=up&limit=x", ListQuery, "Invalid type for 'limit': expected an integer, but got a string instead.", "limit", "invalid_type"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "kind", "text", "param", "code"), PROBLEMS)
def test_a_refused_query_is_explained_in_the_hosted_apis_words(query, kind, text, param, code):
    assert refusal(query, kind) == Problem(text, param, code)


def test_a_repeated_metadata_key_in_a_query_is_refused():
    assert refusal(b"metadata[k]=a&metadata[k]=b", ListThreadsQuery).code == "duplicate_parameter"


@given(
    st.binary(max_size=60)
    | st.lists(
        st.sampled_from(["limit=3", "limit=x", "order=asc", "after=a", "include[]=x", "metadata[a]=b", "q=%ff", "&&", "=", "metadata[", "include]="]),
        max_size=5,
    ).map(lambda parts: "&".join(parts).encode()),
    st.sampled_from(KINDS),
)  # fmt: skip
def test_every_query_is_parsed_or_refused_with_a_problem(query, kind):
    with contextlib.suppress(InvalidQuery):
        assert isinstance(parse(query, kind), kind)
