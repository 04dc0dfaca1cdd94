"""Files that come with an assistant, a thread or a message: the vector stores made for them, and the lists they join."""

import openai
import pytest

from e2e.assistants_client import new_thread, on_both, reached, run_of
from envelope import assert_error
from waiting import eventually

DAY = 86_400


def upload(client, name="notes.txt", content="The harbour master is called Ottilie."):
    return client.files.create(file=(name, content.encode()), purpose="assistants").id


def for_search(*file_ids):
    return [{"file_id": file_id, "tools": [{"type": "file_search"}]} for file_id in file_ids]


def for_code(*file_ids):
    return [{"file_id": file_id, "tools": [{"type": "code_interpreter"}]} for file_id in file_ids]


def helper(*file_ids, **members):
    return {"file_search": {"vector_stores": [{"file_ids": list(file_ids), **members}]}}


def store_of(client, holder):
    (store_id,) = holder.tool_resources.file_search.vector_store_ids
    return client.vector_stores.retrieve(store_id)


def thread_of(client, thread):
    return client.beta.threads.retrieve(thread.id)


def say(client, thread, attachments):
    return client.beta.threads.messages.create(thread.id, role="user", content="Look.", attachments=attachments)


def indexed(client, store):
    def look():
        found = client.vector_stores.retrieve(store.id)
        return found if found.status == "completed" else None

    return eventually(look)


@on_both
@pytest.mark.proves("vector_stores.helpers")
def test_a_store_is_made_with_an_assistant_and_never_expires(client):
    chunking = {"type": "static", "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50}}
    resources = helper(upload(client), metadata={"a": "b"}, chunking_strategy=chunking)
    assistant = client.beta.assistants.create(model="gpt-4o", tool_resources=resources)
    store = store_of(client, assistant)
    assert (store.expires_after, store.metadata) == (None, {"a": "b"})
    assert indexed(client, store).file_counts.completed == 1
    assert client.vector_stores.search(store.id, query="harbour master").data[0].filename == "notes.txt"
    (file,) = client.vector_stores.files.list(store.id)
    assert file.chunking_strategy.static.max_chunk_size_tokens == 200


@on_both
@pytest.mark.proves("vector_stores.helpers")
def test_a_store_created_with_a_thread_expires_after_a_week(client):
    file_id = upload(client)
    thread = client.beta.threads.create(tool_resources=helper(file_id))
    store = store_of(client, thread)
    assert (store.expires_after.days, store.expires_at) == (7, store.created_at + 7 * DAY)
    assert thread_of(client, thread).tool_resources == thread.tool_resources
    more = upload(client, "more.txt")
    messages = [{"role": "user", "content": "Look.", "attachments": for_search(more, file_id)}]
    both = client.beta.threads.create(tool_resources=helper(file_id), messages=messages)
    assert {file.id for file in client.vector_stores.files.list(store_of(client, both).id)} == {file_id, more}


@on_both
@pytest.mark.proves("messages.attached_files")
def test_file_search_attachments_are_added_to_the_vector_store_of_the_thread(client):
    first, second = upload(client), upload(client, "more.txt")
    thread = client.beta.threads.create()
    message = say(client, thread, for_search(first))
    assert message.attachments[0].file_id == first
    store = store_of(client, thread_of(client, thread))
    assert (store.expires_after.days, store.file_counts.total) == (7, 1)
    say(client, thread, for_search(second))
    extended = store_of(client, thread_of(client, thread))
    assert (extended.id, extended.file_counts.total) == (store.id, 2)
    assert indexed(client, store).file_counts.completed == 2


@on_both
@pytest.mark.proves("messages.attached_files")
def test_code_interpreter_attachments_are_added_to_the_files_of_the_thread(client):
    first, second = upload(client, "a.csv", "a,b"), upload(client, "b.csv", "c,d")
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "a", "attachments": for_code(first)}])
    assert thread.tool_resources.code_interpreter.file_ids == [first]
    say(client, thread, for_code(second, first))
    assert thread_of(client, thread).tool_resources.code_interpreter.file_ids == [first, second]
    many = [upload(client, f"{number}.txt", "x") for number in range(19)]
    with pytest.raises(openai.BadRequestError) as refusal:
        say(client, thread, for_code(*many))
    assert "at most 20 files" in str(refusal.value)
    assert len(client.beta.threads.messages.list(thread.id).data) == 2


@on_both
def test_a_deleted_vector_store_of_a_thread_is_replaced_by_a_new_one(client):
    thread = client.beta.threads.create(tool_resources=helper(upload(client)))
    gone = store_of(client, thread)
    client.vector_stores.delete(gone.id)
    say(client, thread, for_search(upload(client)))
    store = store_of(client, thread_of(client, thread))
    assert store.id != gone.id
    assert store.file_counts.total == 1


@on_both
def test_messages_of_a_run_attach_too(client):
    assistant = client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(client, "Hello")
    message = {"role": "user", "content": "Look.", "attachments": for_search(upload(client))}
    run = run_of(client, thread, assistant, additional_messages=[message])
    assert run.status == "completed"
    assert store_of(client, thread_of(client, thread)).file_counts.total == 1
    made = client.beta.threads.create_and_run(
        assistant_id=assistant.id, thread={"messages": [message], "tool_resources": helper(upload(client, "b.txt"))}
    )
    assert reached(client, made).status == "completed"
    assert store_of(client, client.beta.threads.retrieve(made.thread_id)).file_counts.total == 2


MADE = [
    ("POST", "/v1/threads", lambda given: {"tool_resources": given}),
    ("POST", "/v1/assistants", lambda given: {"model": "gpt-4o", "tool_resources": given}),
]


@pytest.mark.proves("vector_stores.helpers_check")
@pytest.mark.parametrize(("method", "path", "body"), MADE)
def test_unknown_files_and_stores_are_refused_and_nothing_is_created(server, client, method, path, body):
    before = [store.id for store in client.vector_stores.list(limit=1).data]
    unknown = "No such File object: file-none"
    helper_files = "tool_resources.file_search.vector_stores[0].file_ids"
    for resources, message, param in (
        ({"code_interpreter": {"file_ids": ["file-none"]}}, unknown, "tool_resources.code_interpreter.file_ids"),
        (helper("file-none"), unknown, helper_files),
        (
            {"file_search": {"vector_store_ids": ["vs_none"]}},
            "No vector store found with id 'vs_none'.",
            "tool_resources.file_search.vector_store_ids",
        ),
    ):
        assert_error(server.ask(method, path, body(resources)), 404, message, param)
    picture = upload(client, "cat.heic", "not a document")
    reply = server.ask(method, path, body(helper(picture)))
    assert reply.status == 400
    error = reply.json["error"]
    assert error["message"].startswith("Files with extensions [.heic] are not supported for retrieval.")
    assert (error["param"], error["code"]) == ("file_ids", "unsupported_file")
    assert [store.id for store in client.vector_stores.list(limit=1).data] == before


def test_unusable_attachments_are_refused_and_no_message_is_created(server, client, thread):
    path = f"/v1/threads/{thread.id}/messages"
    body = {"role": "user", "content": "Look."}
    missing = server.ask("POST", path, {**body, "attachments": for_code("file-none")})
    assert_error(missing, 404, "No such File object: file-none", "attachments")
    picture = upload(client, "cat.heic", "not a document")
    refused = server.ask("POST", path, {**body, "attachments": for_search(picture)})
    assert (refused.status, refused.json["error"]["code"]) == (400, "unsupported_file")
    assert server.ask("POST", path, {**body, "attachments": for_code(picture)}).status == 200
    assert len(client.beta.threads.messages.list(thread.id).data) == 2
