"""What uses a file, a vector store or an assistant, through the API. On both databases."""

from e2e.assistants_client import new_thread, on_both, run_of, user
from envelope import assert_error
from upstream import text


@on_both
def test_what_uses_a_file_a_store_and_an_assistant(server, client, upstream):
    file = client.files.create(file=("rules.md", b"Anchors are checked in May."), purpose="assistants")
    store = client.vector_stores.create(name="Rules", file_ids=[file.id])
    resources = {"file_search": {"vector_store_ids": [store.id]}, "code_interpreter": {"file_ids": [file.id]}}
    bot = client.beta.assistants.create(
        model="gpt-4o", name="Bot", tools=[{"type": "file_search"}], tool_resources=resources
    )
    attached = client.beta.threads.create(
        messages=[user("Hi", attachments=[{"file_id": file.id, "tools": [{"type": "file_search"}]}])]
    )
    thread = new_thread(client, "Hello")
    code = {"file_id": file.id, "tools": [{"type": "code_interpreter"}]}
    client.beta.threads.messages.create(thread.id, role="user", content="Look", attachments=[code])

    def read(path, **query):
        return server.ask("GET", f"/v1/{path}/references" + "".join(f"?{key}={query[key]}" for key in query)).json

    used = read(f"files/{file.id}")
    (of_thread,) = attached.tool_resources.file_search.vector_store_ids
    assert {one["id"]: one["name"] for one in used["vector_stores"]["data"]} == {store.id: "Rules", of_thread: None}
    assert used["assistants"] == {"data": [{"id": bot.id, "name": "Bot"}], "has_more": False}
    assert used["threads"] == {"data": [{"id": thread.id, "name": None}], "has_more": False}
    assert read(f"files/{file.id}", limit=1)["vector_stores"]["has_more"]
    of_store = read(f"vector_stores/{store.id}")
    assert (of_store["object"], of_store["assistants"]["data"]) == (
        "vector_store.references",
        [{"id": bot.id, "name": "Bot"}],
    )
    assert read(f"vector_stores/{of_thread}")["threads"]["data"] == [{"id": attached.id, "name": None}]

    branch = server.ask("POST", f"/v1/threads/{thread.id}/branch", {"after": None}).json
    assert [one["id"] for one in read(f"files/{file.id}")["threads"]["data"]] == sorted([thread.id, branch["id"]])

    upstream.answer(text("Hello."))
    client.beta.assistants.update(bot.id, tool_resources={"file_search": {"vector_store_ids": []}}, tools=[])
    ended = run_of(client, new_thread(client, "Hello"), bot)
    runs = read(f"assistants/{bot.id}")
    assert [(one["id"], one["status"]) for one in runs["runs"]["data"]] == [(ended.id, "completed")]
    assert runs["active_runs"] == {"data": [], "has_more": False}
    assert read(f"vector_stores/{store.id}")["assistants"]["data"] == []
    refusal = server.ask("GET", "/v1/files/file-none/references")
    assert_error(refusal, 404, "No such File object: file-none", "id", detail=True)
