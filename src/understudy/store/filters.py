"""Filters on attributes, compiled to SQL. Knows the table of attributes and nothing of the files they belong to.

A value is compared with attributes of its own type only: texts by code points, numbers as numbers, booleans for
equality. `ne` and `nin` negate `eq` and `in`, so files without the attribute pass them.
"""

from collections.abc import Sequence
from typing import Any, Final

from understudy.store.sql import compose_sql, sql_parameters
from understudy.wire import filters
from understudy.wire.filters import Filter, Scalar

_SQL_OPERATORS: Final[dict[type, str]] = {
    filters.GreaterFilter: ">",
    filters.GreaterOrEqualFilter: ">=",
    filters.LessFilter: "<",
    filters.LessOrEqualFilter: "<=",
}
_LARGEST: Final = 1.7976931348623157e308


class Condition:
    """A condition on `seq` for the files of store `$1` that pass the filter; `arguments` extend the passed ones."""

    def __init__(self, condition: Filter, arguments: Sequence[Any]) -> None:
        self.arguments = [*arguments]
        self.sql = self._compile(condition)

    def _compile(self, condition: Filter) -> str:
        match condition:
            case filters.AndFilter(parts):
                sql = self._join(parts, " AND ", "1 = 1")
            case filters.OrFilter(parts):
                sql = self._join(parts, " OR ", "1 = 0")
            case filters.EqualFilter(name, value):
                sql = self._any_of(name, [value])
            case filters.NotEqualFilter(name, value):
                sql = f"NOT {self._any_of(name, [value])}"
            case filters.InFilter(name, values):
                sql = self._any_of(name, values)
            case filters.NotInFilter(name, values):
                sql = f"NOT {self._any_of(name, values)}"
            case _:
                name, value = condition.key, condition.value
                sql = self._has_attribute(
                    name, f"{column_of(value)} {_SQL_OPERATORS[type(condition)]} {self._bind(value)}"
                )
        return sql

    def _join(self, parts: Sequence[Filter], word: str, none: str) -> str:
        return f"({word.join(self._compile(part) for part in parts) or none})"

    def _any_of(self, name: str, values: Sequence[Scalar]) -> str:
        if not values:
            return "(1 = 0)"
        return self._has_attribute(name, " OR ".join(f"{column_of(value)} = {self._bind(value)}" for value in values))

    def _has_attribute(self, name: str, comparison: str) -> str:
        self.arguments.append(name)
        return compose_sql(
            "seq IN (SELECT file FROM file_attributes WHERE store = $1 AND name =",
            sql_parameters(len(self.arguments), 1),
            "AND (",
            comparison,
            "))",
        )

    def _bind(self, value: Scalar) -> str:
        self.arguments.append(to_column_value(value))
        return f"${len(self.arguments)}"


def column_of(value: Scalar) -> str:
    """The column that holds attributes of the value's type."""
    if isinstance(value, str):
        return "text"
    return "flag" if isinstance(value, bool) else "number"


def to_column_value(value: Scalar) -> str | float | int:
    """The value as its column stores it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return int(value)
    try:
        return float(value)
    except OverflowError:
        return _LARGEST if value > 0 else -_LARGEST
