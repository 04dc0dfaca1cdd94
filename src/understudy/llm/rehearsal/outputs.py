"""Renders what functions and code returned, and quotes texts, without letting them change the Markdown around them."""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from understudy.llm import tokens
from understudy.llm.rehearsal.conversation import Output

_MAX_OUTPUT: Final = 700
_MAX_PRINTED: Final = 1_500
_MAX_QUOTE: Final = 140
_FILES = re.compile(r"(?:\A|\n)\[files: (/.*)\]\Z", re.DOTALL)
_FIGURES = re.compile(r"(?:\A|\n)\[(\d{1,4}) figures? shown to the user\]\Z")
_ERROR_LINE = re.compile(r"(?:[\w.]{1,80}\.)?[A-Z]\w{0,60}(?:Error|Exception|Interrupt|Exit)\b")
_COLOUR = re.compile(r"\x1b\[[0-9;]{0,20}m")
_MARKUP = re.compile(r"[*_`<>\[\]#|~\\$]")


def parse_object(text: str) -> dict[str, Any]:
    """The members of a JSON object; empty where the text is something else."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def render_outputs(outputs: Sequence[Output]) -> str:
    """A sentence for each output, as a list where there are several."""
    sentences = [f"`{output.name}` returned {_render_content(output.text.strip())}" for output in outputs]
    return sentences[0] if len(sentences) == 1 else "\n".join(f"- {sentence}" for sentence in sentences)


def _render_content(text: str) -> str:
    if not text:
        return "nothing."
    if "\n" in text:
        fence = "`" * max(3, 3, *(len(run) + 1 for run in re.findall("`+", text)))
        return f"this:\n\n{fence}\n{tokens.shorten(text, _MAX_PRINTED)}\n{fence}"
    content = tokens.shorten(text, _MAX_OUTPUT)
    content = fence_inline(content) if _MARKUP.search(content) else content
    return content if content[-1] in ".!?" else f"{content}."


def render_code_result(output: str) -> str:
    """What code printed, the figures it drew and links to the files it wrote, or the error that ended it."""
    text = _COLOUR.sub("", output).strip("\n ")
    files = match[1].split(", /") if (match := _FILES.search(text)) else []
    text = _FILES.sub("", text)
    figures = int(match[1]) if (match := _FIGURES.search(text)) else 0
    text = _FIGURES.sub("", text).removeprefix("[no output]").strip("\n")
    verb = "failed with" if _ERROR_LINE.match(text.rpartition("\n")[2]) else "printed"
    parts = [f"The code {verb} {_render_content(text)}"] if text or not (figures or files) else []
    parts += [f"I drew {'the figure' if figures == 1 else f'{figures} figures'} that you see here."] if figures else []
    parts += [f"The code wrote [{quote(path.rpartition('/')[2])}](sandbox:/{path.lstrip('/')})." for path in files]
    return "\n\n".join(parts)


def quote(text: str) -> str:
    """On one line, in curly quotes, or as a code span where it contains Markdown."""
    line = tokens.shorten(" ".join(text.split()), _MAX_QUOTE)
    return fence_inline(line) if _MARKUP.search(line) else f"\u201c{line}\u201d"


def fence_inline(text: str) -> str:
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"
