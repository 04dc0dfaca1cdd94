"""Statements of large writes leave the event loop to the others."""

import asyncio
import contextvars
import threading

from store import samples
from understudy.store import large_writes, open_store
from understudy.store.sqlite import SqliteDatabase


def thread_of_statements():
    yield "SELECT 1", ()
    return threading.get_ident()


def refused():
    yield "SELECT 1", ()
    raise ValueError("no such object")


async def written(database, transaction, *, large):
    async def write():
        if large:
            large_writes.mark_expected()
        return await database.write(transaction)

    return await asyncio.create_task(write(), context=contextvars.copy_context())


def test_they_run_in_a_thread_and_those_of_small_ones_on_the_loop(tmp_path):
    async def both():
        database = SqliteDatabase(tmp_path / "store.sqlite3")
        found = [await written(database, thread_of_statements, large=large) for large in (False, True, False)]
        await database.close()
        return found

    first, second, third = asyncio.run(both())
    assert first == third == threading.get_ident()
    assert second != first


def test_a_large_write_that_fails_leaves_its_neighbours_alone(tmp_path):
    async def together():
        database = SqliteDatabase(tmp_path / "store.sqlite3")
        found = await asyncio.gather(
            written(database, refused, large=True),
            written(database, thread_of_statements, large=False),
            written(database, refused, large=False),
            return_exceptions=True,
        )
        await database.close()
        return found

    failed, done, also_failed = asyncio.run(together())
    assert (str(failed), str(also_failed)) == ("no such object", "no such object")
    assert isinstance(done, int)


def test_a_branch_of_many_messages_is_a_large_write(tmp_path):
    async def branch(store, count):
        thread = samples.thread()
        messages = [samples.message(thread.id, str(number)) for number in range(count)]
        await store.threads.create("proj_1", thread, messages)
        create = store.thread_branches.create("proj_1", thread.id, messages[-1].id, lambda _: None, 1)
        context = contextvars.copy_context()
        await asyncio.create_task(create, context=context)
        return context.run(large_writes.is_expected)

    async def both():
        store = await open_store(tmp_path)
        found = [await branch(store, count) for count in (3, 60)]
        await store.close()
        return found

    assert asyncio.run(both()) == [False, True]
