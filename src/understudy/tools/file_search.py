"""The file search tool of a model: its definition, its queries, and its result for the model. Pure; searches nothing.

Source of the numbers: the hosted API's guide to file search.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from understudy.tools.functions import define_function

# A file could contain a mark, to have its text cited from another file.
_CITATION_OPENING: Final = re.compile("\u3010(?=\\s*\\d+\\s*[:\u2020])")
_MAX_QUERIES: Final = 5
_MAX_QUERY_LENGTH: Final = 4096
_MAX_NAME_LENGTH: Final = 300
_SMALL_CONTEXT_MODELS: Final = ("gpt-3.5",)
_NO_MATCHES: Final = "No passage of the files matches these queries."
_CITATION_INSTRUCTIONS: Final = (
    "Passages of the user's files, the best first. Each begins with its mark. Where a sentence of your answer rests on "
    "a passage, put the passage's mark right after it, exactly as it is written here, brackets included."
)


@dataclass(frozen=True, slots=True)
class Passage:
    """A search result. Its mark names the model turn that searched, and the rank in its results.

    `page` and `heading_path` are where it starts; None and empty if unknown.
    """

    turn: int
    index: int
    file_id: str
    filename: str
    text: str
    page: int | None = None
    heading_path: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What its mark names."""
        return sanitize_citation_name(self.filename)

    @property
    def mark(self) -> str:
        return f"\u3010{self.turn}:{self.index}\u2020{self.name}\u3011"

    @property
    def place(self) -> str:
        """The page and the headings for a model: `page 3, Handbook > Engines`."""
        page = "" if self.page is None else f"page {self.page}"
        return ", ".join(part for part in (page, " > ".join(self.heading_path)) if part)


def sanitize_citation_name(filename: str) -> str:
    """The file name without characters that end a mark, truncated to the length of a mark."""
    return "".join(" " if sign in "\u3010\u3011\n\r" else sign for sign in filename[:_MAX_NAME_LENGTH])


def definition(name: str) -> dict[str, Any]:
    """The function definition for chat completions."""
    queries = {
        "type": "array",
        "items": {"type": "string"},
        "minItems": 1,
        "maxItems": _MAX_QUERIES,
        "description": "What to look for. Several short queries that put the question differently find more than one.",
    }
    description = (
        "Searches the files that the user has uploaded and returns the passages that fit best. Use "
        "it whenever the answer may be in a file."
    )
    return define_function(name, description, {"queries": queries})


def parse_queries(arguments: str) -> list[str]:
    """The queries of a call. Arguments that violate the schema are accepted: a single string, or other member names."""
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        value = arguments
    if isinstance(value, dict):
        value = value.get("queries") or value.get("query") or list(value.values())
    listed = value if isinstance(value, list) else [value]
    texts = [text for text in listed if isinstance(text, str)]
    stripped = (text.strip()[:_MAX_QUERY_LENGTH] for text in texts)
    return list(dict.fromkeys(text for text in stripped if text))[:_MAX_QUERIES]


def max_results(model: str) -> int:
    """The default number of results of the tool."""
    return 5 if _has_small_context(model) else 20


def count_within_budget(model: str, sizes: Sequence[int]) -> int:
    """How many passages, the best first, fit into the model's context; sizes in tokens."""
    left = 4_000 if _has_small_context(model) else 16_000
    for number, size in enumerate(sizes):
        left -= size
        if left < 0:
            return max(number, 1)
    return len(sizes)


def render_passages(passages: Sequence[Passage]) -> str:
    """The tool result for the model. Marks inside of passages are escaped."""
    if not passages:
        return _NO_MATCHES
    return "\n\n".join([_CITATION_INSTRUCTIONS, *map(_render_passage, passages)])


def _render_passage(passage: Passage) -> str:
    place, text = (_CITATION_OPENING.sub("[", part) for part in (passage.place, passage.text))
    return f"{passage.mark}{f' {place}' if place else ''}\n{text}"


def _has_small_context(model: str) -> bool:
    return model.rpartition("/")[2].startswith(_SMALL_CONTEXT_MODELS)
