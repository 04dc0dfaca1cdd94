"""Query strings into Structs, or the one problem that the hosted API would report. Unknown keys are ignored.

An array is written `include[]=a&include[]=b`, `include=a`, `include[0]=a` or `include[]=a,b`; a map is written
`metadata[key]=value`.
"""

import difflib
import re
from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta, Struct, inspect

from understudy.wire import error_texts
from understudy.wire.parsing import InvalidQuery, explain
from understudy.wire.responses import Included, ResponseStatus
from understudy.wire.run_outcome import RunStatus
from understudy.wire.thread_details import ThreadDetail
from understudy.wire.tools import LARGEST_INTEGER, Metadata

T = TypeVar("T", bound=Struct)

BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_INTEGER = re.compile("-?[0-9]{1,300}")

Include = Literal["step_details.tool_calls[*].file_search.results[*].content"]
Includes = Annotated[list[Include], Meta(description="What to add to the answer: the text of the file search results.")]


class ListQuery(Struct, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=100, description="How many objects a page holds at most.")] = 20
    order: Annotated[Literal["asc", "desc"], Meta(description="By time of creation: oldest or newest first.")] = "desc"
    after: Annotated[str | None, Meta(description="The object before the page: its id.")] = None
    before: Annotated[str | None, Meta(description="The object after the page: its id.")] = None


class SearchedListQuery(ListQuery, frozen=True, kw_only=True):
    q: Annotated[str | None, Meta(description="Only objects with this text in their id or in a name.")] = None


class ListUsersQuery(ListQuery, frozen=True, kw_only=True):
    emails: Annotated[
        list[Annotated[str, Meta(max_length=254)]], Meta(max_length=100, description="Only users with these addresses.")
    ] = []


class FilteredListQuery(SearchedListQuery, frozen=True, kw_only=True):
    metadata: Annotated[Metadata, Meta(description="Only objects with all of these pairs.")] = {}


class ListThreadsQuery(ListQuery, frozen=True, kw_only=True):
    metadata: Annotated[Metadata, Meta(description="Only threads with all of these pairs.")] = {}
    q: Annotated[str | None, Meta(description="Only threads in whose messages this text is found.")] = None
    branched_from: Annotated[str | None, Meta(description="Only branches of this thread.")] = None
    order_by: Annotated[
        Literal["created_at", "last_active_at"],
        Meta(
            description="What `order` is about. By `last_active_at`, when something was last added to a thread, `after`"
            " and `before` can be `ID,LAST_ACTIVE_AT`, so that a page continues where the one before ended."
        ),
    ] = "created_at"
    include: Annotated[list[ThreadDetail], Meta(description="Members to add to each thread of a list of threads.")] = []


class ThreadQuery(Struct, frozen=True, kw_only=True):
    include: Annotated[list[Literal["message_count"]], Meta(description="Members to add to the thread.")] = []


UnixSeconds = Annotated[int, Meta(ge=0, le=LARGEST_INTEGER)]


class ListProjectRunsQuery(ListQuery, frozen=True, kw_only=True):
    status: Annotated[list[RunStatus], Meta(description="Only runs with one of these statuses.")] = []
    assistant_id: Annotated[str | None, Meta(description="Only runs of this assistant.")] = None
    model: Annotated[str | None, Meta(description="Only runs with this model.")] = None
    thread_id: Annotated[str | None, Meta(description="Only runs on this thread.")] = None
    created_after: Annotated[UnixSeconds | None, Meta(description="Only runs created after this second.")] = None
    created_before: Annotated[UnixSeconds | None, Meta(description="Only runs created before this second.")] = None
    metadata: Annotated[Metadata, Meta(description="Only runs with all of these pairs.")] = {}


class ListResponsesQuery(ListQuery, frozen=True, kw_only=True):
    status: Annotated[list[ResponseStatus], Meta(description="Only responses with one of these statuses.")] = []
    model: Annotated[str | None, Meta(description="Only responses of this model.")] = None
    metadata: Annotated[Metadata, Meta(description="Only responses with all of these pairs.")] = {}
    q: Annotated[str | None, Meta(description="Only responses with these words in one item.")] = None


class ListChatCompletionsQuery(ListQuery, frozen=True, kw_only=True):
    model: Annotated[str | None, Meta(description="Only completions of this model.")] = None
    metadata: Annotated[Metadata, Meta(description="Only completions with all of these pairs.")] = {}


class ListMessagesQuery(ListQuery, frozen=True, kw_only=True):
    run_id: Annotated[str | None, Meta(description="Only messages that this run wrote.")] = None
    q: Annotated[str | None, Meta(description="Only messages that have all of these words.")] = None
    around: Annotated[
        str | None, Meta(description="A message to have in the middle of the page, instead of `after` and `before`.")
    ] = None


class ListRunStepsQuery(ListQuery, frozen=True, kw_only=True):
    include: Includes = []


class RunEventsQuery(Struct, frozen=True, kw_only=True):
    starting_after: Annotated[
        Annotated[int, Meta(ge=0)] | None, Meta(description="The number of the last event that is known already.")
    ] = None


class RunContextQuery(ListQuery, frozen=True, kw_only=True):
    turn: Annotated[
        Annotated[int, Meta(ge=1, le=LARGEST_INTEGER)] | None,
        Meta(description="The number of the model turn, from 1; by default the latest."),
    ] = None


class IncludeQuery(Struct, frozen=True, kw_only=True):
    include: Includes = []


ResponseIncludes = Annotated[list[Included], Meta(description="Parts of items to show beside what is always shown.")]


class GetResponseQuery(Struct, frozen=True, kw_only=True):
    include: ResponseIncludes = []
    stream: Annotated[bool, Meta(description="Whether to follow it as server-sent events.")] = False
    starting_after: Annotated[
        Annotated[int, Meta(ge=0)] | None, Meta(description="The number of the last event that is known already.")
    ] = None
    include_obfuscation: Annotated[bool, Meta(description="Has no effect: resumed streams have no filler.")] = True


class ListItemsQuery(ListQuery, frozen=True, kw_only=True):
    include: ResponseIncludes = []


class ItemQuery(Struct, frozen=True, kw_only=True):
    include: ResponseIncludes = []


def parse(query: bytes, kind: type[T], *, strict: bool = False) -> T:
    """The raw query string of the request line as `kind`; `strict` refuses unknown keys. Raises InvalidQuery."""
    if strict:
        _check_known(query, _members(kind))
    plain = _collect_parameters(query, _members(kind)) if query else {}
    try:
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError as refusal:
        raise InvalidQuery(explain(plain, kind) or error_texts.from_validation_error(refusal)) from None


@cache
def _members(kind: type) -> dict[str, type[inspect.Type]]:
    """What each member is: an integer, a boolean, a text, a list or a dict."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return {field.encode_name: type(_unwrap_type(field.type)) for field in info.fields}


def _unwrap_type(type_: inspect.Type) -> inspect.Type:
    while isinstance(type_, (inspect.Metadata, inspect.UnionType)):
        type_ = type_.type if isinstance(type_, inspect.Metadata) else type_.types[0]
    return type_


def _collect_parameters(query: bytes, members: dict[str, type[inspect.Type]]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for key, text in parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True):
        name, bracket, inner = key.partition("[")
        kind = members.get(name)
        if kind is inspect.ListType:
            plain.setdefault(name, []).extend(filter(None, text.split(",")))
        elif kind is inspect.DictType and bracket:
            _set_once(plain.setdefault(name, {}), inner.removesuffix("]"), text, key)
        elif kind is not None and not bracket:
            _set_once(plain, name, _parse_scalar(kind, text), key)
    # `after=` is how some clients write null; an empty number or choice is refused, as the hosted API does.
    return {name: value for name, value in plain.items() if value or members[name] is not inspect.StrType}


def _check_known(query: bytes, members: Iterable[str]) -> None:
    for key, _ in parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True):
        name = key.partition("[")[0]
        if name not in members:
            raise InvalidQuery(error_texts.unknown(name, difflib.get_close_matches(name, members, n=2)))


def _set_once(values: dict[str, Any], name: str, value: Any, key: str) -> None:
    if name in values:
        raise InvalidQuery(error_texts.duplicate(key))
    values[name] = value


def _parse_scalar(kind: type[inspect.Type], text: str) -> Any:
    if kind is inspect.BoolType:
        return BOOLEANS.get(text.lower(), text)
    return int(text) if kind is inspect.IntType and _INTEGER.fullmatch(text) else text
