"""The contract between the query modules and the two database engines. Knows no table and no dialect.

A transaction is a generator function: it yields `(sql, arguments)` and is sent the rows, so the same plain code runs on
SQLite, which returns at once, and on PostgreSQL, which is awaited. SQL is PostgreSQL's with `$1` parameters, limited to
what SQLite also supports; a raised exception rolls the whole transaction back.

A round trip to PostgreSQL costs more than most statements, so those that belong together can be yielded as a `Bundle`.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, LiteralString, ParamSpec, Protocol, TypeVar

Row = tuple[Any, ...]
Query = tuple[str, tuple[Any, ...]]


@dataclass(slots=True)
class Bundle:
    """Statements that PostgreSQL executes as one, and SQLite one after another. Returns the rows of the first.

    The first is the guard: if it returns no row, the others must change nothing. In them, `{0}` in place of a table is
    the rows of the first statement, `{1}` those of the second, and so on; a referenced statement ends with RETURNING. A
    statement must not read in any other way what another one writes. With `alone`, the bundle is the first statement of
    its transaction, which continues after it only if the guard returned no row. SQLite fills `rows`, where that is a
    list, with the rows of each statement.
    """

    alone: bool = False
    queries: list[Query] = field(default_factory=list)
    rows: list[list[Row]] | None = None

    def add(self, sql: str, *args: Any) -> str:
        """Returns the reference by which later statements read the rows of this one."""
        self.queries.append((sql, args))
        return f"{{{len(self.queries) - 1}}}"


@dataclass(slots=True)
class Horizon(Bundle):
    """Returns the number up to which the rows of a table are complete: no transaction will commit a smaller one.

    On PostgreSQL this waits for the transactions that are inserting rows now; raises StoreError if one takes too long.
    SQLite commits one transaction after another, and returns no row.
    """

    table: str = ""


P = ParamSpec("P")
T = TypeVar("T")
Transaction = Generator[Query | Bundle, list[Row], T]


@dataclass(frozen=True, slots=True)
class ConnectionCounts:
    """At most `limit` connections are `busy` or `idle`; `waiting` are callers that need one."""

    limit: int
    busy: int
    idle: int
    waiting: int


class Guard(Protocol):
    """Decides whether this process may use the database."""

    @property
    def is_valid(self) -> bool: ...

    async def renew(self) -> None:
        """Makes the guard valid; raises StoreError if it cannot."""
        ...


class Database(Protocol):
    """One of the two engines. Both raise StoreError if the storage fails (a full disk, a lost server)."""

    dialect: str
    """`sqlite` or `postgres`: the name of the module with the statements that only this engine has."""

    applies_early: bool
    """Whether `write_early` calls back before the commit."""

    text_insert: str
    """Adds the text `$1` of the item with the id `$2` to the text index. The statement `{item}` of the same bundle
    writes the item and returns its `seq` and `id`. A transaction does not read the text index after it has changed it:
    SQLite changes it last."""

    text_delete: str
    """Removes the item numbered `$1` from the text index."""

    text_columns: LiteralString
    """The columns of the text index: the number of an item, and its words."""

    text_words: LiteralString
    """The words of the text `{text}`, as the column takes them."""

    text_match: str
    """A subquery: the numbers of the items that contain every word of `$1`, which `text_query` returns."""

    like: LiteralString
    """The operator that matches a pattern, upper and lower case being the same."""

    json_member: LiteralString
    """The text of the member `{name}` of the object that the column `body` holds; NULL if it has none."""

    json_pair: LiteralString
    """A condition: the metadata of the object in `body` has the value `{value}` under the name `{name}`."""

    def text_query(self, text: str) -> str:
        """The words of `text` in the form that `text_match` takes."""
        ...

    async def read(self, transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs short read-only queries. On PostgreSQL, one that takes ten seconds means that the server is lost."""
        ...

    async def read_cached(
        self, table: str, /, transaction: Callable[P, Transaction[str]], *args: P.args, **kwargs: P.kwargs
    ) -> str:
        """As `read`, for a text of one table that changes seldom: SQLite caches it until the table changes."""
        ...

    async def scan(self, transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `read`, for slow queries: they block no other query."""
        ...

    async def write(self, transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a transaction; its changes are durable when this returns."""
        ...

    async def write_slowly(self, transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `write`, for statements about many rows."""
        ...

    async def change_schema(self, transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `write`, for statements that may take as long as they need, as those that build an index."""
        ...

    async def write_early(
        self, applied: Callable[[T], None], transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Like `write`; calls `applied` with the result before it returns, in the context of the caller.

        With `applies_early` that is while the commit is under way: what depends on it may begin, and nobody may see
        that before this returns. If the commit fails, `applied` was called nevertheless, and this raises StoreError.
        """
        ...

    async def write_unguarded(self, transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `write`, also while the guard is not valid."""
        ...

    def set_guard(self, guard: Guard) -> None:
        """From now on all transactions need a valid guard, where other programs may change the schema meanwhile."""
        ...

    async def ready(self) -> None:
        """Raises StoreError if the database is unavailable."""
        ...

    def count_connections(self) -> ConnectionCounts | None:
        """The pool of connections; None without one."""
        ...

    async def close(self) -> None: ...
