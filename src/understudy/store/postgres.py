"""The PostgreSQL engine: a pool of asyncpg connections with prepared statements. Knows no table."""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Coroutine
from functools import lru_cache, partial
from typing import Any, Final, LiteralString, ParamSpec, TypeVar

import asyncpg

from understudy.errors import StoreError, StoreUnavailable
from understudy.errors.objects import nul_character
from understudy.store import large_writes, postgres_url
from understudy.store.connections import FAILURES, Connections, is_server_loss
from understudy.store.database import Bundle, ConnectionCounts, Guard, Horizon, Query, Row, Transaction
from understudy.store.horizon import find_horizon
from understudy.store.transaction_timer import TransactionTimer
from understudy.telemetry import TransactionKind

P = ParamSpec("P")
T = TypeVar("T")

_MAX_ATTEMPTS: Final = 5
_POOL_SIZE: Final = 16
# The limit of one statement. A server that hangs, and not its host, is noticed by this.
_SHORT_SECONDS: Final = 10.0
_LONG_SECONDS: Final = 60.0
_UNLIMITED_SECONDS: Final = 86_400.0
_CONFLICTS: Final = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_PARAMETER = re.compile(r"\$(\d+)")
_REFERENCE = re.compile(r"\{(\d+)\}")
logger = logging.getLogger(__name__)


# No text of PostgreSQL has the character 0, which a name may have; `\\u0000` is a backslash and letters.
_BODY: LiteralString = (
    r"CAST(CASE WHEN strpos(body, '\u0000') > 0"
    r" THEN regexp_replace(body, '(?<!\\)((?:\\\\)*)\\u0000', '\1', 'g') ELSE body END AS json)"
)


class PostgresDatabase:
    dialect = "postgres"
    applies_early = False
    # A tsvector holds a megabyte at most, so very long texts are indexed by their beginning.
    text_insert = (
        "INSERT INTO item_text (seq, words) SELECT seq, to_tsvector('simple', left($1, 200000)) FROM {item}"
        " WHERE id = $2 ON CONFLICT DO NOTHING"
    )
    text_delete = "DELETE FROM item_text WHERE seq = $1"
    text_columns: LiteralString = "seq, words"
    text_words: LiteralString = "to_tsvector('simple', left({text}, 200000))"
    text_match = "SELECT seq FROM item_text WHERE words @@ plainto_tsquery('simple', $1)"
    like: LiteralString = "ILIKE"
    json_member: LiteralString = f"({_BODY} ->> '{{name}}')"
    json_pair: LiteralString = f"({_BODY} -> 'metadata' ->> {{name}}) = {{value}}"

    def __init__(self, connections: Connections, url: str) -> None:
        self._connections = connections
        self._url = url
        self._lost_at: float | None = None
        self._guard: Guard | None = None

    @classmethod
    async def connect(cls, url: str, *, is_pooled: bool = False) -> "PostgresDatabase":
        """Raises StoreError, without the password, if the server is unreachable or refuses the connection.

        `is_pooled`: the URL is that of a pooler in transaction mode.
        """
        connections = Connections(url, _POOL_SIZE, is_pooled=is_pooled)
        try:
            connections.release(await connections.acquire())
        except (*FAILURES, ValueError) as error:
            raise postgres_url.unreachable_error(url, error) from None
        return cls(connections, url)

    def text_query(self, text: str) -> str:
        return text.replace("\x00", "")

    def set_guard(self, guard: Guard) -> None:
        self._guard = guard

    async def _check_guard(self) -> None:
        if self._guard is not None and not self._guard.is_valid:
            await self._guard.renew()

    async def read(self, transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run_read("read", _SHORT_SECONDS, transaction(*args, **kwargs))

    async def read_cached(
        self, _table: str, /, transaction: Callable[P, Transaction[str]], *args: P.args, **kwargs: P.kwargs
    ) -> str:
        return await self.read(transaction, *args, **kwargs)

    async def scan(self, transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run_read("scan", _LONG_SECONDS, transaction(*args, **kwargs))

    async def _run_read(self, kind: TransactionKind, seconds: float, transaction: Transaction[T]) -> T:
        await self._check_guard()
        with TransactionTimer(kind):
            try:
                return await self._run_on_connection(_run_transaction, transaction, seconds)
            except FAILURES as error:
                raise self._failure(error) from None

    async def write(self, transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        await self._check_guard()
        seconds = _LONG_SECONDS if large_writes.is_expected() else _SHORT_SECONDS
        return await self._run_write(seconds, partial(transaction, *args, **kwargs))

    async def write_slowly(self, transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        await self._check_guard()
        return await self._run_write(_LONG_SECONDS, partial(transaction, *args, **kwargs))

    async def change_schema(self, transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        await self._check_guard()
        return await self._run_write(_UNLIMITED_SECONDS, partial(transaction, *args, **kwargs))

    async def write_early(
        self, applied: Callable[[T], None], transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        value = await self.write(transaction, *args, **kwargs)
        applied(value)
        return value

    async def write_unguarded(self, transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run_write(_SHORT_SECONDS, partial(transaction, *args, **kwargs))

    async def _run_write(self, seconds: float, begin: Callable[[], Transaction[T]]) -> T:
        with TransactionTimer("write"):
            return await self._attempt_write(seconds, begin)

    async def _attempt_write(self, seconds: float, begin: Callable[[], Transaction[T]]) -> T:
        for attempt in range(_MAX_ATTEMPTS):
            try:
                return await self._run_on_connection(_commit, begin(), seconds)
            except _CONFLICTS as error:
                if attempt == _MAX_ATTEMPTS - 1:
                    raise self._failure(error) from None
            except FAILURES as error:
                raise self._failure(error) from None
            await asyncio.sleep(0.01 * 2**attempt)
        raise AssertionError

    async def ready(self) -> None:
        await self.read(_ping)

    def count_connections(self) -> ConnectionCounts | None:
        return self._connections.count()

    async def close(self) -> None:
        await self._connections.close()

    def _failure(self, error: BaseException) -> StoreError:
        failure = postgres_url.failure_error(self._url, error)
        if not is_server_loss(error):
            return failure
        if self._lost_at is None:
            self._lost_at = time.monotonic()
            logger.error("database unavailable: %s", failure)
        return StoreUnavailable(str(failure))

    async def _run_on_connection(
        self,
        drive: Callable[[Any, Transaction[T], float], Coroutine[Any, Any, T]],
        transaction: Transaction[T],
        seconds: float,
    ) -> T:
        connection = await self._connections.acquire()
        try:
            value = await drive(connection, transaction, seconds)
        except BaseException as error:
            await self._connections.recover(connection, error)
            raise
        self._connections.release(connection)
        if self._lost_at is not None:
            logger.warning("database available again after %.1f s", time.monotonic() - self._lost_at)
            self._lost_at = None
        return value


async def _commit(connection: Any, transaction: Transaction[T], seconds: float) -> T:
    """Runs the transaction to its COMMIT; a bundle that is all of it needs no BEGIN."""
    try:
        statement = next(transaction)
        if isinstance(statement, Bundle) and statement.alone:
            statement = transaction.send(await _fetch(connection, statement, seconds))
    except StopIteration as stop:
        value: T = stop.value
        return value
    await connection.execute("BEGIN", timeout=seconds)
    value = await _resume_transaction(connection, transaction, statement, seconds)
    await connection.execute("COMMIT", timeout=seconds)
    return value


async def _run_transaction(connection: Any, transaction: Transaction[T], seconds: float) -> T:
    try:
        statement = next(transaction)
    except StopIteration as stop:
        value: T = stop.value
        return value
    return await _resume_transaction(connection, transaction, statement, seconds)


async def _resume_transaction(
    connection: Any, transaction: Transaction[T], statement: Query | Bundle, seconds: float
) -> T:
    try:
        while True:
            statement = transaction.send(await _fetch(connection, statement, seconds))
    except StopIteration as stop:
        value: T = stop.value
        return value


async def _fetch(connection: Any, statement: Query | Bundle, seconds: float) -> list[Row]:
    if isinstance(statement, Horizon):
        return await find_horizon(connection, statement.table)
    if isinstance(statement, Bundle):
        sql = _join_statements(tuple([query[0] for query in statement.queries]))
        args = [arg for query in statement.queries for arg in query[1]]
    else:
        sql, args = statement[0], list(statement[1])
    try:
        rows: list[Row] = await connection.fetch(sql, *args, timeout=seconds)
    except asyncpg.CharacterNotInRepertoireError:
        raise nul_character() from None
    return rows


@lru_cache(maxsize=512)
def _join_statements(statements: tuple[str, ...]) -> str:
    """The statements as parts of one, which returns the rows of the first."""
    if len(statements) == 1:
        return statements[0]
    parts = []
    offset = 0
    for place, statement in enumerate(statements):
        numbers = [int(number) for number in _PARAMETER.findall(statement)]
        shifted = _PARAMETER.sub(lambda match: f"${int(match[1]) + offset}", statement)  # noqa: B023 - used at once
        named = _REFERENCE.sub(r"part\1", shifted)
        parts.append(f"part{place} AS ({named})")
        offset += max(numbers, default=0)
    return f"WITH {', '.join(parts)} SELECT * FROM part0"  # noqa: S608 - the statements of the query modules


def _ping() -> Transaction[list[Row]]:
    return (yield "SELECT 1", ())
