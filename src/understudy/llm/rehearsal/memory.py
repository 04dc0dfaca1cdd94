"""What the user told in this conversation, and the answers to questions about it."""

import re

from understudy.llm.rehearsal import words
from understudy.llm.rehearsal.conversation import Conversation
from understudy.llm.rehearsal.quoting import quote, quote_sentence

_LABEL = r"((?:[\w'\u2019]{1,30} ){0,3}?[\w'\u2019]{1,30})"
_VALUE = r"((?:[^.,!?;\n]|\.(?=\S)){1,80}?)(?=,? (?:and|but|so) |\.(?:\s|$)|[,!?;\n]|$)"
_FACT = re.compile(rf"\b(?:my|our) {_LABEL} (?:is|are|was)(?: called| named)? {_VALUE}", re.IGNORECASE)
_NAME = re.compile(
    r"\b(?i:i am|i'm|i\u2019m|call me|i am called|i'm called|my name['\u2019]s) "
    r"(?!(?:American|British|English|French|German|Italian|Spanish|Indian|Chinese|Japanese|Russian|Dutch|Canadian)\b)"
    r"([A-Z][\w'\u2019-]{1,30}(?: [A-Z][\w'\u2019-]{1,30}){0,2})"
)
_PLACES = re.compile(rf"\bi (live in|am from|work at|work as|work for) {_VALUE}", re.IGNORECASE)
_AGE = re.compile(r"\bi(?: a|['\u2019])m (\d{1,3})(?: years old)?\b", re.IGNORECASE)

_ASKED_FACT = re.compile(
    rf"(?:what(?:'s|\u2019s| is| was| are)|who(?:'s| is)|remember|recall|know|tell me|remind me of|repeat)"
    rf" (?:again )?(?:my|our) {_LABEL}(?= again| please| called| named|[?.!,]|$)",
    re.IGNORECASE,
)
_ASKED_WHERE = re.compile(r"\bwhere (?:do|am) i (live|from|work)\b", re.IGNORECASE)
_ASKED_NAME = re.compile(r"\bwho am i\b|\bwhat am i called\b", re.IGNORECASE)
_ASKED_AGE = re.compile(r"\bhow old am i\b", re.IGNORECASE)
_ASKED_SAID = re.compile(
    r"\bwhat (?:did|was the (?:\w+ )?thing) i (?:just )?(?:say|said|ask|asked|tell|told|write|wrote)\b(?P<rest>[^?.!]*)"
    r"|\bwhat (?:was|were|is) (?:my|the) (?P<which>first|last|previous|second|third) (?:message|question|thing)",
    re.IGNORECASE,
)
_ASKED_ANSWER = re.compile(
    r"\bwhat did you (?:just )?(?:say|answer|reply|tell)\b|\bwhat was your (?:last |previous )?(?:answer|reply)\b",
    re.IGNORECASE,
)
_ASKED_COUNT = re.compile(
    r"\bhow many (?:messages|questions|times|things)\b[^?]{0,30}\b(?:i|me|we|this|far|here|you)\b", re.IGNORECASE
)
_ASKED_ALL = re.compile(
    r"\b(?:summari[sz]e|recap)\b.{0,20}\b(?:conversation|chat|so far|discussion)\b"
    r"|\bwhat (?:have|did) we (?:talk|discuss)",
    re.IGNORECASE,
)
_ORDER = {"first": 0, "second": 1, "third": 2}
_MAX_FACTS = 5


def facts(text: str) -> dict[str, str]:
    """What the text tells of its speaker: `{"name": "Ada", "favourite colour": "teal"}`."""
    found = {
        match[1].lower(): match[2].strip(" \"'")
        for match in _FACT.finditer(text)
        if match[2].lower() not in words.STOP_WORDS
    }
    if match := _NAME.search(text):
        found.setdefault("name", match[1])
    found.update({match[1].lower(): match[2].strip() for match in _PLACES.finditer(text)})
    if match := _AGE.search(text):
        found["age"] = match[1]
    return found


def acknowledge(conversation: Conversation) -> str | None:
    """A word on what the latest message tells of the user."""
    told = facts(conversation.latest.text)
    said = [f"Nice to meet you, {told.pop('name')}."] if "name" in told else []
    noted = [_render_fact(label, value) for label, value in told.items()]
    if noted:
        said.append(f"Noted: {' and '.join(noted)}.")
    return " ".join(said) or None


def recall(conversation: Conversation) -> str | None:
    """The answer where the latest message asks about this conversation."""
    text = conversation.latest.text
    if match := _ASKED_SAID.search(text):
        return _quote_earlier(conversation, f"{match['rest'] or ''} {match['which'] or ''}".lower())
    if _ASKED_ANSWER.search(text):
        return _quote_answer(conversation)
    if _ASKED_COUNT.search(text):
        return _count_messages(conversation)
    if _ASKED_ALL.search(text):
        return _summarize(conversation)
    return _answer_fact(conversation, text)


def is_missing(conversation: Conversation) -> bool:
    """Whether the latest message asks for something of the user's that the user did not tell, other than a name."""
    label = _find_asked_label(conversation.latest.text)
    return label not in {None, "name"} and not _recall_fact(conversation, label or "")


def _answer_fact(conversation: Conversation, text: str) -> str | None:
    label = _find_asked_label(text)
    if label is None:
        return None
    if (told := _recall_fact(conversation, label)) is None:
        return f"You have not told me your {label} in this conversation."
    statement = _render_fact(*told)
    return f"{statement[0].upper()}{statement[1:]}; you told me so earlier in this conversation."


def _recall_fact(conversation: Conversation, label: str) -> tuple[str, str] | None:
    """What the user told last under the label, with the label that the user gave it."""
    told: dict[str, str] = {}
    for turn in conversation.user:
        told.update(facts(turn.text))
    matching = [
        name for name in told if name == label or words.stems(name) == words.stems(label) or name.startswith(label)
    ]
    return (matching[-1], told[matching[-1]]) if matching else None


def _find_asked_label(text: str) -> str | None:
    if match := _ASKED_WHERE.search(text):
        return {"live": "live in", "from": "am from", "work": "work"}[match[1].lower()]
    if _ASKED_NAME.search(text):
        return "name"
    if _ASKED_AGE.search(text):
        return "age"
    match = _ASKED_FACT.search(text)
    return match[1].lower() if match else None


def _render_fact(label: str, value: str) -> str:
    if label.startswith(("live", "work")):
        return f"you {label} {value}"
    if label == "am from":
        return f"you are from {value}"
    return f"your {label} is {value}"


def _quote_earlier(conversation: Conversation, which: str) -> str:
    earlier = [turn.text for turn in conversation.user[:-1]]
    if not earlier:
        return "This is your first message, so there is nothing before it."
    order = next((place for word, place in _ORDER.items() if word in which), len(earlier) - 1)
    if order >= len(earlier):
        return f"You have sent only {len(earlier)} messages before this one."
    ordinal = next((word for word in _ORDER if word in which), "last")
    return (
        f"Your {ordinal} message{' before this one' if ordinal == 'last' else ''} was {quote_sentence(earlier[order])}"
    )


def _quote_answer(conversation: Conversation) -> str:
    answers = [turn.text for turn in conversation.turns if turn.role == "assistant" and turn.text]
    return f"My last answer was {quote_sentence(answers[-1])}" if answers else "I have not said anything before this."


def _count_messages(conversation: Conversation) -> str:
    number = len(conversation.user)
    if number == 1:
        return "You have sent one message, this one."
    return f"You have sent {number} messages, this one included, and I have answered {conversation.reply_count} times."


def _summarize(conversation: Conversation) -> str:
    earlier = [quote(turn.text) for turn in conversation.user[:-1]]
    if not earlier:
        return "There is nothing to look back on yet: this is your first message."
    lines = "\n".join(
        f"{i}. {said}" for i, said in enumerate(earlier[-_MAX_FACTS:], max(1, len(earlier) - _MAX_FACTS + 1))
    )
    return f"So far you said:\n\n{lines}"
