"""Stores on both engines, each of a test's own."""

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from databases import copy_sqlite
from understudy.store import Store, open_store

Opened = Callable[[], AbstractAsyncContextManager[Store]]


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    """None for SQLite, whose data directory is `tmp_path`, and otherwise a PostgreSQL database. Both have all tables."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres"))
    copy_sqlite(tmp_path)
    return None


@pytest.fixture
def opened(tmp_path: Path, url: str | None) -> Opened:
    """Opens the test's database, as often as wanted."""

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[Store]:
        store = await open_store(tmp_path, url)
        try:
            yield store
        finally:
            await store.close()

    return opened


@pytest.fixture
async def store(opened: Opened) -> AsyncIterator[Store]:
    async with opened() as store:
        yield store
