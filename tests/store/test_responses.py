"""Stored responses: the threads of their items, shared histories, and rows left after deletion."""

from functools import partial

import pytest

from engine.answers import response
from store import samples
from store.samples import NOW, OURS, THEIRS
from understudy import ids
from understudy.engine.input_items import to_stored as given_items
from understudy.errors import InvalidRequest, NotFound
from understudy.store.pages import PageRequest
from understudy.store.responses import NewResponse, ResponseInsert
from understudy.store.run_state import Checkpoint, NewItem, Plan, Progress
from understudy.store.states import IS_ACTIVE
from understudy.wire.input_parsing import whole
from understudy.wire.response_items import encode_items

WORKER = "worker_a"
TABLES = ("responses", "response_contexts", "runs", "steps", "items", "item_text", "erasures")


async def respond(
    store,
    *said,
    previous=None,
    kept=True,
    project_id=OURS,
    end="completed",
    answers=(),
    calls=(),
    follows_unstored=False,
):
    """A response that is made, and over at once unless `end` is None."""
    response_id = ids.response()

    def make(place):
        run = samples.run(place.thread_id, id=response_id, status="in_progress")
        items = [{"role": "user", "content": one} for one in said]
        items += [{"type": "function_call_output", "call_id": call_id, "output": "x"} for call_id in answers]
        made = response(id=response_id, created_at=NOW)
        return NewResponse(
            made,
            encode_items(made).decode(),
            run,
            Progress(plan=Plan(context=place.context)),
            given_items(whole(items), place.thread_id, NOW),
        )

    insert = ResponseInsert(
        project_id=project_id,
        response_id=response_id,
        owner=WORKER,
        previous_id=previous,
        is_stored=kept,
        follows_unstored=follows_unstored,
    )
    await store.responses.create(insert, make)
    if end is not None:
        await finish(store, response_id, end, calls=calls)
    return response_id


async def finish(store, response_id, status="completed", calls=()):
    """Ends it with a call for each id, which is what it said."""
    items = [
        NewItem(item_id := ids.function_call_item(), "function_call", f'{{"id":"{item_id}","call_id":"{one}"}}')
        for one in calls
    ]
    run = samples.run(await store.database.read(thread_of, response_id), id=response_id, status=status)
    over = response(id=response_id, status=status)
    boundary = checkpoint(over, run=run, progress=Progress(plan=Plan()), calls=items)
    assert await store.runs.advance(WORKER, 1, boundary)


def checkpoint(made, **members):
    """One that stores this response."""
    return Checkpoint(made.id, response=made, response_body=encode_items(made).decode(), **members)


def thread_of(response_id):
    rows = yield "SELECT thread_id FROM responses WHERE id = $1", (response_id,)
    return rows[0][0]


def counted():
    found = {}
    for table in TABLES:
        rows = yield f"SELECT count(*) FROM {table}", ()
        found[table] = int(rows[0][0])
    return found


async def rows_of(store):
    """How many rows there are once everything that waits to be erased is gone."""
    while await store.threads.erase(100):
        pass
    return await store.database.read(counted)


async def told(store, response_id, **asked):
    page = await store.responses.input_items(OURS, response_id, PageRequest(**{"order": "asc", "limit": 100, **asked}))
    return [item.body for item in page.items]


async def said(store, response_id, **asked):
    return [body.split('"value":"')[1].split('"')[0] for body in await told(store, response_id, **asked)]


async def test_a_response_that_is_not_stored_leaves_no_rows(store):
    before = await rows_of(store)
    made = await respond(store, "A", "B", kept=False, calls=["call_a"])
    with pytest.raises(NotFound):
        await store.responses.get(OURS, made)
    await store.responses.erase([made])
    assert await store.database.read(counted) == before
    long = await respond(store, *["A"] * 150, kept=False)
    many = [await respond(store, "B", kept=False, calls=["call_b"]) for _ in range(30)]
    await store.responses.erase([long, *many])
    assert await rows_of(store) == before


async def test_a_response_that_is_not_stored_leaves_nothing_behind_one_that_is(store):
    first = await respond(store, "A")
    before = await rows_of(store)
    passing = await respond(store, "Secret", previous=first, kept=False)
    following = await respond(store, "More", previous=passing, follows_unstored=True, kept=False)
    await store.responses.erase([passing])
    await store.responses.erase([following])
    assert await rows_of(store) == before
    assert await said(store, await respond(store, "B", previous=first)) == ["A", "B"]


async def test_the_text_of_a_response_that_is_not_stored_is_not_indexed(store):
    before = (await rows_of(store))["item_text"]
    await respond(store, "Secret", kept=False)
    assert (await rows_of(store))["item_text"] == before
    await respond(store, "Known")
    assert (await rows_of(store))["item_text"] == before + 1


async def test_the_sweep_deletes_finished_responses_that_are_not_stored(store):
    before = await rows_of(store)
    running = await respond(store, "A", kept=False, end=None)
    for _ in range(120):
        await respond(store, "B", kept=False)
    stays = await respond(store, "C")
    assert not await store.responses.sweep(NOW)
    assert (await rows_of(store))["responses"] == 122
    assert await store.responses.sweep(NOW + 1)
    assert not await store.responses.sweep(NOW + 1)
    assert (await rows_of(store))["responses"] == 2
    await finish(store, running)
    await store.responses.sweep(NOW + 1)
    await store.responses.delete(OURS, stays)
    assert await rows_of(store) == before


async def test_items_are_deleted_with_the_last_response_that_includes_them(store):
    before = await rows_of(store)
    first = await respond(store, "A")
    second = await respond(store, "B", previous=first)
    fork = await respond(store, "C", previous=first)
    await store.responses.delete(OURS, first)
    assert await said(store, second) == ["A", "B"]
    assert await said(store, fork) == ["A", "C"]
    await store.responses.delete(OURS, second)
    assert await said(store, fork) == ["A", "C"]
    await store.responses.delete(OURS, fork)
    assert await rows_of(store) == before


async def test_deleting_a_response_in_progress_stops_its_worker(store):
    made = await respond(store, "A", end=None)
    assert await store.responses.delete(OURS, made) == made
    assert await store.runs.status(made) is None
    boundary = checkpoint(response(id=made), run=samples.run("thread", id=made, status="completed"))
    assert not await store.runs.advance(WORKER, 1, boundary)
    with pytest.raises(NotFound):
        await store.responses.delete(OURS, made)


async def test_a_previous_response_must_be_finished_and_of_the_same_project(store):
    first = await respond(store, "A", end=None)
    with pytest.raises(InvalidRequest, match="not over yet"):
        await respond(store, "B", previous=first)
    await finish(store, first)
    with pytest.raises(InvalidRequest, match=f"Previous response with id '{first}' not found"):
        await respond(store, "B", previous=first, project_id=THEIRS)
    await respond(store, "B", previous=first)


async def test_a_response_without_input_can_be_a_previous_response(store):
    first = await respond(store)
    second = await respond(store, "B", previous=first)
    assert await said(store, second) == ["B"]


async def test_outputs_answer_calls_of_any_response_before(store):
    first = await respond(store, "A", calls=["call_a", "call_b"])
    with pytest.raises(InvalidRequest, match="No tool output found for function call call_b"):
        await respond(store, previous=first, answers=["call_a"])
    second = await respond(store, previous=first, answers=["call_a", "call_b"])
    # Once more, of an older one.
    await respond(store, previous=second, answers=["call_a"])
    with pytest.raises(InvalidRequest, match="No tool call found for function call output with call_id call_c"):
        await respond(store, previous=second, answers=["call_c"])
    fork = await respond(store, previous=first, answers=["call_a", "call_b"])
    await respond(store, previous=fork, answers=["call_b"])


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_input_item_pages_span_the_threads_of_a_branched_chain(store, order):
    previous = None
    expected = []
    for number in range(6):
        if previous is not None:
            await respond(store, "elsewhere", previous=previous)  # the next one has to begin a thread of its own
        previous = await respond(store, f"{number}a", f"{number}b", previous=previous)
        expected += [f"{number}a", f"{number}b"]
    if order == "desc":
        expected.reverse()
    ask = partial(store.responses.input_items, OURS, previous)
    for limit in (1, 2, 3, 5, 12):
        found, after = [], None
        while True:
            page = await ask(PageRequest(order=order, limit=limit, after=after))
            found += page.ids
            if not page.has_more:
                break
            after = page.ids[-1]
        whole_page = await ask(PageRequest(order=order, limit=100))
        assert found == whole_page.ids
        middle = whole_page.ids[7]
        before = await ask(PageRequest(order=order, limit=limit, before=middle))
        assert before.ids == whole_page.ids[max(0, 7 - limit) : 7]
        assert before.has_more == (limit < 7)
    assert await said(store, previous, order=order) == expected


async def test_no_query_of_a_turn_reads_more_than_the_turn(store):
    """A query over all items would be slow in a large database."""
    if store.database.dialect != "sqlite":
        pytest.skip("the plans of an empty PostgreSQL database say nothing")
    seen = []

    def plans():
        queries = [
            "SELECT max(seq) FROM items WHERE thread_id = 'a' AND body IS NOT NULL",
            "SELECT 1 FROM items WHERE thread_id = 'a' AND seq > 5 AND body IS NOT NULL LIMIT 1",
            "SELECT body FROM items WHERE thread_id = 'a' AND seq <= 5 AND body IS NOT NULL AND kind IN ('a', 'b')",
            "SELECT id FROM items WHERE thread_id = 'a' AND seq > 1 AND seq < 5 AND body IS NOT NULL ORDER BY seq",
            "SELECT seq FROM items WHERE thread_id = 'a' AND body IS NULL LIMIT 5",
            "SELECT id FROM runs WHERE thread_id = 'a' AND body IS NOT NULL LIMIT 5",
            f"SELECT id FROM runs WHERE thread_id = 'a' AND {IS_ACTIVE}",
        ]
        for query in queries:
            rows = yield f"EXPLAIN QUERY PLAN {query}", ()
            seen.append(" ".join(str(row[3]) for row in rows))

    await store.database.read(plans)
    assert all("USING INDEX" in plan or "USING COVERING INDEX" in plan for plan in seen), seen
