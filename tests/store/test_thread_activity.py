"""The list of threads by their last activity, on both engines."""

import asyncio

import pytest

from store import samples
from store.samples import OURS
from understudy.errors import InvalidRequest
from understudy.store.pages import PageRequest
from understudy.store.threads import BY_ACTIVITY, ThreadFilter
from understudy.wire.thread_details import ThreadDetail

ALL = ThreadFilter()
TIME: set[ThreadDetail] = {"last_active_at"}


async def list_threads(store, **options):
    page = await store.threads.page(OURS, PageRequest(**options), ALL, BY_ACTIVITY)
    return [row[0] for row in page.rows]


async def create_threads(store, count):
    """Threads whose times differ: a millisecond is the least difference."""
    threads = [samples.thread() for _ in range(count)]
    for thread in threads:
        await store.threads.create(OURS, thread, [])
        await next_millisecond(store)
    return [thread.id for thread in threads]


async def next_millisecond(store):
    def read_clock():
        return int((yield "SELECT now FROM database_clock", ())[0][0] * 1000)

    first = await store.database.read(read_clock)
    while await store.database.read(read_clock) == first:  # noqa: ASYNC110 - the database alone knows
        await asyncio.sleep(0)


async def test_messages_and_runs_move_a_thread_to_the_top(store):
    first, second, third = await create_threads(store, 3)
    assert await list_threads(store) == [third, second, first]
    await store.messages.create(OURS, samples.message(first))
    assert await list_threads(store) == [first, third, second]
    await next_millisecond(store)
    await store.runs.create(OURS, samples.run(second), None, [samples.message(second)])
    assert await list_threads(store) == [second, first, third]
    assert await list_threads(store, order="asc") == [third, first, second]
    await store.threads.delete(OURS, first)
    assert await list_threads(store) == [second, third]


async def test_a_page_continues_where_the_one_before_ended_although_its_last_thread_moved(store):
    ids = (await create_threads(store, 6))[::-1]
    page = await list_threads(store, limit=2)
    assert page == ids[:2]
    times = await store.threads.describe(page, TIME, None)
    cursor = f"{page[-1]},{times[page[-1]]['last_active_at']}"
    await store.messages.create(OURS, samples.message(page[-1]))
    assert await list_threads(store, limit=2, after=cursor) == ids[2:4]
    assert await list_threads(store, limit=2, before=cursor) == [ids[1], ids[0]]
    # Without its time, the cursor is where the thread is now.
    assert await list_threads(store, limit=2, after=page[-1]) == [ids[0], ids[2]]
    for unknown in ("thread_none,1.5", f"{page[-1]},soon", f"{page[-1]},inf"):
        with pytest.raises(InvalidRequest, match="after"):
            await list_threads(store, after=unknown)


async def test_rows_of_an_earlier_version_get_the_time_of_their_last_message_or_run(store):
    alone, written, running = [samples.thread(created_at=1000 + number) for number in range(3)]
    for thread in (alone, written, running):
        await store.threads.create(OURS, thread, [])
    await store.messages.create(OURS, samples.message(written.id, created_at=5000))
    await store.runs.create(OURS, samples.run(running.id, created_at=3000, instructions="Be brief."), None)

    def forget():
        yield "UPDATE threads SET last_active_at = 0", ()

    await store.database.write(forget)
    await store.threads.fill_activity()
    ids = [written.id, running.id, alone.id]
    assert await list_threads(store) == ids
    times = await store.threads.describe(ids, TIME, None)
    assert [times[one]["last_active_at"] for one in ids] == [5000, 3000, 1000]
