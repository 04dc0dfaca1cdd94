"""What a message wants to know: as queries for a search in files, and as the words that an answer should have.

Courtesies and references to the files themselves are no part of a question. Knows no passages.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from understudy.llm import tokens
from understudy.llm.rehearsal import words

_FILES = (
    r"(?:(?:the|my|our|your|these|those|this|that|any|all|an?|of|attached|uploaded|available|provided|given|following"
    r"|relevant|two|three|both)\s+){0,5}"
    r"(?:(?:built_in_)?file[\s_]*search(?:\s+(?:tool|function))?|files?|documents?|docs?|pdfs?|attachments?|uploads?|knowledge\s*base|vector\s*stores?)\b"
    r"(?:\s+(?:(?:that|which)\s+)?(?:(?:you|i|we)(?:'ve|\s+have|\s+can)?(?:\s+(?:got|been))?|are|is)"
    r"(?:\s+(?:access(?:\s+to)?|available|uploaded|attached|provided|given|shared|sent|see|search))?)?"
)
_NAMED = re.compile(rf"\b{_FILES}", re.IGNORECASE)
_SEARCH_IN_FILES = re.compile(
    rf"\b(?:search|look|check|go|read|browse|scan)\b(?:\s+(?:in|into|through|inside|at|up|over)){{0,2}}\s+{_FILES}"
    r"\s*(?:,?\s*(?:for|and|to|then))?\s*",
    re.IGNORECASE,
)
_FILES_SAY = re.compile(
    rf"\b(?:what\s+)?(?:do|does|did|can|is)\s+{_FILES}\s+(?:say|tell|mention|state|contain|know|explain|describe|include)"
    r"(?:\s+(?:me|us))?(?:\s+(?:about|on|regarding|of))?\s*",
    re.IGNORECASE,
)
_USING_FILES = re.compile(
    r"(?:\b(?:using|according\s+to|based\s+on|on\s+the\s+basis\s+of|from|inside|within|in|with|by|via|per|use|of|on)\s+)?"
    rf"\b{_FILES}(?:\s+(?:to|and)(?:\s+answer)?\b)?\s*[,:]?",
    re.IGNORECASE,
)
_IN_FILES = re.compile(rf"\b(?:according\s+to|based\s+on|using|from|inside|within|in)\s+{_FILES}", re.IGNORECASE)
_COURTESY_PREFIX = re.compile(
    r"^(?:\W*(?:hi(?: there)?|hello|hey|please|kindly|and|so|ok|okay|also|now|well|thanks|thank you"
    r"|(?:can|could|would|will) you(?: please)?"
    r"|i(?:'d| would)? (?:want|like|need) to (?:know|find out|see)|i(?:'m| am) (?:wondering|looking for|interested in)"
    r"|do you know|tell (?:me|us)|let (?:me|us) know|show (?:me|us)|give (?:me|us)|find out|find|look up|look for"
    r"|search for|search|help (?:me|us)(?: (?:to )?(?:find|understand))?|what about|how about|about|for|if)\b)+[\s,:]*",
    re.IGNORECASE,
)
_COURTESY_SUFFIX = re.compile(r"[\s,]*\b(?:please|thanks|thank you|for me)\W*$", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[?.!\u3002\uff01\uff1f])\s+|(?<=[\u3002\uff01\uff1f])|\n+")
_TERM = re.compile(r"[^\W_](?:[\w'\u2019]|[-./](?=\w))*")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
_REQUEST_PATTERN = re.compile(
    r"[?\uff1f]\W*$|\b(?:tell|give|show|find|explain|describe|summari[sz]e|list|search|look up)\b", re.IGNORECASE
)
_THANKS_PATTERN = re.compile(r"\W*(?:thanks|thank you|thx)\b", re.IGNORECASE)
_ELLIPTIC = re.compile(
    r"^\W*(?:and|but|what about|how about|why)\b"
    r"|\b(?:he|she|it|its|they|them|their|his|her|him|that|this|those|these|one)\b",
    re.IGNORECASE,
)
_OVERVIEW = re.compile(
    r"\b(?:summari[sz]e|summary|overview|gist|tl;?dr|what(?:'s| is| are)? (?:in|inside|about))\b", re.IGNORECASE
)
_QUESTION_WORDS = words.listed(
    """according answer answers attached available based called contain contains describe document documents exactly
    explain far file files find get list long many mention mentions name named often old please provided question say
    says search state states summarise summarize summary tall tell uploaded"""
)
_MAX_QUERIES = 3
_MAX_LENGTH = 300
_MAX_TERMS = 24


@dataclass(frozen=True, slots=True)
class Question:
    """One question: `text` as it was asked, `terms` what an answer should have, in lower case or as stems.

    `earlier` are the terms of the question before, for one that only makes sense with it.
    """

    text: str
    terms: tuple[str, ...]
    earlier: tuple[str, ...] = ()


def is_question(text: str) -> bool:
    """Whether it wants to know something."""
    return bool(_REQUEST_PATTERN.search(text) and terms(strip_courtesies(text)))


def names_files(text: str) -> bool:
    return bool(_NAMED.search(text)) and not (_THANKS_PATTERN.match(text) and not _REQUEST_PATTERN.search(text))


def refers_to_files(text: str) -> bool:
    """Whether it says that the answer is to be found in the files: "what do the files say about", "in the docs"."""
    return any(pattern.search(text) for pattern in (_SEARCH_IN_FILES, _FILES_SAY, _IN_FILES))


def wants_overview(text: str) -> bool:
    """Whether it asks what is there rather than for something in it."""
    return not terms(strip_courtesies(text)) or (
        bool(_OVERVIEW.search(text)) and names_files(text) and len(terms(strip_courtesies(text))) < 2
    )


def queries(text: str, before: str = "") -> list[str]:
    """Up to three, the plainest first: the question or its sentences, its keywords, these with those of `before`."""
    asked = (
        _split_questions(strip_courtesies(text)) if terms(strip_courtesies(text)) else [_COURTESY_PREFIX.sub("", text)]
    )
    found = [tokens.shorten(sentence, _MAX_LENGTH) for sentence in asked]
    keywords = " ".join(_extract_keywords(" ".join(asked)))
    if len(found) == 1 and keywords:
        found.append(tokens.shorten(keywords, _MAX_LENGTH))
    if before and _ELLIPTIC.search(text):
        found.append(
            tokens.shorten(
                " ".join(
                    dict.fromkeys(
                        [*_extract_keywords(strip_courtesies(before)), *_extract_keywords(strip_courtesies(text))]
                    )
                ),
                _MAX_LENGTH,
            )
        )
    distinct = {query.casefold().strip(" ?.!"): query.strip() for query in reversed(found) if query.strip(" ?.!")}
    return list(reversed(distinct.values()))[:_MAX_QUERIES] or [tokens.shorten(text.strip(), _MAX_LENGTH)]


def find_questions(text: str, before: str = "") -> list[Question]:
    """The questions of a message, at most three; one of everything where its sentences do not stand alone."""
    earlier = tuple(terms(strip_courtesies(before))) if before and _ELLIPTIC.search(text) else ()
    sentences = [Question(s, tuple(terms(s)), earlier) for s in _split_questions(strip_courtesies(text))]
    able = [question for question in sentences if question.terms]
    return able or [Question(text, tuple(terms(strip_courtesies(text))), earlier)]


def strip_courtesies(text: str) -> str:
    """The text without courtesies, and without saying that the answer is in the files."""
    plain = _SEARCH_IN_FILES.sub(" ", _FILES_SAY.sub(" ", text))
    plain = " ".join(_USING_FILES.sub(" ", plain).split())
    plain = _COURTESY_SUFFIX.sub("", _COURTESY_PREFIX.sub("", plain)).strip(" ,")
    return plain if words.words(plain) or re.search(r"\w", plain) else ""


def terms(text: str) -> list[str]:
    """Stems of what is asked for; pairs of signs where a script has no spaces."""
    found = [words.stem(word) for word in _extract_keywords(text)]
    for run in _UNSPACED.findall(text):
        found += [run[at : at + 2] for at in range(max(1, len(run) - 1))]
    return list(dict.fromkeys(found))[:_MAX_TERMS]


def _extract_keywords(text: str) -> list[str]:
    said = (match[0].removesuffix("'s").removesuffix("\u2019s") for match in _TERM.finditer(text))
    return [word for word in said if not _is_stop_word(word)]


def _is_stop_word(word: str) -> bool:
    lowered = word.lower().replace("\u2019", "'")
    return (
        lowered in words.STOP_WORDS or lowered in _QUESTION_WORDS or bool(_UNSPACED.fullmatch(word)) or len(word) > 60
    )


def _split_questions(text: str) -> Sequence[str]:
    """The questions of a text that asks several; else the text."""
    parts = [part.strip() for part in _SENTENCE.split(text) if part and part.strip()]
    questions = [part for part in parts if part[-1] in "?\uff1f"]
    if len(questions) > 1:
        return [_COURTESY_PREFIX.sub("", part) or part for part in questions[:_MAX_QUERIES]]
    if len(questions) == 1 and len(parts) > 1 and len(terms(questions[0])) > 1:
        return questions
    return [text] if text else []
