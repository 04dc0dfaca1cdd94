"""Decides which functions to call for the user's message, and with what.

A function is chosen where its name, description and parameters share enough words with a part of the message. "X then
Y" makes two rounds, "Paris and Rome" two calls. What was called since the user's message is not called again, so that
every run comes to an end.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import msgspec

from understudy.errors import UpstreamError
from understudy.llm.rehearsal import arithmetic, hosted, hosting, mentions, outputs, questions, schema, words
from understudy.llm.rehearsal.arguments import MessageValues
from understudy.llm.rehearsal.conversation import (
    AllowedTools,
    Call,
    Conversation,
    Function,
    Request,
    ToolChoice,
    functions,
)
from understudy.llm.rehearsal.hosting import Task, Tools
from understudy.llm.rehearsal.validation import BadSchemaError, Schema
from understudy.wire.error_texts import tool_choice_not_found

_THRESHOLD = 2.0
_NAME, _CONCEPT, _GENERIC, _PARAMETER, _DESCRIPTION, _OPTION, _LITERAL, _FITTING = (
    3.0,
    2.0,
    1.25,
    1.0,
    0.75,
    1.5,
    10.0,
    3.0,
)
_MAX_ROUNDS = 8

_STAGE_BOUNDARY = re.compile(
    r"(?:[,;.]\s*)?\b(?:and then|then|after that|afterwards|after which|finally"
    r"|once (?:that is|that's|it is|it's) done)\b,?\s*",
    re.IGNORECASE,
)
_CLAUSE_BOUNDARY = re.compile(
    r"[.;?!\n]+\s+|\s*,\s*(?:and\s+)?(?:also\s+)?|\s+(?:and|as well as|plus)\s+(?:also\s+)?|\s+&\s+", re.IGNORECASE
)
_ELLIPSIS = re.compile(
    r"^\W*(?:(?:and|also|now|ok|okay|what about|how about|same for|the same for|in|for|at|of|from|to|near|the)\s+)*"
    r"(?P<core>.+?)(?:\s+(?:today|tomorrow|tonight|too|now|please|as well|instead|then|(?-i:in [a-z]+)))*\W*$",
    re.IGNORECASE,
)
_DECLINED = re.compile(
    r"\b(?:do not|don't|without|no need to)\b.{0,20}\b(?:tools?|functions?|calls?|calling)\b", re.IGNORECASE
)
_CODE_WORDS = words.stems(
    "python code script program compute calculation plot chart graph solve equation run execute math"
)
_CODE_PARAMETERS = words.listed("code source script python program")
_SUM_PARAMETERS = words.listed("expression formula equation calculation")
_QUERY_PARAMETERS = words.listed("query queries question search q")
_SEARCH_WORDS = words.listed("search retrieve retrieval lookup find query")
_DOCUMENT_WORDS = words.listed("file files document documents docs knowledge")


@dataclass(frozen=True, slots=True)
class Choice:
    """The functions that may be called, and whether one must be."""

    mode: Literal["none", "auto", "required"]
    functions: tuple[Function, ...]


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A call to make; `focus` is the part of the message that asks for it."""

    function: Function
    focus: str


class _Profile:
    """What a function is about, as weights of word stems."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.weights: dict[str, float] = {}
        self._weigh(words.stems(function.description or ""), _DESCRIPTION)
        self._weigh({words.stem(part) for name in self.properties for part in words.name_parts(name)}, _PARAMETER)
        self._weigh({s for option in self._options() for s in words.stems(option)}, _OPTION)
        if self.has_parameter(_CODE_PARAMETERS):
            self._weigh(_CODE_WORDS, _CONCEPT)
        for part in words.name_parts(function.name):
            self._weigh({words.stem(part)}, _GENERIC if part in words.GENERIC_WORDS else _NAME)
        concepts = {words.CONCEPT[s]: w for s, w in self.weights.items() if s in words.CONCEPT and w >= _NAME}
        self.concepts = dict.fromkeys(concepts, _CONCEPT)

    def _weigh(self, stems: set[str], weight: float) -> None:
        for stem in stems:
            self.weights[stem] = max(weight, self.weights.get(stem, 0.0))

    @cached_property
    def properties(self) -> dict[str, Any]:
        found = (self.function.parameters or {}).get("properties")
        return found if isinstance(found, dict) else {}

    @cached_property
    def takes_list(self) -> bool:
        """Whether one call takes several values, so that "Ann and Bob" is one call."""
        return any(isinstance(part, dict) and part.get("type") == "array" for part in self.properties.values())

    @cached_property
    def is_about_files(self) -> bool:
        return any(words.stem(word) in self.weights for word in ("file", "document"))

    def has_parameter(self, names: frozenset[str]) -> bool:
        return any(names & set(words.name_parts(name)) for name in self.properties)

    def _options(self) -> list[str]:
        listed = [part.get("enum") for part in self.properties.values() if isinstance(part, dict)]
        return [option for enum in listed if isinstance(enum, list) for option in enum if isinstance(option, str)]

    def score(self, text: str) -> float:
        total = _LITERAL if re.search(rf"(?<!\w){re.escape(self.function.name)}(?!\w)", text) else 0.0
        for stem in words.stems(text):
            concept = self.concepts.get(words.CONCEPT.get(stem, ""), 0.0)
            total += max(self.weights.get(stem, 0.0), concept)
        return total + self._score_opening(text) + self._score_fit(text)

    def _score_opening(self, text: str) -> float:
        """A request that opens with the function's own verb: "search for shoes" and `search_products`."""
        said = [word for word in words.words(text) if word not in words.STOP_WORDS][:1]
        first = words.name_parts(self.function.name)[:1]
        return _PARAMETER if said and first and words.stem(said[0]) == words.stem(first[0]) else 0.0

    def _score_fit(self, text: str) -> float:
        """Something to run or to work out, and a parameter that takes it."""
        coded = self.has_parameter(_CODE_PARAMETERS)
        if coded and any(mention.kind == "code" for mention in mentions.find(text)):
            return _FITTING
        worked_out = coded or self.has_parameter(_SUM_PARAMETERS)
        return _FITTING if worked_out and arithmetic.find(text) else 0.0


def allowed_functions(request: Request) -> Choice:
    """Raises UpstreamError(invalid_request) where `tool_choice` names a function that is not there."""
    offered, wish = functions(request), request.tool_choice
    if not isinstance(wish, ToolChoice):
        if wish == "required" and not offered:
            raise UpstreamError(
                "invalid_request",
                "'tool_choice' is only allowed when 'tools' are specified.",
                status=400,
                param="tool_choice",
            )
        return Choice(wish or "auto", offered)
    if wish.allowed_tools:
        return _resolve_choice(wish.allowed_tools, offered)
    named = wish.function or wish.custom
    return Choice("required", (_find(named.name if named else wish.type, offered),))


def _find(name: str, offered: tuple[Function, ...]) -> Function:
    for function in offered:
        if function.name == name:
            return function
    raise UpstreamError("invalid_request", tool_choice_not_found(name), status=400, param="tool_choice")


def _resolve_choice(wish: AllowedTools, offered: tuple[Function, ...]) -> Choice:
    return Choice(wish.mode, tuple(_find(tool.function.name, offered) for tool in wish.tools if tool.function))


def select_calls(request: Request, conversation: Conversation) -> tuple[Call, ...]:
    """The calls to make now; none where words should be said instead."""
    choice = allowed_functions(request)
    text = conversation.latest.text
    if choice.mode == "none" or not choice.functions or len(conversation.calls_made) >= _MAX_ROUNDS:
        return ()
    if choice.mode == "auto" and _DECLINED.search(text):
        return ()
    if _is_forced(request) and conversation.calls_made:
        return ()
    tools = Tools(choice.functions, conversation)
    profiles = [_Profile(function) for function in choice.functions if not _is_hosted(function)]
    planned = _next_round(_plan_rounds(text, profiles, tools, conversation.last_called), conversation)
    if not planned and choice.mode == "required" and not conversation.calls_made:
        planned = [_plan_forced(text, profiles, tools, choice)]
    if request.parallel_tool_calls is False or _is_forced(request):
        planned = planned[:1]
    return _fill_calls(planned, conversation)


def _is_hosted(function: Function) -> bool:
    return hosted.searches(function) or hosted.runs_code(function)


def _plan_forced(text: str, profiles: Sequence[_Profile], tools: Tools, choice: Choice) -> "PlannedCall | Task":
    """A call of the function that fits best, however little that is."""
    scores = {profile.function.name: profile.score(text) for profile in profiles}
    best = max(choice.functions, key=lambda f: tools.score(f, text) if _is_hosted(f) else scores[f.name])
    return tools.given(best, text) if _is_hosted(best) else PlannedCall(best, text)


def select_search_calls(request: Request, conversation: Conversation) -> tuple[Call, ...]:
    """A search in documents, where a function offers one: for questions that nothing else here answers."""
    choice = allowed_functions(request)
    if choice.mode != "auto" or conversation.calls_made or not words.stems(conversation.latest.text):
        return ()
    for function in choice.functions:
        if hosted.searches(function):
            return (hosted.search(function, questions.queries(conversation.latest.text, conversation.before)),)
        parts = {*words.name_parts(function.name)}
        about = parts | {*words.words(function.description or "")}
        if parts & _SEARCH_WORDS and about & _DOCUMENT_WORDS and _Profile(function).has_parameter(_QUERY_PARAMETERS):
            return _fill_calls([PlannedCall(function, conversation.latest.text)], conversation)
    return ()


def _is_forced(request: Request) -> bool:
    return isinstance(request.tool_choice, ToolChoice) and request.tool_choice.function is not None


def _plan_rounds(
    text: str, profiles: Sequence[_Profile], tools: Tools, last_called: str | None
) -> list[list[PlannedCall | Task]]:
    """The calls that the message asks for, by rounds."""
    previous = next((profile for profile in profiles if profile.function.name == last_called), None)
    stages: list[list[PlannedCall | Task]] = []
    for part in [text] if "```" in text else _split_outside_mentions(text, _STAGE_BOUNDARY):
        if (search := tools.find_search_task(part)) and not any(profile.is_about_files for profile in profiles):
            stages.append([search])
            continue
        stage, rest, previous = _plan_stage(part, profiles, previous)
        task = tools.task(rest) if rest else None
        stages.append([*stage, *([task] if task else [])])
    if found := [stage for stage in stages if stage]:
        return found
    best = _best_profile(text, profiles)
    whole = PlannedCall(best.function, text) if best else tools.task(text)
    return [[whole]] if whole else []


def _plan_stage(
    text: str, profiles: Sequence[_Profile], previous: _Profile | None
) -> tuple[list[PlannedCall], str, _Profile | None]:
    """One call for each clause that asks for one; the other clauses belong to the call before or after them.

    With what the clauses without a call say, and the function called last.
    """
    planned: list[PlannedCall] = []
    waiting = ""
    rest: list[str] = []
    for clause in _split_clauses(text):
        best = _best_profile(clause, profiles)
        if best and planned and best is previous and not _names_something(clause):
            best = None
        if best is None and previous and not previous.takes_list and (other := _elliptic_mention(clause)):
            best, clause = previous, f"in {other}"  # noqa: PLW2901 - so that its capital is read as a name's
        if best is not None:
            planned.append(PlannedCall(best.function, f"{waiting}{clause}"))
            previous, waiting = best, ""
            continue
        rest.append(clause)
        if planned:
            planned[-1] = PlannedCall(planned[-1].function, f"{planned[-1].focus}, {clause}")
        else:
            waiting += f"{clause}, "
    return planned, ", ".join(rest) if planned else text, previous


def _best_profile(text: str, profiles: Sequence[_Profile]) -> _Profile | None:
    scored = [(profile.score(text), profile) for profile in profiles]
    score, best = max(scored, key=lambda pair: pair[0], default=(0.0, None))
    return best if score >= _THRESHOLD else None


def _split_clauses(text: str) -> list[str]:
    """The text cut at "and", commas and sentence ends."""
    return _split_outside_mentions(text, _CLAUSE_BOUNDARY)


def _split_outside_mentions(text: str, pattern: re.Pattern[str]) -> list[str]:
    """The text cut where the pattern matches, but never inside a quotation or a name."""
    whole = [(mention.start, mention.end) for mention in mentions.find(text)]
    clauses, start = [], 0
    for cut in pattern.finditer(text):
        if not any(low < cut.end() and cut.start() < high for low, high in whole):
            clauses.append(text[start : cut.start()])
            start = cut.end()
    clauses.append(text[start:])
    return [clause.strip() for clause in clauses if clause.strip()]


def _names_something(clause: str) -> bool:
    return any(mention.kind not in {"opener", "day"} for mention in mentions.find(clause))


def _elliptic_mention(clause: str) -> str | None:
    """What a clause names that only names another thing: Rome, for "and in Rome?"."""
    match = _ELLIPSIS.match(clause)
    if match is None or not all(map(_may_name, match["core"].split())):
        return None
    core = match["core"].split()
    plain = sum(not word[0].isupper() for word in core)
    is_short = len(core) <= 4 and plain <= (2 if plain == len(core) else 1)
    return clause[match.start("core") :] if is_short else None


def _may_name(word: str) -> bool:
    bare = word.strip(",.?!'").replace("-", "")
    return bare.isalpha() and bare.lower() not in words.STOP_WORDS | words.VERBS


def _next_round(stages: list[list[PlannedCall | Task]], conversation: Conversation) -> list[PlannedCall | Task]:
    """The first round that is not done yet, without what of it was called already."""
    names = [call.name for call in conversation.calls_made]
    for stage in stages:
        left: list[PlannedCall | Task] = []
        for planned in stage:
            if isinstance(planned, Task):
                left += [planned] if hosting.next_call(planned, conversation) else []
            elif planned.function.name in names:
                names.remove(planned.function.name)
            else:
                left.append(planned)
        if left:
            return left
    return []


def _fill_calls(planned: Sequence[PlannedCall | Task], conversation: Conversation) -> tuple[Call, ...]:
    """The calls with their arguments; two that came out equal are one."""
    calls: list[Call] = []
    for call in planned:
        filled = (
            hosting.next_call(call, conversation) if isinstance(call, Task) else _build_call(call, conversation, calls)
        )
        if filled is not None and filled not in calls:
            calls.append(filled)
    return tuple(calls)


def _build_call(planned: PlannedCall, conversation: Conversation, calls: Sequence[Call]) -> Call:
    name = planned.function.name
    taken = [made.arguments for made in (*conversation.calls_made, *calls) if made.name == name]
    return Call(name, _fill_arguments(planned, conversation, taken))


def _fill_arguments(planned: PlannedCall, conversation: Conversation, taken: Sequence[str]) -> str:
    """JSON that satisfies the function's parameters; what earlier calls of it took is not taken again."""
    spoken = MessageValues(
        planned.focus,
        conversation.latest.text,
        earlier=conversation.earlier,
        known=outputs.collect_values(conversation.outputs),
        prose=outputs.report(conversation.outputs) if conversation.outputs else "",
    )
    for arguments in taken:
        for value in outputs.members(arguments).values():
            spoken.mark_used(value)
    parameters: Schema = {"type": "object", **(planned.function.parameters or {})}
    try:
        return msgspec.json.encode(schema.make(parameters, spoken)).decode()
    except BadSchemaError as fault:
        raise UpstreamError(
            "invalid_request",
            f"Invalid schema for function {planned.function.name!r}: {fault}.",
            status=400,
            code="invalid_function_parameters",
            param="tools",
        ) from None
