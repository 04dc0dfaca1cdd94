"""Reduces a question to its search terms. Knows no index."""

import re
from typing import Final

_APOSTROPHE: Final = "['\u2019]"
_SUBJECT: Final = r"(?: there| it| i| we| you| one)?"
_VERB: Final = "(?: is| are| was| were| do| does| did| can| could| should| would| will)"
_WISH: Final = "(?:want|need|like|wish|am trying|are trying)(?: to (?:know|find out|understand|learn|see))?"
_WONDER: Final = "(?:wondering|looking for|interested in|curious about|trying to find out)"
_OPENING_PHRASES: Final = (
    r"(?:hi|hello|hey)(?: there)?",
    r"(?:could|can|would|will) (?:you|we|i|someone|anybody|anyone)(?: please| kindly)?",
    r"(?:please|kindly|so|well|ok|okay|now)",
    rf"(?:i|we)(?: would|{_APOSTROPHE}d)? {_WISH}",
    rf"(?:i am|i{_APOSTROPHE}m|we are|we{_APOSTROPHE}re) {_WONDER}",
    r"(?:tell|show|give|explain|describe|find|help)(?: to)? (?:me|us)(?: about| with)?",
    r"(?:explain|describe|find|search for|look up|look for|tell)",
    r"(?:do|does|did) (?:you|anyone|anybody|somebody|someone) know(?: about)?",
    rf"(?:what|who|where|when|which|how(?: many| much)?|why)(?:{_APOSTROPHE}s|{_VERB})?{_SUBJECT}(?: called)?",
    rf"(?:is|are|was|were|do|does|did|should|may|might|can|could|will|has|have|had){_SUBJECT}",
    r"(?:the|a|an|if|whether|about|of|to)",
)
_OPENING_PATTERN = re.compile(rf"(?:{'|'.join(_OPENING_PHRASES)})(?=[\s,:;!.]|$)[\s,:;!.]*", re.IGNORECASE)
_CLOSING_PATTERN = re.compile(r"[\s,]*(?:please|thanks|thank you|thx|for me|if possible)?[\s?!.]*$", re.IGNORECASE)


def rewrite(query: str) -> str:
    """The query without politeness and question words; the query itself if nothing else would be left."""
    rest = plain = _CLOSING_PATTERN.sub("", " ".join(query.split()))
    while match := _OPENING_PATTERN.match(rest):
        rest = rest[match.end() :]
    return _CLOSING_PATTERN.sub("", rest) or plain or query.strip()
