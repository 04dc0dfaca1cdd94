"""Statements composed of constant parts, and rows in batches of few sizes.

Values travel as `$1` parameters and are never a part of a statement: `LiteralString` enforces that here.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, LiteralString, TypeVar

from understudy.store.database import Transaction

T = TypeVar("T")

# Rows in one statement: enough that the number of statements does not matter, in so few sizes that each is prepared
# once.
_BATCH_SIZES: Final = (100, 10, 1)


class SqlArguments:
    """The values of a statement that is composed step by step."""

    def __init__(self, values: Sequence[Any] = ()) -> None:
        self._values = [*values]

    @property
    def values(self) -> tuple[Any, ...]:
        return tuple(self._values)

    def bind(self, value: Any) -> LiteralString:
        """Adds a value; returns its parameter: `$3`."""
        self._values.append(value)
        return f"${len(self._values)}"

    def bind_all(self, values: Sequence[Any]) -> LiteralString:
        """Adds the values; returns their parameters: `$3, $4`."""
        return ", ".join([self.bind(value) for value in values])


def compose_sql(*parts: LiteralString) -> LiteralString:
    """The parts with a space between them: clauses, column lists and numbered parameters of this package."""
    return " ".join(parts)


def match_metadata(
    json_pair: LiteralString, pairs: Iterable[tuple[str, str]], arguments: SqlArguments
) -> list[LiteralString]:
    """A condition for each pair that an object's metadata must have; `json_pair` is the database's (see Database)."""
    return [json_pair.format(name=arguments.bind(name), value=arguments.bind(value)) for name, value in pairs]


def sql_parameters(first: int, length: int) -> LiteralString:
    """Parameters for `length` values, from number `first` on: `$3, $4`."""
    return ", ".join([f"${number}" for number in range(first, first + length)])


def sql_list(values: Sequence[LiteralString]) -> LiteralString:
    """Constants in parentheses, to follow IN: `('queued', 'in_progress')`."""
    return "(" + ", ".join([f"'{value}'" for value in values]) + ")"


def insert_rows(
    table: LiteralString, columns: LiteralString, rows: Sequence[tuple[Any, ...]], returning: LiteralString = ""
) -> Transaction[list[tuple[Any, ...]]]:
    """Inserts all `rows` with one statement."""
    if not rows:
        return []
    width = len(rows[0])
    values = ", ".join([f"({sql_parameters(1 + width * number, width)})" for number in range(len(rows))])
    statement = compose_sql("INSERT INTO", table, "(", columns, ") VALUES", values, returning)
    return (yield statement, tuple(value for row in rows for value in row))


def split_batches(sequence: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values in batches of the sizes that statements have."""
    start = 0
    for size in _BATCH_SIZES:
        while len(sequence) - start >= size:
            yield sequence[start : start + size]
            start += size


def padded_batches(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Values to look up, in as few statements as possible: the last value is repeated to fill a batch."""
    for start in range(0, len(values), _BATCH_SIZES[0]):
        batch = values[start : start + _BATCH_SIZES[0]]
        size = min(size for size in _BATCH_SIZES if size >= len(batch))
        yield [*batch, *[batch[-1]] * (size - len(batch))]
