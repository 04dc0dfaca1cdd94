"""Request bodies into Structs, or the one problem that the hosted API would report.

A valid body is decoded once, straight into its Struct. Only what msgspec refuses is decoded again, plainly, and
looked at for the first problem. HTTP is not known here: the edge turns `InvalidInput` into its answer.
"""

import re
from typing import Any, TypeVar

import msgspec

from understudy.wire import error_texts, json_size
from understudy.wire.diagnosis import explain
from understudy.wire.error_texts import Problem

__all__ = [
    "InvalidBody",
    "InvalidId",
    "InvalidInput",
    "InvalidQuery",
    "Problem",
    "check_file_id",
    "check_id",
    "check_object",
    "check_uuid",
    "explain",
    "parse",
    "parse_object",
]

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

_FILE_PREFIXES = ("file", "assistant-")

T = TypeVar("T", bound=msgspec.Struct)

_decoders: dict[type, msgspec.json.Decoder[Any]] = {}


class InvalidInput(Exception):
    """What a client sent cannot be used; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class InvalidBody(InvalidInput):
    pass


class InvalidQuery(InvalidInput):
    pass


class InvalidId(InvalidInput):
    pass


def parse(
    data: bytes, kind: type[T], *, depth: int = 100, empty: bool = False, values: int = json_size.MAX_VALUES
) -> T:
    """The body as `kind`. `depth` is the nesting allowed, `values` how many of them; `empty` lets an absent body stand
    for `{}`.

    Raises InvalidBody.
    """
    _check_size(data, values, depth)
    try:
        value = _decoder(kind).decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _parse_slow(data, kind, depth, empty)
    if _may_be_deep(data, depth):
        _decode_json(data, depth)
    return value


def parse_object(
    data: bytes, kind: type[msgspec.Struct], *, depth: int = 100, values: int = json_size.MAX_VALUES
) -> dict[str, Any]:
    """The whole body as it was sent, known to be a `kind` that takes members beside its own. Raises InvalidBody."""
    _check_size(data, values, depth)
    plain = _decode_json(data, depth)
    try:
        msgspec.convert(plain, kind)
    except msgspec.ValidationError:
        problem = explain(plain, kind)
        if problem is not None:
            raise InvalidBody(problem) from None
    body: dict[str, Any] = plain
    return body


def check_object(plain: dict[str, Any], kind: type[msgspec.Struct]) -> None:
    """Raises InvalidBody where a decoded body that may have members beside its own is not a `kind`."""
    try:
        msgspec.convert(plain, kind)
    except msgspec.ValidationError as refusal:
        raise InvalidBody(explain(plain, kind) or error_texts.from_validation_error(refusal)) from None


def check_id(param: str, value: str, prefix: str) -> None:
    """Raises InvalidId for what cannot be an id: `check_id("thread_id", "undefined", "thread")`."""
    if not value.startswith(prefix):
        raise InvalidId(error_texts.wrong_prefix(param, value, prefix))


def check_file_id(param: str, value: str) -> None:
    """Raises InvalidId for what cannot be a File's id; Azure's agents service spells them `assistant-…`."""
    if not value.startswith(_FILE_PREFIXES):
        raise InvalidId(error_texts.wrong_prefix(param, value, _FILE_PREFIXES[0]))


def check_uuid(param: str, value: str) -> None:
    """Raises InvalidId for what cannot be a UUID."""
    if not _UUID.fullmatch(value):
        raise InvalidId(error_texts.invalid_uuid(param, value))


def _check_size(data: bytes, values: int, depth: int) -> None:
    limit = json_size.find_excess(data, values)
    if limit is None:
        return
    # Endless nesting gets this error first, although most of it also has too many arrays.
    if json_size.is_deep_at_start(data, depth):
        raise InvalidBody(error_texts.too_deep(depth))
    raise InvalidBody(error_texts.too_many_values(limit))


def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    return decoder


def _parse_slow(data: bytes, kind: type[T], depth: int, empty: bool) -> T:
    """What the fast path refused: a problem, or one of the bodies that the hosted API takes and msgspec does not.

    Those are `1.0` for an integer, null for a member that may be absent, and a repeated key of which only the last
    value is right.
    """
    plain = {} if empty and not data.strip() else _decode_json(data, depth)
    problem = explain(plain, kind)
    if problem is not None:
        raise InvalidBody(problem) from None
    return msgspec.convert(plain, kind)


def _decode_json(data: bytes, depth: int) -> Any:
    try:
        value = msgspec.json.decode(data)
    except RecursionError:
        raise InvalidBody(error_texts.too_deep(depth)) from None
    except msgspec.ValidationError as refusal:  # a number that no float holds
        raise InvalidBody(error_texts.from_validation_error(refusal)) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidBody(error_texts.MALFORMED_JSON) from None
    if _may_be_deep(data, depth) and _is_deeper(value, depth):
        raise InvalidBody(error_texts.too_deep(depth))
    return value


def _may_be_deep(data: bytes, depth: int) -> bool:
    """Whether the body has enough brackets to be too deep; most bodies are too short."""
    return len(data) > 2 * depth and data.count(b"{") + data.count(b"[") > depth


def _is_deeper(value: Any, depth: int) -> bool:
    level = [value]
    for _ in range(depth):
        level = [
            item
            for container in level
            if isinstance(container, (dict, list))
            for item in (container.values() if isinstance(container, dict) else container)
        ]
        if not level:
            return False
    return any(isinstance(item, (dict, list)) for item in level)
