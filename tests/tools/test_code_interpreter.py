"""The code of a call, read while its arguments arrive."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.tools.code_interpreter import CodeArguments


def read(*fragments):
    reading = CodeArguments()
    return "".join(map(reading.feed, fragments)) + reading.finish()


@given(st.text(), st.booleans(), st.lists(st.integers(0, 200), max_size=10))
def test_the_code_is_the_same_however_its_json_is_cut(code, ascii_only, ends):
    text = json.dumps({"code": code}, ensure_ascii=ascii_only)
    ends = sorted(min(end, len(text)) for end in ends)
    pieces = [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]
    assert read(*pieces) == code


def test_code_is_streamed_before_its_json_is_complete():
    reading = CodeArguments()
    assert [reading.feed(piece) for piece in ('{"co', 'de": "print', "(1)", "\\", 'n"}')] == [
        "",
        "print",
        "(1)",
        "",
        "\n",
    ]


@pytest.mark.parametrize("code", ["print(1)\n", "x = {1: 2}", "'quoted'"])
def test_bare_code_is_understood(code):
    assert read(*code) == code


def test_another_name_for_the_member_is_understood():
    assert read('{"input": "1 + 1"}') == "1 + 1"
