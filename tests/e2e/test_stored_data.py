"""Base64 that clients send, in the blob store: read byte for byte, sent to models, counted, copied, deleted, exported."""

import base64
import json
import re

import pytest

from e2e.assistants_client import on_both, run_of
from e2e.test_imports import Project
from e2e.test_stored_images import Sizes, encode, new_picture
from envelope import assert_error
from serving import Server
from upstream import call, calls, text
from waiting import eventually

MODEL = "gpt-4o"
REFUSED = re.compile(r"The storage limit of this project is exceeded: Limit \d+ bytes, Used .*")
INCLUDED = "include[]=message.input_image.image_url"


def new_url(size: int = 30_000) -> str:
    return f"data:image/png;base64,{encode(new_picture(size))}"


def size_of(*encoded: str) -> int:
    return sum(len(base64.b64decode(one.partition(",")[2] or one)) for one in encoded)


def is_in_database(server: Server, encoded: str) -> bool:
    """Whether the files of the database have base64; False of PostgreSQL."""
    stored = b"".join(path.read_bytes() for path in server.data.rglob("understudy.sqlite3*"))
    return (encoded.partition(",")[2] or encoded)[5000:6000].encode() in stored


def blob_sizes(server: Server) -> list[int]:
    return [path.stat().st_size for path in server.data.joinpath("blobs").rglob("*") if path.is_file()]


def content_of(upstream) -> list:
    """The parts of the newest message that a model got."""
    return upstream.requests[-1].body["messages"][-1]["content"]


def user(*parts):
    return {"type": "message", "role": "user", "content": list(parts)}


def image(url, **members):
    return {"type": "input_image", "image_url": url, **members}


def urls_in(items) -> list[str]:
    """The base64 of items, in order."""
    found = []
    for item in json.loads(json.dumps(items)):
        output = item.get("output")
        parts = [output] if isinstance(output, dict) else output if isinstance(output, list) else item.get("content")
        found += [
            part.get("image_url") or part.get("file_data") for part in parts or () if part.get("type") != "input_text"
        ]
    return [one for one in found if one]


@on_both
def test_data_of_a_response_is_bytes_in_the_store_and_base64_wherever_it_is_read(server, upstream):
    project = Project(server)
    client, sizes = project.client(), Sizes(project)
    picture, original, document = new_url(), new_url(), encode(b"The notes of Ada. " * 3000)
    conversation = client.conversations.create()
    upstream.answer(text("Nice."))
    parts = [image(picture), image(original, detail="original")]
    file = {"type": "input_file", "filename": "notes.txt", "file_data": document}
    made = client.responses.create(model=MODEL, input=[user(*parts), user(file)], conversation=conversation.id)
    sent = upstream.requests[-1].body["messages"]
    assert [part["image_url"]["url"] for part in sent[0]["content"]] == [picture, original]
    assert "The notes of Ada. The notes of Ada." in json.dumps(sent[1])
    wanted = [picture, original]
    everything = [*wanted, document]
    listed = project.ask("GET", f"/v1/responses/{made.id}/input_items?order=asc&{INCLUDED}").json
    assert urls_in(listed["data"]) == wanted
    path = f"/v1/conversations/{conversation.id}/items"
    items = project.ask("GET", f"{path}?order=asc&{INCLUDED}").json["data"]
    assert urls_in(items) == wanted
    one = project.ask("GET", f"{path}/{items[0]['id']}?{INCLUDED}").json
    assert urls_in([one]) == wanted[:2]
    assert sizes.read() == size_of(*everything)
    assert not any(is_in_database(server, one) for one in everything)

    # The next turn's model gets them again.
    upstream.answer(text("Still nice."))
    client.responses.create(model=MODEL, input="Again?", conversation=conversation.id)
    again = upstream.requests[-1].body["messages"]
    assert [part["image_url"]["url"] for part in again[0]["content"]] == wanted
    assert again[1] == sent[1]
    # Another response gets them by reference.
    upstream.answer(text("As before."))
    references = [{"type": "item_reference", "id": item["id"]} for item in items[:2]]
    client.responses.create(model=MODEL, input=references, store=False)
    assert upstream.requests[-1].body["messages"][:2] == sent

    branch = project.ask("POST", f"/v1/conversations/{conversation.id}/branch", {"after": items[1]["id"]}).json
    assert sizes.read() == size_of(*everything)
    server.run("doctor", "--deep")  # which counts the uses of blobs
    client.conversations.items.delete(items[1]["id"], conversation_id=conversation.id)
    client.conversations.delete(conversation.id)
    eventually(lambda: project.ask("GET", path).status == 404)
    copied = project.ask("GET", f"/v1/conversations/{branch['id']}/items?order=asc&{INCLUDED}").json
    assert urls_in(copied["data"]) == wanted
    client.conversations.delete(branch["id"])
    eventually(lambda: sizes.read() == 0)
    server.run("doctor", "--deep")


def test_what_tools_were_called_with_is_no_data(server, upstream):
    client, long = Project(server).client(), "QUJD" * 10_000
    search = {"type": "tool_search_call", "call_id": "s", "execution": "client", "arguments": {"url": long}}
    schema = {"type": "object", "properties": {"url": {"type": "string", "enum": ["a"], "default": {"data": long}}}}
    found = {"type": "function", "name": "go", "parameters": schema}
    action = {"type": "exec", "command": ["ls"], "env": {"data": long}}
    items = [
        {**search, "status": "completed"},
        {"type": "tool_search_output", "call_id": "s", "execution": "client", "status": "completed", "tools": [found]},
        {"type": "local_shell_call", "id": "l", "call_id": "l", "status": "completed", "action": action},
        {"type": "local_shell_call_output", "id": "l", "call_id": "l", "output": "a.txt"},
        {"type": "web_search_call", "id": "w", "status": "completed", "action": {"type": "open_page", "url": long}},
    ]
    upstream.answer(text("Well."), text("Again."))
    first = client.responses.create(model=MODEL, input=[*items, user({"type": "input_text", "text": "Go on."})])
    client.responses.create(model=MODEL, input="And now?", previous_response_id=first.id)
    for request in upstream.requests[-2:]:
        assert json.dumps(request.body).count(long) == 4


@on_both
def test_data_of_a_chain_goes_with_its_last_response(server, upstream):
    project = Project(server)
    client, sizes, picture, shot = project.client(), Sizes(project), new_url(), new_url()
    tool = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}, "strict": False}
    upstream.answer(calls(call("look")), text("A cat."))
    first = client.responses.create(model=MODEL, input=[user(image(picture))], tools=[tool])
    output = {"type": "function_call_output", "call_id": first.output[0].call_id, "output": [image(shot)]}
    second = client.responses.create(model=MODEL, input=[output], previous_response_id=first.id, tools=[tool])
    messages = upstream.requests[-1].body["messages"]
    assert picture in json.dumps(messages)
    assert shot in json.dumps(messages)
    listed = project.ask("GET", f"/v1/responses/{second.id}/input_items?order=desc&limit=1").json["data"]
    assert urls_in(listed) == [shot]
    assert sizes.read() == size_of(picture, shot)
    client.responses.delete(first.id)
    assert sizes.read() == size_of(picture, shot)
    client.responses.delete(second.id)
    eventually(lambda: sizes.read() == 0)


@on_both
def test_data_in_messages_of_threads_is_returned_as_it_was_sent(server, upstream):
    project = Project(server)
    client, sizes = project.client(), Sizes(project)
    urls = [new_url() for _ in range(4)]

    def message(url):
        return {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}

    thread = client.beta.threads.create(messages=[message(urls[0])])
    made = client.beta.threads.messages.create(thread.id, **message(urls[1]))
    assert made.content[0].image_url.url == urls[1]
    assistant = client.beta.assistants.create(model=MODEL)
    upstream.answer(text("Two."), text("One."))
    run_of(client, thread, assistant, additional_messages=[message(urls[2])])
    sent = upstream.requests[-1].body["messages"]
    assert [one["content"][0]["image_url"]["url"] for one in sent] == urls[:3]
    listed = [
        one.content[0].image_url.url
        for one in client.beta.threads.messages.list(thread.id, order="asc")
        if one.role == "user"
    ]
    assert listed == urls[:3]
    assert client.beta.threads.messages.retrieve(made.id, thread_id=thread.id).content[0].image_url.url == urls[1]
    changed = client.beta.threads.messages.update(made.id, thread_id=thread.id, metadata={"k": "v"})
    assert changed.content[0].image_url.url == urls[1]
    around = project.ask("GET", f"/v1/threads/{thread.id}/messages?around={made.id}&limit=1").json["data"]
    assert around[0]["content"][0]["image_url"]["url"] == urls[1]
    exported = project.ask("GET", f"/v1/threads/{thread.id}/export?format=jsonl").body.decode()
    assert all(url in exported for url in urls[:3])
    assert sizes.read() == size_of(*urls[:3])
    assert not any(is_in_database(server, url) for url in urls)

    both = client.beta.threads.create_and_run_poll(
        assistant_id=assistant.id, thread={"messages": [message(urls[3])]}, poll_interval_ms=10
    )
    assert both.status == "completed"
    assert upstream.requests[-1].body["messages"][0]["content"][0]["image_url"]["url"] == urls[3]
    client.beta.threads.messages.delete(made.id, thread_id=thread.id)
    assert sizes.read() == size_of(urls[0], urls[2], urls[3])
    client.beta.threads.delete(thread.id)
    client.beta.threads.delete(both.thread_id)
    eventually(lambda: sizes.read() == 0)


@on_both
@pytest.mark.parametrize("stream", [False, True])
def test_data_of_stored_chats_is_returned_as_it_was_sent(server, upstream, stream):
    project = Project(server)
    client, sizes = project.client(), Sizes(project)
    picture, sound = new_url(), encode(b"RIFF" * 9000)
    parts = [
        {"type": "image_url", "image_url": {"url": picture}},
        {"type": "input_audio", "input_audio": {"data": sound, "format": "wav"}},
    ]
    upstream.answer(text("Nice."))
    made = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": parts}], store=True, stream=stream, metadata={"a": "b"}
    )
    completion_id = [chunk.id for chunk in made][-1] if stream else made.id
    assert content_of(upstream) == parts
    path = f"/v1/chat/completions/{completion_id}"
    (message,) = project.ask("GET", f"{path}/messages").json["data"]
    assert message["content_parts"][0]["image_url"]["url"] == picture
    assert message["content_parts"][1]["input_audio"]["data"] == sound
    assert sizes.read() == size_of(picture, sound)
    assert not is_in_database(server, picture)
    project.ask("POST", path, {"metadata": {"c": "d"}})

    # The model is not paid for what cannot be stored.
    sizes.limit(size_of(picture, sound) + 1000)
    count = len(upstream.requests)
    refused = project.ask(
        "POST",
        "/v1/chat/completions",
        {"model": MODEL, "store": True, "messages": [{"role": "user", "content": parts}]},
    )
    assert_error(refused, 400, REFUSED, param="messages", code="storage_limit_exceeded")
    assert len(upstream.requests) == count
    project.ask("DELETE", path)
    assert sizes.read() == 0
    server.run("doctor", "--deep")


@on_both
def test_exported_data_is_imported(server, upstream):
    source = Project(server)
    client = source.client()
    shared, picture, sound = new_url(), new_url(), encode(b"RIFF" * 9000)
    upstream.answer(text("Nice."), text("Well."))
    conversation = client.conversations.create(items=[user(image(shared))])
    made = client.responses.create(model=MODEL, input=[user(image(picture, detail="original"))])
    parts = [{"type": "input_audio", "input_audio": {"data": sound, "format": "wav"}}]
    chat = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": parts}], store=True)
    done = source.ended("export", source.ask("POST", "/v1/exports").json)
    content = source.ask("GET", f"/v1/exports/{done['id']}/content").body
    target = Project(server)
    sizes = Sizes(target)
    for conflict in ("skip", "replace"):
        imported = target.import_(content, on_conflict=conflict)
        assert [one for one in imported["report"]["entries"] if "has an object with this id" not in one["reason"]] == []
        found = target.ask("GET", f"/v1/conversations/{conversation.id}/items?{INCLUDED}").json["data"]
        assert urls_in(found) == [shared]
        found = target.ask("GET", f"/v1/responses/{made.id}/input_items?{INCLUDED}").json["data"]
        assert urls_in(found) == [picture]
        (message,) = target.ask("GET", f"/v1/chat/completions/{chat.id}/messages").json["data"]
        assert message["content_parts"][0]["input_audio"]["data"] == sound
        assert sizes.read() == size_of(shared, picture, sound)
    assert not is_in_database(server, picture)
    there = target.client()
    there.responses.delete(made.id)
    there.conversations.delete(conversation.id)
    target.ask("DELETE", f"/v1/chat/completions/{chat.id}")
    eventually(lambda: sizes.read() == 0)
    assert urls_in(source.ask("GET", f"/v1/responses/{made.id}/input_items?{INCLUDED}").json["data"]) == [picture]
    server.run("doctor", "--deep")


@on_both
def test_data_above_the_limit_is_refused_and_leaves_nothing(server, upstream):
    project = Project(server)
    sizes, url = Sizes(project), new_url()
    limit = size_of(url)
    sizes.limit(limit)
    client = project.client()
    conversation = client.conversations.create()
    thread = client.beta.threads.create()
    item = user(image(url), image(new_url()))
    message = {
        "role": "user",
        "content": [{"type": "image_url", "image_url": {"url": one}} for one in (url, new_url())],
    }
    for path, body, param in (
        ("responses", {"model": MODEL, "input": [item]}, "input"),
        ("conversations", {"items": [item]}, "items"),
        (f"conversations/{conversation.id}/items", {"items": [item]}, "items"),
        ("threads", {"messages": [message]}, "messages"),
        (f"threads/{thread.id}/messages", message, "content"),
    ):
        refused = project.ask("POST", f"/v1/{path}", body)
        assert_error(refused, 400, REFUSED, param=param, code="storage_limit_exceeded")
    assert sizes.read() == 0
    server.run("doctor", "--deep")
    upstream.answer(text("Nice."), text("Nice."))
    client.responses.create(model=MODEL, input=[item], store=False)
    client.responses.create(model=MODEL, input=[user(image(url))])
    assert sizes.read() == limit


def test_equal_data_is_one_blob_and_small_or_odd_data_stays_where_it_is(new_server, upstream):
    server: Server = new_server().start()
    client = server.client
    url = new_url()
    small = new_url(10)
    odd = url[:2000] + "\n" + url[2000:]
    upstream.answer(*[text("Nice.")] * 4)
    made = [client.responses.create(model=MODEL, input=[user(image(one))]) for one in (url, url, small, odd)]
    eventually(lambda: [one for one in blob_sizes(server) if one > 1000] == [size_of(url)])
    for response, sent in zip(made, (url, url, small, odd), strict=True):
        path = f"/v1/responses/{response.id}/input_items?{INCLUDED}"
        assert urls_in(server.ask("GET", path).json["data"]) == [sent]
    client.responses.delete(made[0].id)
    path = f"/v1/responses/{made[1].id}/input_items?{INCLUDED}"
    assert urls_in(server.ask("GET", path).json["data"]) == [url]
    # What looks like a marker is text.
    marker = "understudy-data:" + "0" * 32
    upstream.answer(text(marker))
    echoed = client.responses.create(model=MODEL, input=marker)
    assert upstream.requests[-1].body["messages"][-1]["content"] == marker
    assert server.ask("GET", f"/v1/responses/{echoed.id}/input_items").json["data"][0]["content"][0]["text"] == marker


@on_both
def test_screenshots_of_a_computer_are_stored_sent_and_compacted(server, upstream):
    project = Project(server)
    client, sizes, shot, later = project.client(), Sizes(project), new_url(), new_url()
    tool = {"type": "computer_use_preview", "environment": "browser", "display_width": 800, "display_height": 600}
    upstream.answer(calls(call("computer_use_preview", call_id="c_1", type="screenshot")), text("I see it."))
    first = client.responses.create(model=MODEL, input="Look", tools=[tool], truncation="auto")
    output = {"type": "computer_call_output", "call_id": first.output[0].call_id}

    def screenshot(url):
        return {**output, "output": {"type": "computer_screenshot", "image_url": url}}

    made = client.responses.create(
        model=MODEL, input=[screenshot(shot)], tools=[tool], truncation="auto", previous_response_id=first.id
    )
    assert made.output_text == "I see it."
    assert [part["image_url"]["url"] for part in content_of(upstream)] == [shot]
    path = f"/v1/responses/{made.id}/input_items"
    listed = project.ask("GET", f"{path}?include[]=computer_call_output.output.image_url").json["data"]
    assert urls_in([one for one in listed if one["type"] == "computer_call_output"]) == [shot]
    assert sizes.read() == size_of(shot)
    assert not is_in_database(server, shot)
    upstream.answer(text("A summary."))
    call_item = first.output[0].model_dump(exclude_none=True)
    compacted = client.responses.compact(model=MODEL, input=[call_item, screenshot(later)])
    assert compacted.output[-1].type == "compaction"
    # A compaction stores nothing.
    assert sizes.read() == size_of(shot)
    for one in (first, made):
        client.responses.delete(one.id)
    eventually(lambda: sizes.read() == 0)


@on_both
def test_base64_in_the_variables_of_a_prompt_reaches_the_model(server, upstream):
    project = Project(server)
    client, picture = project.client(), new_url()
    prompt = {"model": MODEL, "messages": [{"role": "user", "content": "Describe {{what}}."}]}
    made = project.ask("POST", "/v1/prompts", prompt).json
    upstream.answer(text("Nice."))
    variables = {"what": {"type": "input_image", "image_url": picture, "detail": "low"}}
    response = client.responses.create(prompt={"id": made["id"], "variables": variables})
    sent = [
        part
        for one in upstream.requests[-1].body["messages"]
        if isinstance(one["content"], list)
        for part in one["content"]
    ]
    assert [part["image_url"]["url"] for part in sent if part["type"] == "image_url"] == [picture]
    found = client.responses.retrieve(response.id)
    assert found.prompt.variables["what"].image_url == picture
    assert client.responses.delete(response.id) is None
