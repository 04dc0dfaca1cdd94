"""What is counted of a JSON text before it is decoded."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.wire.json_size import find_excess, is_deep_at_start

MIB = 1 << 20
VALUES = st.recursive(
    st.none() | st.integers() | st.text(alphabet='a,[{"\\\\]}', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet='b:,"[', max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


def counts(value):
    """Values beside the first of each container, and containers."""
    if not isinstance(value, (list, dict)):
        return 0, 0
    inner = list(value.values() if isinstance(value, dict) else value)
    found = [counts(one) for one in inner]
    opened = 1 + sum(containers for _, containers in found)
    return 1 + max(0, len(inner) - 1) + sum(values for values, _ in found), opened


@given(VALUES, st.integers(3, 12))
def test_a_text_is_refused_exactly_above_the_limit(value, most):
    found, opened = counts(value)
    refused = find_excess(json.dumps(value).encode(), most)
    assert (refused is not None) == (found > most or opened > most // 3)


@pytest.mark.parametrize("shift", range(-3, 4))
@pytest.mark.parametrize("escape", ['\\"', "\\\\", '\\\\\\"'])
def test_an_escape_at_the_edge_of_a_slice_ends_no_string(shift, escape):
    text = "a" * (MIB - 2 + shift) + escape + "[" * 200 + "," * 200
    data = f'{{"text":"{text}","more":[1,2,3]}}'.encode()
    assert find_excess(data, 100) is None
    assert find_excess(data + b"[" * 40, 100) == "at most 33 arrays and objects"


def test_escaped_characters_are_counted_since_each_costs_as_much_as_a_value():
    assert find_excess(b'{"text":"' + rb"\n" * 8_000_000 + b'"}') is None
    assert find_excess(b'{"text":"' + rb"\n" * 8_000_001 + b'"}') == "at most 8000000 escaped characters"


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"[":[', b'{"\\"]":'])
def test_a_text_that_nests_without_end_is_known_by_its_beginning(opening):
    assert is_deep_at_start(opening * 10_000, 100)
    assert not is_deep_at_start(json.dumps({"a": (opening * 10_000).decode()}).encode(), 100)
