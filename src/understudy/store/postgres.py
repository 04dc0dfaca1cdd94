"""The PostgreSQL engine: a pool of asyncpg connections with prepared statements. Knows no table."""

import asyncio
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import asyncpg

from understudy.errors import InvalidRequest, StoreError
from understudy.store.database import Row, Transaction

P = ParamSpec("P")
T = TypeVar("T")

_ATTEMPTS = 5
_POOL = 16
_CONFLICTS = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


class PostgresDatabase:
    dialect = "postgres"
    # A tsvector holds a megabyte at most, so very long texts are indexed by their beginning.
    text_insert = (
        "INSERT INTO item_text (seq, words) VALUES ($1, to_tsvector('simple', left($2, 200000))) ON CONFLICT DO NOTHING"
    )
    text_delete = "DELETE FROM item_text WHERE seq = $1"
    text_match = "SELECT seq FROM item_text WHERE words @@ plainto_tsquery('simple', $1)"

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self._pool = pool

    @classmethod
    async def connect(cls, url: str) -> "PostgresDatabase":
        """Raises StoreError where the server does not answer or refuses us; the password is never in its text."""
        try:
            pool = await asyncpg.create_pool(url, min_size=1, max_size=_POOL, command_timeout=60, timeout=10)
        except (*_FAILURES, ValueError) as error:
            raise StoreError(f"The PostgreSQL database cannot be reached: {_say(error)}") from None
        return cls(pool)

    def text_query(self, text: str) -> str:
        return text.replace("\x00", "")

    async def read(self, transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            async with self._pool.acquire() as connection:
                return await _drive(connection, transaction(*args, **kwargs))
        except _FAILURES as error:
            raise _failure(error) from None

    scan = read

    async def write(self, transaction: Callable[P, Transaction[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        for attempt in range(_ATTEMPTS):
            try:
                return await self._attempt(transaction(*args, **kwargs))
            except _CONFLICTS as error:
                if attempt == _ATTEMPTS - 1:
                    raise _failure(error) from None
            except _FAILURES as error:
                raise _failure(error) from None
            await asyncio.sleep(0.01 * 2**attempt)
        raise AssertionError

    async def _attempt(self, transaction: Transaction[T]) -> T:
        async with self._pool.acquire() as connection, connection.transaction():
            return await _drive(connection, transaction)

    async def ready(self) -> None:
        await self.read(_one)

    async def close(self) -> None:
        await self._pool.close()


async def _drive(connection: Any, transaction: Transaction[T]) -> T:
    try:
        sql, args = next(transaction)
        while True:
            rows = await connection.fetch(sql, *args)
            sql, args = transaction.send(rows)
    except StopIteration as stop:
        value: T = stop.value
        return value
    except asyncpg.CharacterNotInRepertoireError:
        raise InvalidRequest("A value contains the NUL character, which cannot be stored or searched for.") from None


def _one() -> Transaction[list[Row]]:
    return (yield "SELECT 1", ())


def _failure(error: BaseException) -> StoreError:
    return StoreError(f"The PostgreSQL database failed: {_say(error)}")


def _say(error: BaseException) -> str:
    return str(error) or type(error).__name__
