"""The contract between the query modules and the two database engines. Knows no table and no dialect.

A transaction is a generator function: it yields `(sql, arguments)` and is sent the rows, so the same plain code runs on
SQLite, which answers at once, and on PostgreSQL, which is awaited. SQL is PostgreSQL's with `$1` parameters and only
what SQLite also takes; a raised exception rolls the whole transaction back.
"""

from collections.abc import Callable, Generator
from typing import Any, ParamSpec, Protocol, TypeVar

Row = tuple[Any, ...]
Query = tuple[str, tuple[Any, ...]]
P = ParamSpec("P")
T = TypeVar("T")
Transaction = Generator[Query, list[Row], T]


class Database(Protocol):
    """One of the two engines. Both raise StoreError where the storage itself fails (a full disk, a lost server)."""

    dialect: str
    """`sqlite` or `postgres`: the name of the module that holds what only this engine can say."""

    text_insert: str
    """Adds the text `$2` of the item numbered `$1` to the text index."""

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
