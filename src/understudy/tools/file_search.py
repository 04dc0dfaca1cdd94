"""The file search tool as a model sees it: how it is offered, what it may ask, how passages are shown to it.

Pure; searches nothing. Source of the numbers: the hosted API's guide to file search.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

# What a file could say to have its words, or what the model makes of them, cited from another file.
_CITATION_OPENING: Final = re.compile("\u3010(?=\\s*\\d+\\s*[:\u2020])")
NAME: Final = "file_search"
_MAX_QUERIES: Final = 5
_MAX_QUERY_LENGTH: Final = 4096
_MAX_NAME_LENGTH: Final = 300
_SMALL_CONTEXT_MODELS: Final = ("gpt-3.5",)
_NO_MATCHES: Final = "No passage of the files matches these queries."
_CITATION_INSTRUCTIONS: Final = (
    "Passages of the user's files, the best first. Each begins with its mark. Where a sentence of your answer rests on "
    "a passage, put the passage's mark right behind it, exactly as it is written here, brackets included."
)


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage that was found. Its mark names the model turn that searched, and its place in what that turn found."""

    turn: int
    index: int
    file_id: str
    filename: str
    text: str

    @property
    def mark(self) -> str:
        return f"\u3010{self.turn}:{self.index}\u2020{sanitize_citation_name(self.filename)}\u3011"


def sanitize_citation_name(filename: str) -> str:
    """The file's name without what would end a mark, and of the length that a mark may have."""
    return "".join(" " if sign in "\u3010\u3011\n\r" else sign for sign in filename[:_MAX_NAME_LENGTH])


def definition(name: str) -> dict[str, Any]:
    """The function that stands for the tool in a chat completions request."""
    queries = {
        "type": "array",
        "items": {"type": "string"},
        "minItems": 1,
        "maxItems": _MAX_QUERIES,
        "description": "What to look for. Several short queries that put the question differently find more than one.",
    }
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": "Searches the files that the user has uploaded and returns the passages that fit best. Use "
            "it whenever the answer may be in a file.",
            "parameters": {
                "type": "object",
                "properties": {"queries": queries},
                "required": ["queries"],
                "additionalProperties": False,
            },
        },
    }


def parse_queries(arguments: str) -> list[str]:
    """What a call asks for. Models that do not keep to the schema are understood: one text, or other names."""
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
    """How many passages a search brings where the tool does not say."""
    return 5 if _has_small_context(model) else 20


def count_within_budget(model: str, sizes: Sequence[int]) -> int:
    """How many of the passages, the best first, there is room for in the model's context; sizes in tokens."""
    left = 4_000 if _has_small_context(model) else 16_000
    for number, size in enumerate(sizes):
        left -= size
        if left < 0:
            return max(number, 1)
    return len(sizes)


def render_passages(passages: Sequence[Passage]) -> str:
    """The answer to a call, as the model reads it. Only the marks that are put here look like marks."""
    if not passages:
        return _NO_MATCHES
    texts = [f"{passage.mark}\n{_CITATION_OPENING.sub('[', passage.text)}" for passage in passages]
    return "\n\n".join([_CITATION_INSTRUCTIONS, *texts])


def _has_small_context(model: str) -> bool:
    return model.rpartition("/")[2].startswith(_SMALL_CONTEXT_MODELS)
