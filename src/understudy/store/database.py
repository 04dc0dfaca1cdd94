"""The contract between the query modules and the two database engines. Knows no table and no dialect.

A transaction is a generator function: it yields `(sql, arguments)` and is sent the rows, so the same plain code runs on
SQLite, which answers at once, and on PostgreSQL, which is awaited. SQL is PostgreSQL's with `$1` parameters and only
what SQLite also takes; a raised exception rolls the whole transaction back.

A round trip to PostgreSQL costs more than most statements, so those that belong together can be yielded as a `Bundle`.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, ParamSpec, Protocol, TypeVar

Row = tuple[Any, ...]
Query = tuple[str, tuple[Any, ...]]


@dataclass(slots=True)
class Bundle:
    """Statements that PostgreSQL gets as one, and SQLite one after another. Answered with the rows of the first.

    The first is the guard: where it gives no row, the others must do nothing. Write `{0}` in them, in place of a table,
    for the rows of the first, `{1}` for those of the second, and so on; such a one ends with RETURNING. None may read
    what another one writes in any other way. With `alone`, the bundle is the first thing that its transaction does, and
    whatever else the transaction would do after it, it does only where the guard gave no row.
    """

    alone: bool = False
    queries: list[Query] = field(default_factory=list)

    def add(self, sql: str, *args: Any) -> str:
        """Returns what stands for the rows of the statement in those that follow."""
        self.queries.append((sql, args))
        return f"{{{len(self.queries) - 1}}}"


P = ParamSpec("P")
T = TypeVar("T")
Transaction = Generator[Query | Bundle, list[Row], T]


class Database(Protocol):
    """One of the two engines. Both raise StoreError where the storage itself fails (a full disk, a lost server)."""

    dialect: str
    """`sqlite` or `postgres`: the name of the module that holds what only this engine can say."""

    text_insert: str
    """Adds the text `$1` of the item with the id `$2`, which the statement `{item}` of the same bundle has written and
    returned with `seq` and `id`, to the text index."""

    text_delete: str
    """Takes the item numbered `$1` out of the text index."""

    text_match: str
    """A subquery: the numbers of the items that hold every word of `$1`, made by `text_query`."""

    def text_query(self, text: str) -> str:
        """The words of `text` in the form that `text_match` takes."""
        ...

    async def read(self, transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs short queries that change nothing."""
        ...

    async def scan(self, transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `read`, for queries that may take long: nobody else waits for them."""
        ...

    async def write(self, transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs one intent; what it changed is durable when this returns."""
        ...

    async def ready(self) -> None:
        """Raises StoreError where the database does not answer."""
        ...

    async def close(self) -> None: ...
