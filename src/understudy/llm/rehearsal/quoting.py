"""Quotes what somebody said, on one line and without letting it change the markdown around it."""

import re

from understudy.llm import tokens

_MARKUP = re.compile(r"[*_`<>\[\]#|~\\$]")
_MAX_LENGTH = 140


def quote_sentence(text: str) -> str:
    """The quotation with a full stop behind it, unless it brings its own end."""
    quoted = quote(text)
    return quoted if quoted[-2] in ".!?\u2026" and quoted[-1] == "\u201d" else f"{quoted}."


def quote(text: str) -> str:
    """In curly quotes, or as a code span where it holds markdown."""
    line = tokens.shorten(" ".join(text.split()), _MAX_LENGTH)
    if not _MARKUP.search(line):
        return f"\u201c{line}\u201d"
    fence = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    space = " " if "`" in line else ""
    return f"{fence}{space}{line}{space}{fence}"
