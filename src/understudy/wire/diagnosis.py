"""Finds the first problem of a decoded body, in the hosted API's order, by walking it beside its Struct.

The Structs stay the only definition: what is looked up here is `msgspec.inspect.type_info`, and whatever this walk
has no eye for is still refused, in msgspec's words.
"""

import re
from collections.abc import Iterable, Sequence
from enum import IntEnum
from functools import cache
from operator import itemgetter
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import inspect

from understudy.wire import error_texts
from understudy.wire.error_texts import Problem

# Values looked at before msgspec's own words have to do; a body of a million faults costs no more than a large one.
_MAX_VISITS = 20_000
# The hosted API suggests a name that is at most this many edits away.
_MAX_EDITS = 2

# The exact types (a boolean is not an integer) that JSON gives for each type of a Struct's member.
_JSON_TYPES: dict[type[inspect.Type], tuple[type, ...]] = {
    inspect.NoneType: (type(None),),
    inspect.BoolType: (bool,),
    inspect.IntType: (int,),
    inspect.FloatType: (float, int),
    inspect.StrType: (str,),
    inspect.LiteralType: (str,),
    inspect.ListType: (list,),
    inspect.DictType: (dict,),
    inspect.StructType: (dict,),
}
_NOUNS: dict[type[inspect.Type], str] = {
    inspect.BoolType: "a boolean",
    inspect.IntType: "an integer",
    inspect.FloatType: "a decimal",
    inspect.StrType: "a string",
    inspect.LiteralType: "a string",
    inspect.ListType: "an array",
    inspect.DictType: "an object",
    inspect.StructType: "an object",
}


class ProblemGroup(IntEnum):
    """The groups in which problems are reported; within one, the walk's order."""

    MISSING = 0
    UNKNOWN = 1
    TYPE = 2
    VALUE = 3


def explain(value: Any, kind: type) -> Problem | None:
    """The problem to report of a plainly decoded body, or None where msgspec takes it.

    A number like `1.0` is an integer where one is due, and null means absent where a member may be absent; both are
    replaced in place.
    """
    walk = _Walk()
    walk.visit(_type_info(kind), value, "", kind)
    if walk.found:
        return min(walk.found, key=itemgetter(0))[1]
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as refusal:
        return error_texts.from_validation_error(refusal)
    return None


class _Walk:
    """One walk over one body. `found` holds its problems in the order met, each with its group."""

    def __init__(self) -> None:
        self.found: list[tuple[ProblemGroup, Problem]] = []
        self._left = _MAX_VISITS

    def visit(self, type_: inspect.Type, value: Any, path: str, owner: type) -> Any:
        """Looks at one value and what is in it. Returns the value, as an integer where `type_` wants one."""
        self._left -= 1
        if self._left < 0:
            return value
        options = _options(type_)
        fitting = [option for option in options if _matches_json_type(option, value)]
        if not fitting:
            self._add_problem(ProblemGroup.TYPE, error_texts.wrong_type(path, _expected(options, owner), value))
            return value
        return self._visit_value(fitting, value, path, owner)

    def _visit_value(self, fitting: list[inspect.Type], value: Any, path: str, owner: type) -> Any:
        match fitting[0]:
            case inspect.StructType():
                self._visit_object(
                    [option for option in fitting if isinstance(option, inspect.StructType)], value, path
                )
            case inspect.DictType() as type_:
                self._visit_mapping(type_, value, path, owner)
            case inspect.ListType() as type_:
                self._visit_array(type_, value, path, owner)
            case inspect.StrType() as type_:
                self._check_text(type_, value, path)
            case inspect.LiteralType() as type_ if value not in type_.values:
                self._add_problem(
                    ProblemGroup.VALUE, error_texts.unsupported_value(path, value, _choices(type_, owner))
                )
            case inspect.IntType() as type_:
                return self._check_number(type_, "integer", int(value), path)
            case inspect.FloatType() as type_:
                return self._check_number(type_, "decimal", value, path)
        return value

    def _visit_object(self, structs: list[inspect.StructType], value: dict[str, Any], path: str) -> None:
        struct = self._select_by_tag(structs, value, path)
        if struct is None:
            return
        self._visit_members(struct, value, path)
        for field in struct.fields:
            name = field.encode_name
            if name not in value:
                continue
            if value[name] is None and not field.required and not _accepts_null(field.type):
                del value[name]
            else:
                value[name] = self.visit(field.type, value[name], error_texts.member(path, name), struct.cls)

    def _select_by_tag(
        self, structs: list[inspect.StructType], value: dict[str, Any], path: str
    ) -> inspect.StructType | None:
        """The one of the structs that the tag in `value` names; None where it names none, which is noted."""
        tag_field = structs[0].tag_field
        if tag_field is None or (len(structs) == 1 and tag_field not in value):
            return structs[0]
        tag_path = error_texts.member(path, tag_field)
        tags = [str(struct.tag) for struct in structs]
        tag = value.get(tag_field)
        if tag_field not in value:
            self._add_problem(ProblemGroup.MISSING, error_texts.missing(tag_path))
        elif not isinstance(tag, str):
            self._add_problem(ProblemGroup.TYPE, error_texts.wrong_type(tag_path, _one_of(tags), tag))
        elif tag not in tags:
            self._add_problem(ProblemGroup.VALUE, error_texts.unsupported_value(tag_path, tag, tags))
        else:
            return structs[tags.index(tag)]
        return None

    def _visit_members(self, struct: inspect.StructType, value: dict[str, Any], path: str) -> None:
        """The first missing and the first unknown member of an object; no later one can come to be reported."""
        known = [field.encode_name for field in struct.fields]
        required = (field.encode_name for field in struct.fields if field.required)
        for name in required:
            if name not in value:
                self._add_problem(ProblemGroup.MISSING, error_texts.missing(error_texts.member(path, name)))
                break
        if not struct.forbid_unknown_fields:
            return
        for name in value:
            if name not in known and name != struct.tag_field:
                similar = _similar_names(name, [other for other in known if other not in value])
                paths = [error_texts.member(path, other) for other in similar]
                self._add_problem(ProblemGroup.UNKNOWN, error_texts.unknown(error_texts.member(path, name), paths))
                break

    def _visit_mapping(self, type_: inspect.DictType, value: dict[str, Any], path: str, owner: type) -> None:
        if isinstance(type_.value_type, inspect.AnyType):
            return
        if type_.max_length is not None and len(value) > type_.max_length:
            self._add_problem(ProblemGroup.VALUE, error_texts.too_many_properties(path, type_.max_length, len(value)))
        longest = type_.key_type.max_length if isinstance(type_.key_type, inspect.StrType) else None
        for name, item in value.items():
            if longest is not None and len(name) > longest:
                self._add_problem(ProblemGroup.VALUE, error_texts.name_too_long(path, name, longest))
            value[name] = self.visit(type_.value_type, item, error_texts.member(path, name), owner)
            if self._left < 0:
                break

    def _visit_array(self, type_: inspect.ListType, value: list[Any], path: str, owner: type) -> None:
        self._check_length(type_, "array", len(value), path)
        for index, item in enumerate(value):
            value[index] = self.visit(type_.item_type, item, f"{path}[{index}]", owner)
            if self._left < 0:
                break

    def _check_text(self, type_: inspect.StrType, value: str, path: str) -> None:
        if self._check_length(type_, "string", len(value), path):
            return
        if type_.pattern is not None and re.search(type_.pattern, value) is None:
            # Python's end of text is `\Z`; the pattern as the API documents it says `$`.
            self._add_problem(ProblemGroup.VALUE, error_texts.pattern_mismatch(path, type_.pattern.replace(r"\Z", "$")))

    def _check_length(self, type_: inspect.StrType | inspect.ListType, kind: str, length: int, path: str) -> bool:
        if length == 0 and type_.min_length:
            self._add_problem(ProblemGroup.VALUE, error_texts.empty(path, kind, type_.min_length))
            return True
        if type_.max_length is not None and length > type_.max_length:
            self._add_problem(ProblemGroup.VALUE, error_texts.too_long(path, kind, type_.max_length, length))
            return True
        return False

    def _check_number(self, type_: inspect.IntType | inspect.FloatType, kind: str, value: float, path: str) -> float:
        if type_.le is not None and value > type_.le:
            self._add_problem(ProblemGroup.VALUE, error_texts.above_maximum(path, kind, type_.le, value))
        elif type_.ge is not None and value < type_.ge:
            self._add_problem(ProblemGroup.VALUE, error_texts.below_minimum(path, kind, type_.ge, value))
        return value

    def _add_problem(self, order: ProblemGroup, problem: Problem) -> None:
        self.found.append((order, problem))


@cache
def _type_info(kind: type) -> inspect.Type:
    return inspect.type_info(kind)


def _options(type_: inspect.Type) -> list[inspect.Type]:
    """What a member may be: the types of a union, without the wrapping that descriptions put around them."""
    if isinstance(type_, inspect.Metadata):
        return _options(type_.type)
    if isinstance(type_, inspect.UnionType):
        return [option for member in type_.types for option in _options(member)]
    return [type_]


def _accepts_null(type_: inspect.Type) -> bool:
    return any(isinstance(option, inspect.NoneType | inspect.AnyType) for option in _options(type_))


def _matches_json_type(type_: inspect.Type, value: Any) -> bool:
    json_types = _JSON_TYPES.get(type(type_))
    if json_types is None or type(value) in json_types:
        return True
    return isinstance(type_, inspect.IntType) and isinstance(value, float) and value.is_integer()


def _expected(options: Sequence[inspect.Type], owner: type) -> str:
    """`a string`, `an array of objects`, `one of a string or array of objects`; null goes without saying."""
    nouns = [
        noun
        for option in options
        if not isinstance(option, inspect.NoneType)
        for noun in _expected_nouns(option, owner)
    ]
    first, *others = dict.fromkeys(nouns)
    if not others:
        return first
    return f"one of {error_texts.enumeration([first, *(re.sub('^an? ', '', other) for other in others)], 'or')}"


def _expected_nouns(type_: inspect.Type, owner: type) -> list[str]:
    if isinstance(type_, inspect.LiteralType):
        return [f"'{value}'" for value in _choices(type_, owner)]
    noun = _NOUNS[type(type_)]
    if isinstance(type_, inspect.ListType):
        item = _NOUNS.get(type(_options(type_.item_type)[0]))
        return [f"{noun} of {item.split()[1]}s" if item else noun]
    return [noun]


def _one_of(values: Sequence[str]) -> str:
    return ("one of " if len(values) > 1 else "") + error_texts.quoted_list(values, "or")


def _choices(type_: inspect.LiteralType, owner: type) -> tuple[str, ...]:
    """The values in the order of the declaration, which msgspec's description sorts."""
    return _literals(owner)[frozenset(map(str, type_.values))]


@cache
def _literals(struct: type) -> dict[frozenset[str], tuple[str, ...]]:
    found: dict[frozenset[str], tuple[str, ...]] = {}
    hints: list[Any] = list(get_type_hints(struct, include_extras=True).values())
    while hints:
        hint = hints.pop()
        if get_origin(hint) is Literal:
            found[frozenset(get_args(hint))] = get_args(hint)
        else:
            hints.extend(get_args(hint))
    return found


def _similar_names(name: str, candidates: Iterable[str]) -> list[str]:
    near = [(distance, other) for other in candidates if (distance := _edit_distance(name, other)) <= _MAX_EDITS]
    return [other for _, other in sorted(near, key=itemgetter(0))]


def _edit_distance(left: str, right: str) -> int:
    """The Levenshtein distance, or one more than is of interest where the lengths alone tell."""
    if abs(len(left) - len(right)) > _MAX_EDITS:
        return _MAX_EDITS + 1
    row = list(range(len(right) + 1))
    for index, letter in enumerate(left, 1):
        diagonal, row[0] = row[0], index
        for column, other in enumerate(right, 1):
            cost = min(row[column] + 1, row[column - 1] + 1, diagonal + (letter != other))
            diagonal, row[column] = row[column], cost
    return row[-1]
