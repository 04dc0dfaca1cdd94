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
_SOUGHT = re.compile(
    rf"\b(?:search|look|check|go|read|browse|scan)\b(?:\s+(?:in|into|through|inside|at|up|over)){{0,2}}\s+{_FILES}"
    r"\s*(?:,?\s*(?:for|and|to|then))?\s*",
    re.IGNORECASE,
)
_TOLD = re.compile(
    rf"\b(?:what\s+)?(?:do|does|did|can|is)\s+{_FILES}\s+(?:say|tell|mention|state|contain|know|explain|describe|include)"
    r"(?:\s+(?:me|us))?(?:\s+(?:about|on|regarding|of))?\s*",
    re.IGNORECASE,
)
_USED = re.compile(
    r"(?:\b(?:using|according\s+to|based\s+on|on\s+the\s+basis\s+of|from|inside|within|in|with|by|via|per|use|of|on)\s+)?"
    rf"\b{_FILES}(?:\s+(?:to|and)(?:\s+answer)?\b)?\s*[,:]?",
    re.IGNORECASE,
)
_FOUND_IN = re.compile(rf"\b(?:according\s+to|based\s+on|using|from|inside|within|in)\s+{_FILES}", re.IGNORECASE)
_POLITE = re.compile(
    r"^(?:\W*(?:hi(?: there)?|hello|hey|please|kindly|and|so|ok|okay|also|now|well|thanks|thank you"
    r"|(?:can|could|would|will) you(?: please)?"
    r"|i(?:'d| would)? (?:want|like|need) to (?:know|find out|see)|i(?:'m| am) (?:wondering|looking for|interested in)"
    r"|do you know|tell (?:me|us)|let (?:me|us) know|show (?:me|us)|give (?:me|us)|find out|find|look up|look for"
    r"|search for|search|help (?:me|us)(?: (?:to )?(?:find|understand))?|what about|how about|about|for|if)\b)+[\s,:]*",
    re.IGNORECASE,
)
_FINALLY = re.compile(r"[\s,]*\b(?:please|thanks|thank you|for me)\W*$", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[?.!\u3002\uff01\uff1f])\s+|(?<=[\u3002\uff01\uff1f])|\n+")
_TERM = re.compile(r"[^\W_](?:[\w'\u2019]|[-./](?=\w))*")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
_ASKED = re.compile(
    r"[?\uff1f]\W*$|\b(?:tell|give|show|find|explain|describe|summari[sz]e|list|search|look up)\b", re.IGNORECASE
)
_THANKED = re.compile(r"\W*(?:thanks|thank you|thx)\b", re.IGNORECASE)
_ELLIPTIC = re.compile(
    r"^\W*(?:and|but|what about|how about|why)\b"
    r"|\b(?:he|she|it|its|they|them|their|his|her|him|that|this|those|these|one)\b",
    re.IGNORECASE,
)
_OVERVIEW = re.compile(
    r"\b(?:summari[sz]e|summary|overview|gist|tl;?dr|what(?:'s| is| are)? (?:in|inside|about))\b", re.IGNORECASE
)
_ASKING = words.listed(
    """according answer answers attached available based called contain contains describe document documents exactly
    explain far file files find get list long many mention mentions name named often old please provided question say
    says search state states summarise summarize summary tall tell uploaded"""
)
_MOST_QUERIES = 3
_LONGEST = 300
_MOST_TERMS = 24


@dataclass(frozen=True, slots=True)
class Question:
    """One question: `text` as it was asked, `terms` what an answer should have, in lower case or as stems.

    `earlier` are the terms of the question before, for one that only makes sense with it.
    """

    text: str
    terms: tuple[str, ...]
    earlier: tuple[str, ...] = ()


def asks(text: str) -> bool:
    """Whether it wants to know something."""
    return bool(_ASKED.search(text) and terms(gist(text)))


def names_files(text: str) -> bool:
    return bool(_NAMED.search(text)) and not (_THANKED.match(text) and not _ASKED.search(text))


def sends_to_files(text: str) -> bool:
    """Whether it says that the answer is to be found in the files: "what do the files say about", "in the docs"."""
    return any(pattern.search(text) for pattern in (_SOUGHT, _TOLD, _FOUND_IN))


def wants_overview(text: str) -> bool:
    """Whether it asks what is there rather than for something in it."""
    return not terms(gist(text)) or (bool(_OVERVIEW.search(text)) and names_files(text) and len(terms(gist(text))) < 2)


def queries(text: str, before: str = "") -> list[str]:
    """Up to three, the plainest first: the question or its sentences, its keywords, these with those of `before`."""
    asked = _sentences(gist(text)) if terms(gist(text)) else [_POLITE.sub("", text)]
    found = [tokens.shorten(sentence, _LONGEST) for sentence in asked]
    keywords = " ".join(_keywords(" ".join(asked)))
    if len(found) == 1 and keywords:
        found.append(tokens.shorten(keywords, _LONGEST))
    if before and _ELLIPTIC.search(text):
        found.append(
            tokens.shorten(" ".join(dict.fromkeys([*_keywords(gist(before)), *_keywords(gist(text))])), _LONGEST)
        )
    distinct = {query.casefold().strip(" ?.!"): query.strip() for query in reversed(found) if query.strip(" ?.!")}
    return list(reversed(distinct.values()))[:_MOST_QUERIES] or [tokens.shorten(text.strip(), _LONGEST)]


def asked(text: str, before: str = "") -> list[Question]:
    """The questions of a message, at most three; one of everything where its sentences do not stand alone."""
    earlier = tuple(terms(gist(before))) if before and _ELLIPTIC.search(text) else ()
    sentences = [Question(s, tuple(terms(s)), earlier) for s in _sentences(gist(text))]
    able = [question for question in sentences if question.terms]
    return able or [Question(text, tuple(terms(gist(text))), earlier)]


def gist(text: str) -> str:
    """The text without courtesies, and without saying that the answer is in the files."""
    plain = _SOUGHT.sub(" ", _TOLD.sub(" ", text))
    plain = " ".join(_USED.sub(" ", plain).split())
    plain = _FINALLY.sub("", _POLITE.sub("", plain)).strip(" ,")
    return plain if words.words(plain) or re.search(r"\w", plain) else ""


def terms(text: str) -> list[str]:
    """Stems of what is asked for; pairs of signs where a script has no spaces."""
    found = [words.stem(word) for word in _keywords(text)]
    for run in _UNSPACED.findall(text):
        found += [run[at : at + 2] for at in range(max(1, len(run) - 1))]
    return list(dict.fromkeys(found))[:_MOST_TERMS]


def _keywords(text: str) -> list[str]:
    said = (match[0].removesuffix("'s").removesuffix("\u2019s") for match in _TERM.finditer(text))
    return [word for word in said if not _says_nothing(word)]


def _says_nothing(word: str) -> bool:
    lowered = word.lower().replace("\u2019", "'")
    return lowered in words.STOP or lowered in _ASKING or bool(_UNSPACED.fullmatch(word)) or len(word) > 60


def _sentences(text: str) -> Sequence[str]:
    """The questions of a text that asks several; else the text."""
    parts = [part.strip() for part in _SENTENCE.split(text) if part and part.strip()]
    questions = [part for part in parts if part[-1] in "?\uff1f"]
    if len(questions) > 1:
        return [_POLITE.sub("", part) or part for part in questions[:_MOST_QUERIES]]
    if len(questions) == 1 and len(parts) > 1 and len(terms(questions[0])) > 1:
        return questions
    return [text] if text else []
