"""The composition root: the order in which parts start and stop."""

import asyncio
from dataclasses import replace

import pytest

from understudy.app import create_app
from understudy.errors import SettingsError, Unavailable
from understudy.settings import Settings, WebhookSettings
from understudy.store import open_existing_store

SECRET = "whsec_" + "A" * 32


def workers():
    rows = yield "SELECT id FROM workers", ()
    return [worker_id.partition("_")[0] for (worker_id,) in rows]


async def stored_workers(data):
    store = await open_existing_store(data)
    try:
        return await store.database.read(workers)
    finally:
        await store.close()


async def test_a_failed_start_stops_the_parts_that_have_started(tmp_path):
    refused = WebhookSettings(url="http://127.0.0.1/", secret=SECRET)
    app = create_app(Settings(data=tmp_path, webhooks=refused))
    with pytest.raises(SettingsError, match=r"webhooks\.url"):
        async with app.router.lifespan_context(app):
            pass
    assert await stored_workers(tmp_path) == []


async def test_a_stop_ends_the_leases_of_all_workers(tmp_path):
    app = create_app(Settings(data=tmp_path))
    async with app.router.lifespan_context(app):
        names = ["batcher", "embedder", "indexer", "mover", "scribe", "sender", "studio", "worker"]
        assert sorted(await stored_workers(tmp_path)) == names
    assert await stored_workers(tmp_path) == []


async def test_a_stop_ends_streams_in_time_while_its_parts_still_drain(tmp_path):
    app = create_app(Settings(data=tmp_path, shutdown_seconds=0.1))
    async with app.router.lifespan_context(app):
        streams, understudy = app.state.parts.streams, app.state.understudy
        drain = asyncio.create_task(replace(understudy, drains=[asyncio.Event().wait]).drain())
        with pytest.raises(Unavailable, match="stopping"), streams.waiting("key_1"):
            await asyncio.Event().wait()
        assert not drain.done()
        drain.cancel()
