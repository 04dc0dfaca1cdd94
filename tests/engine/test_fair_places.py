"""Places for lines of batches: a project with thousands of lines delays another one by one line a place."""

import asyncio

from understudy.engine.jobs.fair_places import FairPlaces


async def take(places, order, project, group=0, gate=None):
    async with places.place(project, group):
        order.append((project, group))
        await asyncio.sleep(0)
        if gate is not None:
            await gate.wait()


async def test_a_project_with_many_lines_delays_another_one_by_one_line_a_place():
    places, order = FairPlaces(2), []
    async with asyncio.TaskGroup() as group:
        for number in range(100):
            group.create_task(take(places, order, "many", number % 10))
        await asyncio.sleep(0)
        group.create_task(take(places, order, "one"))
    assert order.index(("one", 0)) <= 4
    assert len(order) == 101


async def test_batches_of_a_project_take_turns():
    places, order = FairPlaces(1), []
    async with asyncio.TaskGroup() as group:
        for number in (1, 1, 1, 2, 3):
            group.create_task(take(places, order, "ours", number))
    assert [number for _, number in order] == [1, 2, 3, 1, 1]


async def test_a_cancelled_waiter_and_a_cancelled_holder_leave_their_place():
    places, order, gate = FairPlaces(1), [], asyncio.Event()
    holder = asyncio.create_task(take(places, order, "ours", gate=gate))
    waiter = asyncio.create_task(take(places, order, "ours"))
    await asyncio.sleep(0)
    waiter.cancel()
    holder.cancel()
    await asyncio.gather(holder, waiter, return_exceptions=True)
    await take(places, order, "theirs")
    assert order == [("ours", 0), ("theirs", 0)]
