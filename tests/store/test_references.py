"""What uses a file or a vector store, for objects of this version and of earlier ones."""

from store import samples
from store.samples import OURS, THEIRS
from understudy.store.migrate import read_migrations
from understudy.store.pages import PageRequest
from understudy.store.threads import ThreadFilter
from understudy.wire.tools import CodeInterpreterResources, FileSearchResources, ToolResources

RESOURCES = ToolResources(
    code_interpreter=CodeInterpreterResources(["file-a", "file-b"]), file_search=FileSearchResources(["vs_a"])
)


async def used(store, target, project=OURS, limit=20):
    found = await store.references.of_vector_store(project, target, limit)
    return [id_ for id_, _ in found.assistants.rows], [id_ for id_, _ in found.threads.rows]


async def test_references_follow_the_tool_resources_of_assistants_and_threads(store):
    bot, thread = samples.assistant(name="Bot", tool_resources=RESOURCES), samples.thread(tool_resources=RESOURCES)
    await store.assistants.create(OURS, bot)
    await store.threads.create(OURS, thread, [])
    for target in ("file-a", "file-b", "vs_a"):
        assert await used(store, target) == ([bot.id], [thread.id])
        assert await used(store, target, THEIRS) == ([], [])
    found = await store.references.of_file(OURS, "file-a", 1)
    assert (found.vector_stores.rows, found.assistants.rows) == ([], [(bot.id, "Bot")])
    less = ToolResources(code_interpreter=CodeInterpreterResources(["file-b"]))
    await store.assistants.modify(OURS, bot.id, lambda one: setattr(one, "tool_resources", less))
    await store.threads.modify(OURS, thread.id, lambda one: setattr(one, "tool_resources", less))
    assert [await used(store, target) for target in ("file-a", "vs_a")] == [([], []), ([], [])]
    assert await used(store, "file-b") == ([bot.id], [thread.id])
    await store.assistants.delete(OURS, bot.id)
    await store.threads.delete(OURS, thread.id)
    assert await used(store, "file-b") == ([], [])
    assert await store.database.read(_count_rows) == 0


async def test_a_page_of_references_is_bounded(store):
    for _ in range(3):
        await store.threads.create(OURS, samples.thread(tool_resources=RESOURCES), [])
    found = (await store.references.of_vector_store(OURS, "vs_a", 2)).threads
    assert (len(found.rows), found.has_more) == (2, True)
    assert not (await store.references.of_vector_store(OURS, "vs_a", 3)).threads.has_more


async def test_objects_of_an_earlier_version_get_their_references_by_the_migration(store):
    bot = samples.assistant(name="\x00\x00 odd \\u0000", tool_resources=RESOURCES)
    await store.assistants.create(OURS, bot)
    await store.assistants.create(OURS, samples.assistant(metadata={"a": '_ids":["x"]'}))
    thread = samples.thread(tool_resources=RESOURCES)
    await store.threads.create(OURS, thread, [])
    await store.threads.create(OURS, samples.thread(), [])
    assert len((await store.threads.page(OURS, PageRequest(), ThreadFilter())).rows) == 2

    def refill():
        yield "DELETE FROM resource_references", ()
        for migration in read_migrations(store.database.dialect):
            for statement in migration.statements:
                if "INTO resource_references" in statement:
                    yield statement, ()

    await store.database.write(refill)
    for target in ("file-a", "file-b", "vs_a"):
        assert await used(store, target) == ([bot.id], [thread.id])
    assert await store.database.read(_count_rows) == 6


def _count_rows():
    return (yield "SELECT count(*) FROM resource_references", ())[0][0]
