"""Words as they are compared: stems without stop words, and the parts of identifiers. English only."""

import re

from understudy.text.stemming import stem
from understudy.text.stop_words import STOP_WORDS

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_NAME_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W_a-zA-Z]+")
_POLITE = frozenset({"please", "thanks", "thank", "hello", "hi", "hey", "also", "now", "let's", "just", "tell", "show"})


def is_stop_word(word: str) -> bool:
    return re.split("['\u2019]", word.lower())[0] in STOP_WORDS | _POLITE


def stem_word(word: str) -> str:
    return stem(word.lower().replace("\u2019", "'").removesuffix("'s"))


def extract_stems(text: str) -> list[str]:
    """The stems of the words that carry a meaning, each once, in order."""
    return list(dict.fromkeys(stem_word(word) for word in _WORD.findall(text) if not is_stop_word(word)))


def split_identifier(name: str) -> list[str]:
    """`getCurrent_weather` as get, current, weather."""
    return [part.lower() for part in _NAME_PART.findall(name)]
