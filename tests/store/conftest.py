"""Stores on both engines, each of a test's own."""

import contextlib

import pytest

from understudy.store import open_store


@pytest.fixture(params=["sqlite", "postgres"])
def url(request):
    """None for SQLite, and otherwise an empty PostgreSQL database."""
    return request.getfixturevalue("postgres") if request.param == "postgres" else None


@pytest.fixture
def opened(tmp_path, url):
    """Opens the test's database, as often as wanted."""

    @contextlib.asynccontextmanager
    async def opened():
        store = await open_store(tmp_path, url)
        try:
            yield store
        finally:
            await store.close()

    return opened


@pytest.fixture
async def store(opened):
    async with opened() as store:
        yield store
