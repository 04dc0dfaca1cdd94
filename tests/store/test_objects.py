"""Stored assistants, threads and messages: created, updated and deleted."""

import asyncio
import json

import asyncpg
import msgspec
import pytest

from store import samples
from store.samples import ODD_TEXTS, OURS
from understudy.errors import InvalidRequest, NotFound, StoreError
from understudy.store.pages import PageRequest
from understudy.store.threads import ThreadFilter

EVERYTHING = ThreadFilter()


def ids_of(page):
    return [row[0] for row in page.rows]


def plain(body):
    """A stored body as JSON reads it."""
    return json.loads(body)


def as_json(subject):
    return json.loads(msgspec.json.encode(subject))


@pytest.mark.parametrize("text", ODD_TEXTS)
async def test_a_stored_assistant_is_read_back_unchanged(store, text):
    given = samples.assistant(name=text, instructions=text * 100, metadata={text: text})
    assert plain(await store.assistants.create(OURS, given)) == as_json(given)
    assert plain(await store.assistants.get(OURS, given.id)) == as_json(given)
    ((found, body),) = (await store.assistants.page(OURS, PageRequest())).rows
    assert (found, plain(body)) == (given.id, as_json(given))


async def test_an_assistant_is_changed_and_deleted(store):
    given = samples.assistant()
    await store.assistants.create(OURS, given)
    changed = await store.assistants.modify(OURS, given.id, lambda one: setattr(one, "name", "Grace"))
    assert plain(changed) == as_json(given) | {"name": "Grace"}
    assert await store.assistants.get(OURS, given.id) == changed
    await store.assistants.delete(OURS, given.id)
    for attempt in (
        store.assistants.get(OURS, given.id),
        store.assistants.modify(OURS, given.id, lambda _: None),
        store.assistants.delete(OURS, given.id),
    ):
        with pytest.raises(NotFound, match=f"No assistant found with id '{given.id}'."):
            await attempt
    assert (await store.assistants.page(OURS, PageRequest())).rows == []


async def test_a_change_that_fails_leaves_everything_as_it_was(store):
    given = samples.assistant()
    body = await store.assistants.create(OURS, given)

    def fail(one):
        one.name = "half"
        raise InvalidRequest("No.")

    with pytest.raises(InvalidRequest):
        await store.assistants.modify(OURS, given.id, fail)
    assert await store.assistants.get(OURS, given.id) == body


async def test_a_thread_is_made_with_its_messages_or_not_at_all(store):
    given = samples.thread(metadata={"a": "b"})
    said = [samples.message(given.id, str(number)) for number in range(3)]
    await store.threads.create(OURS, given, said)
    assert plain(await store.threads.get(OURS, given.id)) == as_json(given)
    page = await store.messages.page(OURS, given.id, PageRequest(order="asc"))
    assert [plain(body) for _, body in page.rows] == [as_json(one) for one in said]

    other = samples.thread()
    twice = samples.message(other.id)
    with pytest.raises(StoreError):
        await store.threads.create(OURS, other, [twice, twice])
    with pytest.raises(NotFound):
        await store.threads.get(OURS, other.id)


async def test_a_modified_thread_is_found_by_its_new_metadata_only(store):
    given = samples.thread(metadata={"team": "blue"})
    await store.threads.create(OURS, given, [])
    changed = await store.threads.modify(OURS, given.id, lambda one: setattr(one, "metadata", {"team": "red"}))
    assert changed.metadata == {"team": "red"}
    assert plain(await store.threads.get(OURS, given.id))["metadata"] == {"team": "red"}
    for value, found in (("blue", []), ("red", [given.id])):
        page = await store.threads.page(OURS, PageRequest(), ThreadFilter((("team", value),)))
        assert ids_of(page) == found


@pytest.mark.parametrize("text", ODD_TEXTS)
async def test_a_thread_is_found_by_any_metadata(store, text):
    given = samples.thread(metadata={text: text, "b": text})
    await store.threads.create(OURS, given, [])
    await store.threads.create(OURS, samples.thread(metadata={"b": "other"}), [])
    condition = ThreadFilter(((text, text), ("b", text)))
    assert ids_of(await store.threads.page(OURS, PageRequest(), condition)) == [given.id]
    assert ids_of(await store.threads.page(OURS, PageRequest(), ThreadFilter((("b", text + "x"),)))) == []


@pytest.mark.parametrize("text", ODD_TEXTS)
async def test_no_text_breaks_the_search(store, text):
    given = samples.thread()
    await store.threads.create(OURS, given, [samples.message(given.id, f"{text} marker")])
    assert ids_of(await store.threads.page(OURS, PageRequest(), ThreadFilter(text="marker"))) == [given.id]
    await store.threads.page(OURS, PageRequest(), ThreadFilter(text=text))
    found = await store.threads.page(OURS, PageRequest(), ThreadFilter(text=f"{text} nowhere"))
    assert ids_of(found) == []


async def test_a_thread_search_requires_all_words_in_one_message(store):
    given = samples.thread()
    await store.threads.create(OURS, given, [samples.message(given.id, "red fox"), samples.message(given.id, "blue")])
    for words, found in (("fox RED", [given.id]), ("red blue", []), ("fo", []), ("Fox!", [given.id])):
        assert ids_of(await store.threads.page(OURS, PageRequest(), ThreadFilter(text=words))) == found, words


async def test_a_message_is_changed_and_deleted(store):
    given = samples.thread()
    await store.threads.create(OURS, given, [])
    said = samples.message(given.id, "find me")
    await store.messages.create(OURS, said)
    changed = await store.messages.modify(OURS, given.id, said.id, lambda one: setattr(one, "metadata", {"a": "b"}))
    assert plain(changed) == as_json(said) | {"metadata": {"a": "b"}}
    assert await store.messages.get(OURS, given.id, said.id) == changed
    await store.messages.delete(OURS, given.id, said.id)
    for attempt in (
        store.messages.get(OURS, given.id, said.id),
        store.messages.modify(OURS, given.id, said.id, lambda _: None),
        store.messages.delete(OURS, given.id, said.id),
    ):
        with pytest.raises(NotFound, match=f"No message found with id '{said.id}'."):
            await attempt
    assert ids_of(await store.threads.page(OURS, PageRequest(), ThreadFilter(text="find me"))) == []
    assert await indexed(store, "find") == []
    assert await store.messages.newest(given.id, 2**62, 10) == []


async def test_the_newest_items_come_newest_first_and_in_parts(store):
    given = samples.thread()
    said = [samples.message(given.id, str(number)) for number in range(5)]
    await store.threads.create(OURS, given, said)
    first = await store.messages.newest(given.id, 2**62, 3)
    assert [plain(item.body)["id"] for item in first] == [one.id for one in said[:1:-1]]
    rest = await store.messages.newest(given.id, first[-1].seq, 3)
    assert [plain(item.body)["id"] for item in rest] == [said[1].id, said[0].id]
    assert {(item.kind, item.role, item.run_id) for item in first + rest} == {("message", "user", None)}


async def test_messages_are_listed_by_run(store):
    given = samples.thread()
    said = [samples.message(given.id, run_id=run_id) for run_id in ("run_1", None, "run_2", "run_1")]
    await store.threads.create(OURS, given, said)
    page = await store.messages.page(OURS, given.id, PageRequest(order="asc"), "run_1")
    assert ids_of(page) == [said[0].id, said[3].id]


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_a_deleted_object_still_marks_its_place(store, order):
    given = [samples.assistant() for _ in range(5)]
    for one in given:
        await store.assistants.create(OURS, one)
    made = [one.id for one in given]
    await store.assistants.delete(OURS, made[2])
    after = await store.assistants.page(OURS, PageRequest(order=order, after=made[2]))
    before = await store.assistants.page(OURS, PageRequest(order=order, before=made[2]))
    behind, ahead = (made[:2][::-1], made[3:][::-1]) if order == "desc" else (made[3:], made[:2])
    assert (ids_of(after), ids_of(before)) == (behind, ahead)


async def test_a_cursor_that_left_the_filter_still_marks_its_place(store):
    given = [samples.thread(metadata={"team": "blue"}) for _ in range(3)]
    for one in given:
        await store.threads.create(OURS, one, [])
    await store.threads.modify(OURS, given[1].id, lambda one: setattr(one, "metadata", {}))
    request = PageRequest(after=given[1].id)
    assert ids_of(await store.threads.page(OURS, request, ThreadFilter((("team", "blue"),)))) == [given[0].id]


@pytest.mark.parametrize("name", ["after", "before"])
async def test_a_cursor_from_nowhere_is_refused(store, name):
    for cursor in ("thread_unknown", "", "' OR 1=1 --"):
        with pytest.raises(InvalidRequest) as caught:
            await store.threads.page(OURS, PageRequest(**{name: cursor}), EVERYTHING)
        assert (caught.value.param, caught.value.code) == (name, "invalid_value")
        assert repr(cursor) in caught.value.message


async def test_a_deleted_thread_is_erased_piece_by_piece(store):
    doomed, spared = samples.thread(), samples.thread()
    for one in (doomed, spared):
        await store.threads.create(OURS, one, [samples.message(one.id, f"word {number}") for number in range(25)])
    run = samples.run(doomed.id, "completed")
    await store.runs.create(OURS, run, None)
    assert await store.threads.delete(OURS, doomed.id) is None
    with pytest.raises(NotFound):
        await store.messages.page(OURS, doomed.id, PageRequest())
    assert len(await store.messages.newest(doomed.id, 2**62, 100)) == 25
    pieces = 0
    while await store.threads.erase(10):
        pieces += 1
        assert pieces < 10
    assert pieces > 2
    assert await store.messages.newest(doomed.id, 2**62, 100) == []
    assert await rows(store, "runs", "thread_id", doomed.id) == 0
    assert len(await store.messages.newest(spared.id, 2**62, 100)) == 25
    assert ids_of(await store.threads.page(OURS, PageRequest(), ThreadFilter(text="word"))) == [spared.id]
    assert len(await indexed(store, "word")) == 25
    assert await store.threads.erase() is False


async def test_a_thread_without_anything_is_erased_too(store):
    given = samples.thread()
    await store.threads.create(OURS, given, [])
    await store.threads.delete(OURS, given.id)
    assert await store.threads.erase()
    assert not await store.threads.erase()


async def rows(store, table, column, value):
    def count():
        found = yield f"SELECT count(*) FROM {table} WHERE {column} = $1", (value,)
        return found[0][0]

    return await store.database.read(count)


async def indexed(store, word):
    """What the text index itself still knows of a word."""

    def match():
        return (yield store.database.text_match, (store.database.text_query(word),))

    return await store.database.read(match)


async def test_an_ascending_list_misses_no_object_that_is_committed_late(opened, url):
    if url is None:
        pytest.skip("SQLite commits one transaction after another")
    first, late, newest = (samples.assistant() for _ in range(3))
    async with opened() as store:
        await store.assistants.create(OURS, first)
        connection = await asyncpg.connect(url)
        try:
            await connection.execute("BEGIN")
            body = msgspec.json.encode(late).decode()
            insert = "INSERT INTO assistants (id, project_id, body) VALUES ($1, $2, $3)"
            await connection.execute(insert, late.id, OURS, body)
            await store.assistants.create(OURS, newest)
            descending = await store.assistants.page(OURS, PageRequest())
            assert ids_of(descending) == [newest.id, first.id]
            listing = asyncio.create_task(store.assistants.page(OURS, PageRequest(order="asc", after=first.id)))
            after = samples.assistant()
            await store.assistants.create(OURS, after)
            assert not listing.done()
            await connection.execute("COMMIT")
            assert ids_of(await listing)[:2] == [late.id, newest.id]
        finally:
            await connection.close()
        whole = await store.assistants.page(OURS, PageRequest(order="asc"))
        assert ids_of(whole) == [first.id, late.id, newest.id, after.id]
