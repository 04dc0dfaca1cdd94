"""Values of settings: parsed from text, converted to the type of their field, described in errors."""

import math
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

_TYPE_PHRASES: dict[type[inspect.Type], str] = {
    inspect.BoolType: "true or false",
    inspect.CustomType: "a path",
    inspect.DictType: "a table of strings",
    inspect.StrType: "a non-empty string",
    inspect.VarTupleType: "a list of strings",
}


def convert(value: object, annotation: Any, *, text: bool) -> Any:
    """Converts `value` to the field's type; with `text`, from the text of a variable or a flag.

    In text, lists are written `a,b` and tables `a=b,c=d`. Raises ValueError for an invalid value.
    """
    if text and isinstance(value, str):
        value = _parse_text(value.strip(), _list_types(annotation)[0])
    try:
        result = msgspec.convert(value, annotation, strict=not text, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    if isinstance(result, float) and not math.isfinite(result):
        raise ValueError("not finite")
    return result


def describe_allowed(annotation: Any) -> str:
    """The allowed values, to follow `it must be`."""
    return " or ".join(_describe_type(shape) for shape in _list_types(annotation))


def _describe_type(shape: inspect.Type) -> str:
    if isinstance(shape, inspect.LiteralType):
        values = [repr(value) for value in shape.values]
        return ("one of " if len(values) > 1 else "") + ", ".join(values)
    if isinstance(shape, inspect.IntType | inspect.FloatType):
        return ("a whole number" if isinstance(shape, inspect.IntType) else "a number") + _describe_bounds(shape)
    if isinstance(shape, inspect.StrType) and (shape.min_length or 0) > 1:
        return f"a string of at least {shape.min_length} characters"
    return _TYPE_PHRASES[type(shape)]


def _describe_bounds(number: inspect.IntType | inspect.FloatType) -> str:
    if number.ge is not None and number.le is not None:
        return f" from {number.ge} to {number.le}"
    if number.ge is not None:
        return f" of at least {number.ge}"
    return f" greater than {number.gt}"


def _list_types(annotation: Any) -> list[inspect.Type]:
    """The types behind the field's description, without None."""
    shape = inspect.type_info(annotation)
    if isinstance(shape, inspect.Metadata):
        shape = shape.type
    if isinstance(shape, inspect.UnionType):
        return [member for member in shape.types if not isinstance(member, inspect.NoneType)]
    return [shape]


def _parse_text(text: str, shape: inspect.Type) -> object:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if isinstance(shape, inspect.VarTupleType):
        return parts
    if isinstance(shape, inspect.DictType) and all("=" in part for part in parts):
        pairs = (part.split("=", 1) for part in parts)
        return {key.strip(): value.strip() for key, value in pairs}
    return text


def _path(kind: type, value: object) -> Path:
    if kind is Path and isinstance(value, str) and value:
        return Path(value).expanduser()
    raise ValueError("not a path")
