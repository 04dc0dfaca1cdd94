"""Log lines hold no key, and nobody outside can forge one."""

import logging
import sys

import pytest

from understudy.cli.logs import RedactingFormatter


def line(message, *arguments, known=(), error=None):
    record = logging.LogRecord("understudy.llm", logging.WARNING, "", 0, message, arguments, error)
    return RedactingFormatter(known).format(record)


@pytest.mark.parametrize(
    "message",
    [
        "refused sk-proj-abcdefgh12345678",
        "headers {'Authorization': 'Bearer abcdefgh12345678'}",
        "x-api-key: abcdefgh12345678",
    ],
)
def test_text_that_looks_like_a_key_is_redacted(message):
    assert "abcdefgh12345678" not in line(message)


def test_a_configured_secret_of_any_shape_is_left_out_of_messages_and_tracebacks():
    try:
        int("plainhex")
    except ValueError:
        text = line("told %s", "plainhex", known=["plainhex"], error=sys.exc_info())
    assert "plainhex" not in text
    assert "ValueError: invalid literal for int() with base 10: '…'" in text


def test_a_message_is_one_line():
    assert line("from outside: %s", "a\nERROR forged").count("\n") == 0
