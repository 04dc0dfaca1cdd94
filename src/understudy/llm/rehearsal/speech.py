"""Composes answers in words: what can be said exactly, else an honest account of what was asked and what it takes."""

import re
from collections.abc import Callable

from understudy.llm.rehearsal import (
    arithmetic,
    finding,
    hosted,
    memory,
    outputs,
    passages,
    questions,
    results,
    tasks,
    words,
)
from understudy.llm.rehearsal.conversation import Conversation, Output
from understudy.llm.rehearsal.quoting import quote, quote_sentence

_CONNECT = (
    "set `OPENAI_API_KEY`, `OPENAI_BASE_URL`, `ANTHROPIC_API_KEY` or `OLLAMA_HOST`,"
    " or name a provider in `understudy.toml`"
)
_INTRODUCTION = "I am the rehearsal model built into Understudy; there is no language model behind me."
_SHORT_INTRODUCTION = "I am the rehearsal model: I pass on what tools say and add nothing."
_ABILITIES = (
    "I can remember what you tell me, do arithmetic, count, repeat, call your functions and fill JSON schemas,"
    " and with the tools for it search your files and run code."
)
_EXAMPLE = '\n\n```toml\n[providers.openai]\napi_key_env = "OPENAI_API_KEY"\n```'

_GREETING = re.compile(
    r"^\W*(?:hi|hello|hey|good (?:morning|afternoon|evening)|greetings|howdy|hola|bonjour|hallo)\b", re.IGNORECASE
)
_HOW_ARE_YOU = re.compile(r"\bhow are you\b|\bhow(?:'s| is) it going\b", re.IGNORECASE)
_THANKS = re.compile(
    r"^\W*(?:ok(?:ay)?\W+)?(?:thanks|thank you|thx|cheers|great|perfect|nice|awesome|cool)\b", re.IGNORECASE
)
_FAREWELL = re.compile(r"^\W*(?:bye|goodbye|see you|good night|farewell)\b", re.IGNORECASE)
_IDENTITY = re.compile(
    r"\bwho (?:are|made|built) you\b|\bwhat are you\b|\bwhat can you do\b|^\W*(?:can|could) you help(?: me)?\W*$"
    r"|\b(?:what|which) (?:ai |language )?(?:model|llm)\b.{0,20}\b(?:you|this)\b"
    r"|\bare you (?:chatgpt|gpt|claude|gemini|real|human|an (?:ai|llm)"
    r"|a (?:real|bot|human|robot|person|language model))\b"
    r"|\bintroduce yourself\b|\bwhat(?:'s| is) your name\b|^\W*(?:i need )?help\W*$",
    re.IGNORECASE,
)
_INSTRUCTED = re.compile(
    r"\b(?:your|the) (?:system )?(?:instructions?|system (?:prompt|message)|prompt)\b"
    r"|\bsystem prompt\b|\binstructed to\b"
    r"|\bwhat(?:'s| is) your (?:role|job|task)\b",
    re.IGNORECASE,
)
_CONNECTING = re.compile(
    r"\b(?:configure|connect|set(?: ?up)?|add|use|switch|plug|enable|get)\b.{0,40}"
    r"\b(?:real|another|different|other|upstream|openai|anthropic"
    r"|claude|gpt|ollama|own|provider)\b.{0,30}|\bwhere (?:do|can|should) i (?:put|set|enter) .{0,20}\bkeys?\b",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"\?\W*$|^\W*(?:what|who|whom|whose|when|where|why|which|how|is|are|was|were|do|does|did|can|could|will|would|should)\b",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"\baddress (?:the )?(?:user|customer|them|me|him|her) as ([A-Z][\w'-]*(?: [A-Z][\w'-]*){0,2})")

_TASKS = {
    "Translation": "translate translation",
    "A summary": "summarise summarize summary tldr",
    "Writing": "poem story joke song essay haiku write compose draft letter article blog",
    "Programming": "code function script program debug refactor regex sql",
    "An explanation": "explain why meaning difference describe",
    "Advice": "recommend suggest advice should plan ideas best",
}
_TASK_STEMS = {words.stem(word): task for task, listed in _TASKS.items() for word in listed.split()}


def compose_reply(conversation: Conversation) -> str:
    """The whole answer in words."""
    if (said := tasks.literal(conversation.latest.whole)) is not None and not conversation.outputs:
        return said
    parts = [_describe_attachments(conversation), specific_reply(conversation) or _explain_limits(conversation)]
    if not conversation.reply_count:
        parts.append(_introduce(conversation))
    return _address_user(conversation, _join_parts([part for part in parts if part]))


def _join_parts(parts: list[str]) -> str:
    """Sentences in one paragraph; what has lines of its own, or is no sentence, stands alone."""
    apart = any("\n" in part or part[-1] not in ".!?\u2026\u201d" for part in parts)
    return ("\n\n" if apart else " ").join(parts)


def specific_reply(conversation: Conversation) -> str | None:
    """What can be said of the latest message itself, None where that takes a real model."""
    if conversation.outputs:
        return _report_outputs(conversation)
    said: list[str] = []
    for responder in _RESPONDERS:
        # A greeting tells of the abilities, and so does who is asked for them.
        part = responder(conversation)
        if part and not any(part in before for before in said):
            said.append(part)
    return _join_parts(said) or None


def is_self_contained(conversation: Conversation) -> bool:
    """Whether all that the latest message wants can be said without looking anything up."""
    if conversation.outputs:
        return True
    answered = any(responder(conversation) for responder in _ANSWERERS)
    if answered:
        return not memory.is_missing(conversation)
    text = conversation.latest.text
    wants_more = questions.is_question(text) and not _HOW_ARE_YOU.search(text)
    return not wants_more and any(comment(conversation) for comment in _COMMENTATORS)


def _describe_attachments(conversation: Conversation) -> str:
    """Says what came with the message that cannot be seen here."""
    latest = conversation.latest
    said = []
    if latest.images:
        pronoun = "it" if latest.images == 1 else "them"
        said.append(f"I received {_pluralize(latest.images, 'image')} but cannot see {pronoun}.")
    if latest.others:
        said.append(f"I received {_pluralize(latest.others, 'attachment')} that I cannot read.")
    return " ".join(said)


def _pluralize(count: int, noun: str) -> str:
    return f"{'one' if count == 1 else count} {noun}{'' if count == 1 else 's'}"


def _report_outputs(conversation: Conversation) -> str:
    """What the server's tools and the client's functions gave back."""
    ran = [output for output in conversation.outputs if hosted.is_run(output)]
    found = [output for output in conversation.outputs if hosted.is_search(output) and _is_list(output)]
    others = [output for output in conversation.outputs if output not in ran and output not in found]
    parts = [_answer_from_passages(conversation, found)] if found else []
    parts += [results.report(ran)] if ran else []
    parts += [_report_returns(conversation, others)] if others else []
    return "\n\n".join(parts)


def _is_list(output: Output) -> bool:
    """Whether it is a list of passages, or says that there are none."""
    return not output.whole.strip() or output.whole.startswith("No passage") or bool(passages.read(output.whole))


def _answer_from_passages(conversation: Conversation, searches: list[Output]) -> str:
    read = [passage for output in searches for passage in passages.read(output.whole)]
    return finding.answer(conversation.latest.text, read, conversation.before)


def _report_returns(conversation: Conversation, others: list[Output]) -> str:
    report = outputs.report(others)
    if "\n" in report or not conversation.latest.text:
        return report
    return f"You asked {quote(conversation.latest.text)}, and {report}"


def _greet(conversation: Conversation) -> str | None:
    text = conversation.latest.text
    if _THANKS.search(text):
        return "You are welcome."
    if _FAREWELL.search(text):
        return "Goodbye, and thank you for rehearsing with me."
    well = " I am well, as far as a rehearsal model can be." if _HOW_ARE_YOU.search(text) else ""
    hello = ("Hello again!" if conversation.reply_count else "Hello!") if _GREETING.search(text) else ""
    if hello and not words.stems(text) - {"good"} and not conversation.reply_count:
        return f"{hello}{well} {_ABILITIES}"
    return f"{hello}{well}".strip() or None


def _identify(conversation: Conversation) -> str | None:
    if not _IDENTITY.search(conversation.latest.text):
        return None
    return (
        _ABILITIES if not conversation.reply_count else f"I am the rehearsal model built into Understudy. {_ABILITIES}"
    )


def _quote_instructions(conversation: Conversation) -> str | None:
    if not _INSTRUCTED.search(conversation.latest.text):
        return None
    if not conversation.instructions:
        return "I was given no system instructions."
    return f"My instructions say {quote_sentence(conversation.instructions)}"


def _explain_connecting(conversation: Conversation) -> str | None:
    if not _CONNECTING.search(conversation.latest.text):
        return None
    return f"To put a real model behind this server, {_CONNECT} and start it again:{_EXAMPLE}"


def _calculate(conversation: Conversation) -> str | None:
    found = arithmetic.find(conversation.latest.text)
    return f"{_plain(found.statement)}." if found else None


def _plain(statement: str) -> str:
    return statement.replace("*", "\u00d7")  # an asterisk would be markdown


def _perform_task(conversation: Conversation) -> str | None:
    return tasks.perform(conversation.latest.text)


_COMMENTATORS: tuple[Callable[[Conversation], str | None], ...] = (_greet, memory.acknowledge)
_ANSWERERS: tuple[Callable[[Conversation], str | None], ...] = (
    memory.recall,
    _quote_instructions,
    _identify,
    _explain_connecting,
    _perform_task,
    _calculate,
)
_RESPONDERS = _COMMENTATORS + _ANSWERERS


def _explain_limits(conversation: Conversation) -> str:
    """What was asked, and that answering it takes a real model."""
    text = conversation.latest.text.strip()
    if not text:
        return "" if conversation.latest.images else "Your message holds no text that I could answer."
    lead = f"{_quote_request(text)} {quote_sentence(text)}"
    task = next((_TASK_STEMS[stem] for stem in map(words.stem, words.words(text)) if stem in _TASK_STEMS), None)
    if not conversation.reply_count:
        return f"{lead} For {(task or 'a real answer').lower()}, {_CONNECT}."
    return f"{lead} {_vary_reply(conversation, task)}"


def _quote_request(text: str) -> str:
    first = words.words(text)[:1]
    asks = _QUESTION.search(text) or {*first} & (words.VERBS | {"tell", "give", "show"})
    return "You asked" if asks else "You said"


def _vary_reply(conversation: Conversation, task: str | None) -> str:
    """A different sentence each time, so that a longer conversation does not repeat itself."""
    before = quote(conversation.user[-2].text) if len(conversation.user) > 1 else ""
    wanted = (task or "a real answer").lower()
    number = len(conversation.user)
    endings = (
        f"That is message {number} from you{f', after {before}' if before else ''}, and {wanted} is beyond me.",
        f"I have read it{f' together with {before}' if before else ''}, but {wanted} takes a language model.",
        "I keep the conversation together and leave the thinking to the model that takes my place.",
    )
    return endings[conversation.reply_count % len(endings)]


def _introduce(conversation: Conversation) -> str:
    return _SHORT_INTRODUCTION if conversation.outputs else _INTRODUCTION


def _address_user(conversation: Conversation, text: str) -> str:
    """Addresses the user as the instructions ask."""
    match = _ADDRESS.search(conversation.instructions)
    if not match or not text:
        return text
    keeps_case = conversation.outputs or text.startswith(("I ", "`", "\u201c")) or not text[0].isalpha()
    return f"{match[1]}, {text if keeps_case else text[0].lower() + text[1:]}"
