"""Drives a server with the `openai` package of the environment that runs this, as programs use it."""

import asyncio
import json
import time

import openai
import pydantic
from checks import check, drive_servers, equal, run_all
from openai import AssistantEventHandler, AsyncAssistantEventHandler
from openai.types.beta import AssistantStreamEvent

WAIT = 20.0
POLL = 10
UNKNOWN = "asst_" + "0" * 24
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class Forecast(pydantic.BaseModel):
    city: str
    degrees: int


class Heard(AssistantEventHandler):
    """Notes what it is told, by the name of the callback."""

    def __init__(self):
        super().__init__()
        self.names, self.text, self.arguments = [], "", {}

    def note(self, name):
        if self.names[-1:] != [name]:
            self.names.append(name)

    def on_run_step_created(self, run_step):
        self.note("run_step_created")

    def on_run_step_done(self, run_step):
        self.note("run_step_done")

    def on_message_created(self, message):
        self.note("message_created")

    def on_message_done(self, message):
        self.note("message_done")

    def on_text_created(self, text):
        self.note("text_created")

    def on_text_delta(self, delta, snapshot):
        self.note("text_delta")
        self.text += delta.value
        equal(snapshot.value, self.text)

    def on_text_done(self, text):
        self.note("text_done")
        equal(text.value, self.text)

    def on_tool_call_created(self, tool_call):
        self.note("tool_call_created")

    def on_tool_call_delta(self, delta, snapshot):
        self.arguments[snapshot.id] = snapshot.function.arguments

    def on_tool_call_done(self, tool_call):
        self.note("tool_call_done")

    def on_end(self):
        self.note("end")


def user(content):
    return {"role": "user", "content": content}


def thread_of(client, *contents):
    return client.beta.threads.create(messages=[user(content) for content in contents])


def assistant_of(client, **members):
    return client.beta.assistants.create(model="gpt-4o", tools=[WEATHER], **members)


def said(client, thread_id):
    messages = client.beta.threads.messages.list(thread_id, order="asc")
    return [message.content[0].text.value for message in messages if message.content]


def outputs_of(run):
    """An output for each call, which tells the calls apart."""
    waiting = run.required_action.submit_tool_outputs.tool_calls
    return [{"tool_call_id": call.id, "output": call.function.arguments} for call in waiting]


def refused(kind, ask):
    try:
        ask()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


@check
def assistants_are_made_changed_and_removed(client):
    made = client.beta.assistants.create(
        model="gpt-4o",
        name="Ada",
        description="A test",
        instructions="Be brief.",
        tools=[WEATHER],
        metadata={"k": "v"},
        temperature=0.5,
        top_p=0.9,
        response_format="auto",
    )
    equal(
        (made.object, made.name, made.metadata, made.tools[0].function.name),
        ("assistant", "Ada", {"k": "v"}, "get_weather"),
    )
    equal(client.beta.assistants.retrieve(made.id), made)
    changed = client.beta.assistants.update(made.id, name="Eve", tools=[])
    equal((changed.name, changed.tools, changed.instructions, changed.temperature), ("Eve", [], "Be brief.", 0.5))
    gone = client.beta.assistants.delete(made.id)
    equal((gone.id, gone.object, gone.deleted), (made.id, "assistant.deleted", True))
    refused(openai.NotFoundError, lambda: client.beta.assistants.retrieve(made.id))


@check
def pages_of_assistants_follow_each_other(client):
    made = [assistant_of(client, name=str(number)).id for number in range(5)]
    page = client.beta.assistants.list(limit=2)
    equal(([one.id for one in page.data], page.has_more, page.has_next_page()), (made[:2:-1], True, True))
    seen = []
    for one in client.beta.assistants.list(limit=2):
        seen.append(one.id)
        if one.id == made[0]:
            break
    equal(seen, made[::-1])
    after = client.beta.assistants.list(after=made[3], limit=1, order="desc")
    equal([one.id for one in after.data], [made[2]])
    before = client.beta.assistants.list(before=made[1], limit=1, order="asc")
    equal([one.id for one in before.data], [made[0]])


@check
def threads_are_made_changed_and_removed(client):
    empty = client.beta.threads.create()
    equal((empty.object, empty.metadata), ("thread", {}))
    made = client.beta.threads.create(messages=[user("Hi")], metadata={"k": "v"})
    found = client.beta.threads.retrieve(made.id)
    equal((found.id, found.created_at, found.metadata), (made.id, made.created_at, made.metadata))
    equal(client.beta.threads.update(made.id, metadata={"k": "w"}).metadata, {"k": "w"})
    equal(client.beta.threads.delete(made.id).deleted, True)
    refused(openai.NotFoundError, lambda: client.beta.threads.retrieve(made.id))


@check
def messages_are_made_changed_paged_and_removed(client):
    thread = thread_of(client, "zero")
    for number in range(4):
        client.beta.threads.messages.create(thread.id, role="user", content=str(number))
    rich = client.beta.threads.messages.create(
        thread.id,
        role="user",
        content=[
            {"type": "text", "text": "See"},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
        ],
        metadata={"k": "v"},
    )
    equal([part.type for part in rich.content], ["text", "image_url"])
    equal(client.beta.threads.messages.retrieve(rich.id, thread_id=thread.id), rich)
    changed = client.beta.threads.messages.update(rich.id, thread_id=thread.id, metadata={})
    equal(changed.metadata, {})
    listed = client.beta.threads.messages.list(thread.id, limit=2, order="asc")
    equal([m.content[0].text.value for m in listed], ["zero", "0", "1", "2", "3", "See"])
    equal(client.beta.threads.messages.delete(rich.id, thread_id=thread.id).deleted, True)
    equal(len(list(client.beta.threads.messages.list(thread.id))), 5)


@check
def a_run_is_polled_to_its_end(client):
    assistant, thread = assistant_of(client, instructions="Be brief."), thread_of(client, "Hello")
    run = client.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, additional_instructions="Be kind.", metadata={"k": "v"}
    )
    equal((run.status, run.usage.total_tokens, run.last_error), ("completed", 12, None))
    equal(said(client, thread.id), ["Hello", "You said: Hello"])
    (step,) = client.beta.threads.runs.steps.list(run.id, thread_id=thread.id)
    equal((step.type, step.status, step.run_id), ("message_creation", "completed", run.id))
    same = client.beta.threads.runs.steps.retrieve(step.id, thread_id=thread.id, run_id=run.id)
    equal(same, step)
    answer = client.beta.threads.messages.retrieve(step.step_details.message_creation.message_id, thread_id=thread.id)
    equal((answer.role, answer.run_id, answer.assistant_id), ("assistant", run.id, assistant.id))
    equal(client.beta.threads.runs.update(run.id, thread_id=thread.id, metadata={"k": "w"}).metadata, {"k": "w"})
    equal([one.id for one in client.beta.threads.runs.list(thread.id)], [run.id])


@check
def a_handler_hears_an_answer_as_it_is_written(client):
    assistant, thread = assistant_of(client), thread_of(client, "One two three")
    with client.beta.threads.runs.stream(
        thread_id=thread.id, assistant_id=assistant.id, event_handler=Heard()
    ) as stream:
        stream.until_done()
    equal(stream.text, "You said: One two three")
    begin = ["run_step_created", "message_created", "text_created", "text_delta", "text_done", "message_done"]
    equal(stream.names, [*begin, "run_step_done", "end"])
    run, (message,), (step,) = stream.get_final_run(), stream.get_final_messages(), stream.get_final_run_steps()
    equal((run.status, message.status, step.type), ("completed", "completed", "message_creation"))
    equal(message.content[0].text.value, stream.text)
    found = client.beta.threads.runs.retrieve(run.id, thread_id=thread.id)
    equal((found.status, found.usage, found.completed_at), (run.status, run.usage, run.completed_at))
    equal(message, client.beta.threads.messages.retrieve(message.id, thread_id=thread.id))


@check
def texts_of_a_stream_are_its_answer(client):
    assistant, thread = assistant_of(client), thread_of(client, "Hello")
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        equal("".join(stream.text_deltas), "You said: Hello")


@check
def a_bare_stream_names_its_events(client):
    assistant, thread = assistant_of(client), thread_of(client, "Hello")
    events = list(client.beta.threads.runs.create(thread.id, assistant_id=assistant.id, stream=True))
    names = [event.event for event in events]
    equal(names[:3], ["thread.run.created", "thread.run.queued", "thread.run.in_progress"])
    equal(names[-3:], ["thread.message.completed", "thread.run.step.completed", "thread.run.completed"])
    run = events[-1].data
    again = client.get(
        f"/threads/{thread.id}/runs/{run.id}/events",
        cast_to=object,
        stream=True,
        stream_cls=openai.Stream[AssistantStreamEvent],
    )
    # The log of a run that ended has its text in one piece.
    equal(list(dict.fromkeys(event.event for event in again)), list(dict.fromkeys(names)))


@check
def functions_are_called_in_rounds_by_polling(client):
    assistant, thread = assistant_of(client), thread_of(client, "weather: Paris, Rome; Oslo")
    run = client.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=POLL
    )
    for cities in (["Paris", "Rome"], ["Oslo"]):
        equal(run.status, "requires_action")
        asked = run.required_action.submit_tool_outputs.tool_calls
        equal([call.function.arguments for call in asked], [f'{{"city": "{city}"}}' for city in cities])
        run = client.beta.threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id, thread_id=thread.id, tool_outputs=outputs_of(run), poll_interval_ms=POLL
        )
    equal((run.status, run.required_action, run.usage.total_tokens), ("completed", None, 36))
    equal(said(client, thread.id)[1:], ['Outputs: {"city": "Paris"}, {"city": "Rome"}, {"city": "Oslo"}'])
    steps = client.beta.threads.runs.steps.list(run.id, thread_id=thread.id, order="asc", limit=1)
    equal([step.type for step in steps], ["tool_calls", "tool_calls", "message_creation"])


@check
def functions_are_called_in_rounds_by_streams(client):
    assistant, thread = assistant_of(client), thread_of(client, "weather: Paris, Rome; Oslo")
    with client.beta.threads.runs.stream(
        thread_id=thread.id, assistant_id=assistant.id, event_handler=Heard()
    ) as stream:
        stream.until_done()
    equal(stream.arguments, {"call_0_Paris": '{"city": "Paris"}', "call_0_Rome": '{"city": "Rome"}'})
    equal(stream.names.count("tool_call_created") >= 1, True)
    run = stream.get_final_run()
    for status in ("requires_action", "completed"):
        with client.beta.threads.runs.submit_tool_outputs_stream(
            run_id=run.id, thread_id=thread.id, tool_outputs=outputs_of(run), event_handler=Heard()
        ) as stream:
            stream.until_done()
        run = stream.get_final_run()
        equal(run.status, status)
    equal(stream.text, 'Outputs: {"city": "Paris"}, {"city": "Rome"}, {"city": "Oslo"}')


@check
def a_thread_is_made_and_run_at_once(client):
    assistant = assistant_of(client)
    thread = {"messages": [user("Hello")], "metadata": {"k": "v"}}
    run = client.beta.threads.create_and_run_poll(assistant_id=assistant.id, thread=thread, poll_interval_ms=POLL)
    equal((run.status, said(client, run.thread_id)), ("completed", ["Hello", "You said: Hello"]))
    equal(client.beta.threads.retrieve(run.thread_id).metadata, {"k": "v"})
    with client.beta.threads.create_and_run_stream(
        assistant_id=assistant.id, thread=thread, event_handler=Heard()
    ) as stream:
        stream.until_done()
    equal((stream.text, stream.get_final_run().status), ("You said: Hello", "completed"))
    events = client.beta.threads.create_and_run(assistant_id=assistant.id, thread=thread, stream=True)
    equal(next(iter(events)).event, "thread.created")
    events.close()


@check
def a_run_is_cancelled(client):
    assistant, thread = assistant_of(client), thread_of(client, "hang")
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    busy = refused(
        openai.BadRequestError, lambda: client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    )
    equal(busy.status_code, 400)
    asked = client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    equal(asked.status in {"cancelling", "cancelled"}, True)
    over = client.beta.threads.runs.poll(run.id, thread_id=thread.id, poll_interval_ms=POLL)
    equal((over.status, over.cancelled_at is not None), ("cancelled", True))
    refused(openai.BadRequestError, lambda: client.beta.threads.runs.cancel(run.id, thread_id=thread.id))


@check
def a_stream_ends_when_its_run_is_cancelled(client):
    assistant, thread = assistant_of(client), thread_of(client, "hang")
    names = []
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        for event in stream:
            names.append(event.event)
            if names.count("thread.message.delta") == 1 and event.event == "thread.message.delta":
                client.beta.threads.runs.cancel(stream.current_run.id, thread_id=thread.id)
    equal((names[-1], stream.get_final_run().status), ("thread.run.cancelled", "cancelled"))


@check
def a_run_that_is_cut_off_is_incomplete(client):
    assistant = assistant_of(client)
    thread = thread_of(client, "long")
    with client.beta.threads.runs.stream(
        thread_id=thread.id, assistant_id=assistant.id, event_handler=Heard()
    ) as stream:
        stream.until_done()
    run = stream.get_final_run()
    equal((run.status, run.incomplete_details.reason), ("incomplete", "max_completion_tokens"))
    (message,) = stream.get_final_messages()
    equal((message.status, message.incomplete_details.reason), ("incomplete", "max_tokens"))


@check
def a_run_whose_model_fails_has_failed(client):
    assistant, thread = assistant_of(client), thread_of(client, "fail")
    run = client.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=POLL
    )
    equal((run.status, run.last_error.code), ("failed", "server_error"))
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        stream.until_done()
    equal(stream.get_final_run().status, "failed")


@check
def files_are_uploaded_listed_read_and_deleted(client):
    made = client.files.create(file=("你好.txt", b"Hello"), purpose="assistants")
    equal((made.object, made.filename, made.bytes, made.status), ("file", "你好.txt", 5, "processed"))
    equal(client.files.wait_for_processing(made.id, poll_interval=0.01), made)
    equal([one.id for one in client.files.list(purpose="assistants")], [made.id])
    equal(client.files.content(made.id).read(), b"Hello")
    equal(client.files.delete(made.id).deleted, True)
    error = refused(openai.NotFoundError, lambda: client.files.retrieve(made.id))
    equal((error.param, error.body["message"]), ("id", f"No such File object: {made.id}"))
    refused(openai.BadRequestError, lambda: client.files.create(file=b"x", purpose="nothing"))


@check
def vector_stores_are_filled_searched_and_deleted(client):
    stores = client.vector_stores
    store = stores.create(name="Notes", expires_after={"anchor": "last_active_at", "days": 1})
    equal((store.object, store.status, store.file_counts.total), ("vector_store", "completed", 0))
    file = stores.files.upload_and_poll(vector_store_id=store.id, file=("bread.txt", b"Bread is baked at 230 degrees."))
    equal((file.status, file.chunking_strategy.static.max_chunk_size_tokens), ("completed", 800))
    notes = [("salt.txt", b"Salt comes from the sea."), ("honey.txt", b"Honey comes from bees.")]
    batch = stores.file_batches.upload_and_poll(store.id, files=notes)
    equal((batch.status, batch.file_counts.completed), ("completed", 2))
    equal(len(list(stores.file_batches.list_files(batch.id, vector_store_id=store.id, limit=1))), 2)
    stores.files.update(file.id, vector_store_id=store.id, attributes={"hot": True, "degrees": 230})
    found = list(stores.search(store.id, query="Where does salt come from?", max_num_results=2))
    equal((found[0].filename, found[0].content[0].text), ("salt.txt", "Salt comes from the sea."))
    hot = {"type": "and", "filters": [{"type": "gt", "key": "degrees", "value": 200}]}
    equal(
        [one.attributes for one in stores.search(store.id, query="from", filters=hot)], [{"hot": True, "degrees": 230}]
    )
    equal(
        [part.text for part in stores.files.content(file.id, vector_store_id=store.id)],
        ["Bread is baked at 230 degrees."],
    )
    equal(stores.update(store.id, name="Food").name, "Food")
    equal(stores.retrieve(store.id).file_counts.completed, 3)
    files = [one.id for one in stores.files.list(store.id, filter="completed", limit=2)]
    equal(len(files), 3)
    equal(stores.files.delete(file.id, vector_store_id=store.id).deleted, True)
    refused(openai.NotFoundError, lambda: stores.files.retrieve(file.id, vector_store_id=store.id))
    equal(stores.delete(store.id).deleted, True)
    refused(openai.NotFoundError, lambda: stores.retrieve(store.id))
    for file_id in files:
        client.files.delete(file_id)


class Cited(AssistantEventHandler):
    """Notes the citations that come with the text."""

    def __init__(self):
        super().__init__()
        self.cited = []

    def on_text_delta(self, delta, snapshot):
        self.cited += delta.annotations or []


def cites(value, annotations, file):
    """Each citation is where its mark is in the text, and points at the file."""
    equal({one.file_citation.file_id for one in annotations}, {file.id})
    equal([value[one.start_index : one.end_index] for one in annotations], [one.text for one in annotations])


@check
def answers_cite_the_files_of_both_stores(client):
    notes = {
        "salt.md": "# Spices\n\n\U0001f9c2 The salt comes from the sea at Trapani.",
        "honey.txt": "Das Honigglas \u00f6ffnet der Imker Bruno.",
    }
    files, stores = [], []
    for name, text in notes.items():
        store = client.vector_stores.create(name=name)
        upload = {"file": (name, text.encode()), "vector_store_id": store.id}
        files.append(client.vector_stores.files.upload_and_poll(**upload, poll_interval_ms=POLL))
        stores.append({"file_search": {"vector_store_ids": [store.id]}})
    assistant = client.beta.assistants.create(
        model="rehearsal", tools=[{"type": "file_search"}], tool_resources=stores[0]
    )
    salty = [user("Where does the salt come from?")]
    thread = client.beta.threads.create(messages=salty, tool_resources=stores[1])
    run = client.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=POLL
    )
    equal(run.status, "completed")
    answer = client.beta.threads.messages.list(thread.id).data[0].content[0].text
    equal("Trapani" in answer.value, True)
    cites(answer.value, answer.annotations, files[0])
    equal([one.file_citation.to_dict()["heading_path"] for one in answer.annotations], [["Spices"]])
    client.beta.threads.messages.create(thread.id, role="user", content="Wer \u00f6ffnet das Honigglas?")
    with client.beta.threads.runs.stream(
        thread_id=thread.id, assistant_id=assistant.id, event_handler=Cited()
    ) as stream:
        stream.until_done()
        final = stream.get_final_messages()[0].content[0].text
    equal("Bruno" in final.value, True)
    cites(final.value, final.annotations, files[1])
    cites(final.value, stream.cited, files[1])
    steps = client.beta.threads.runs.steps
    searched = list(steps.list(stream.current_run.id, thread_id=thread.id))[-1]
    shown = ["step_details.tool_calls[*].file_search.results[*].content"]
    asked = {"step_id": searched.id, "run_id": searched.run_id, "thread_id": thread.id}
    results = steps.retrieve(**asked, include=shown).step_details.tool_calls[0].file_search.results
    equal(results[0].content[0].text, notes["honey.txt"])
    plain = steps.retrieve(**asked).step_details.tool_calls[0].file_search.results
    equal([one.content for one in plain], [None] * len(results))
    for file in files:
        client.files.delete(file.id)


@check
def large_files_are_uploaded_in_parts(client):
    content = bytes(range(256)) * 4096
    done = client.uploads.upload_file_chunked(
        file=content,
        filename="large.bin",
        bytes=len(content),
        mime_type="application/octet-stream",
        purpose="user_data",
        part_size=300_000,
    )
    equal((done.status, done.file.bytes, done.file.purpose), ("completed", len(content), "user_data"))
    equal(client.files.content(done.file.id).read(), content)
    upload = client.uploads.create(bytes=5, filename="a", mime_type="text/plain", purpose="assistants")
    client.uploads.parts.create(upload.id, data=b"Hello")
    equal(client.uploads.cancel(upload.id).status, "cancelled")


@check
def batches_are_answered_into_files(client):
    body = {"model": "gpt-4o", "messages": [user("Hello")]}
    line = {"custom_id": "one", "method": "POST", "url": "/v1/chat/completions", "body": body}
    file = client.files.create(file=("requests.jsonl", json.dumps(line).encode()), purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"key": "value"}
    )
    deadline = time.monotonic() + WAIT
    while batch.status not in {"completed", "failed"} and time.monotonic() < deadline:
        time.sleep(POLL / 1000)
        batch = client.batches.retrieve(batch.id)
    equal((batch.status, batch.request_counts.completed, batch.metadata), ("completed", 1, {"key": "value"}))
    told = json.loads(client.files.content(batch.output_file_id).text)
    equal(told["response"]["body"]["choices"][0]["message"]["content"], "You said: Hello")
    equal(next(iter(client.batches.list(limit=1))).id, batch.id)


@check
def an_unknown_object_is_not_found(client):
    error = refused(openai.NotFoundError, lambda: client.beta.assistants.retrieve(UNKNOWN))
    equal((error.status_code, error.type, error.param, error.code), (404, "invalid_request_error", None, None))
    equal(error.body["message"], f"No assistant found with id '{UNKNOWN}'.")
    equal(error.request_id.startswith("req_"), True)


@check
def a_bad_body_is_a_bad_request(client):
    error = refused(openai.BadRequestError, lambda: client.beta.assistants.create(model="gpt-4o", temperature=3))
    equal((error.status_code, error.param, error.code), (400, "temperature", "decimal_above_max_value"))
    error = refused(
        openai.BadRequestError, lambda: client.beta.assistants.create(model="gpt-4o", extra_body={"zzz": 1})
    )
    equal((error.param, error.code), ("zzz", "unknown_parameter"))
    equal(error.body["message"], "Unknown parameter: 'zzz'.")
    refused(openai.BadRequestError, lambda: client.beta.assistants.list(limit=101))


@check
def a_wrong_key_is_no_way_in(client):
    error = refused(openai.AuthenticationError, client.with_options(api_key="sk-wrong").models.list)
    equal((error.status_code, error.code), (401, "invalid_api_key"))


@check
def a_stream_that_is_refused_raises(client):
    thread = thread_of(client, "Hello")

    def ask():
        with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=UNKNOWN) as stream:
            stream.until_done()

    equal(refused(openai.NotFoundError, ask).status_code, 404)


@check
def raw_answers_have_a_request_id(client):
    raw = client.beta.threads.with_raw_response.create()
    equal((raw.status_code, raw.headers["x-request-id"]), (200, raw.parse()._request_id))
    with client.beta.threads.with_streaming_response.create() as response:
        equal(response.parse().object, "thread")


@check
def chats_are_completed_streamed_and_parsed(client):
    ask = {"model": "gpt-4o", "messages": [user("Hello there")]}
    whole = client.chat.completions.create(**ask)
    equal((whole.choices[0].message.content, whole.usage.total_tokens), ("You said: Hello there", 12))
    chunks = list(client.chat.completions.create(**ask, stream=True))
    equal("".join(c.choices[0].delta.content or "" for c in chunks if c.choices), "You said: Hello there")
    with client.chat.completions.stream(**ask, stream_options={"include_usage": True}) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    equal(kinds >= {"chunk", "content.delta", "content.done"}, True)
    equal((final.choices[0].message.content, final.usage.total_tokens), ("You said: Hello there", 12))
    parsed = client.chat.completions.parse(**ask, response_format=Forecast)
    equal(parsed.choices[0].message.parsed, Forecast(city="Paris", degrees=18))
    with client.chat.completions.stream(**ask, response_format=Forecast) as stream:
        equal(stream.get_final_completion().choices[0].message.parsed, Forecast(city="Paris", degrees=18))


@check
def chats_call_functions(client):
    tool = openai.pydantic_function_tool(Forecast, name="get_weather")
    ask = {"model": "gpt-4o", "messages": [user("weather: Paris, Rome")], "tools": [tool]}
    whole = client.chat.completions.create(**ask)
    equal(
        [c.function.arguments for c in whole.choices[0].message.tool_calls], ['{"city": "Paris"}', '{"city": "Rome"}']
    )
    pieces = {}
    for chunk in client.chat.completions.create(**ask, stream=True):
        for call in chunk.choices[0].delta.tool_calls or ():
            pieces[call.index] = pieces.get(call.index, "") + call.function.arguments
    equal(pieces, {0: '{"city": "Paris"}', 1: '{"city": "Rome"}'})


@check
def models_are_listed_and_found(client):
    equal("gpt-4o" in [model.id for model in client.models.list()], True)
    equal(client.models.retrieve("gpt-4o").object, "model")
    equal(client.models.retrieve("org/with/slashes").id, "org/with/slashes")
    equal(refused(openai.NotFoundError, lambda: client.models.retrieve("nothing")).code, "model_not_found")


@check
def azure_clients_find_their_paths(client):
    root = str(client.base_url).removesuffix("/v1/")
    azure = openai.AzureOpenAI(
        azure_endpoint=root, api_version="2024-05-01-preview", api_key=client.api_key, timeout=WAIT, max_retries=0
    )
    with azure:
        everything(azure)
    with openai.OpenAI(base_url=f"{root}/openai/v1/", api_key=client.api_key, timeout=WAIT, max_retries=0) as current:
        everything(current)
    deployed = openai.AzureOpenAI(
        azure_endpoint=root,
        azure_deployment="gpt-4o",
        api_version="2024-10-21",
        azure_ad_token=client.api_key,
        timeout=WAIT,
        max_retries=0,
    )
    with deployed:
        answer = deployed.chat.completions.create(model="another", messages=[user("Hello")])
        equal(answer.choices[0].message.content, "You said: Hello")


def everything(client):
    """A walk through all resources."""
    assistant, thread = assistant_of(client), thread_of(client, "Hello")
    run = client.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=POLL
    )
    equal((run.status, said(client, thread.id)), ("completed", ["Hello", "You said: Hello"]))
    with client.beta.threads.runs.stream(
        thread_id=thread.id,
        assistant_id=assistant.id,
        additional_messages=[user("weather: Rome")],
        event_handler=Heard(),
    ) as stream:
        stream.until_done()
    waiting = stream.get_final_run()
    equal(waiting.status, "requires_action")
    with client.beta.threads.runs.submit_tool_outputs_stream(
        run_id=waiting.id, thread_id=thread.id, tool_outputs=outputs_of(waiting), event_handler=Heard()
    ) as stream:
        stream.until_done()
    equal(stream.text, 'Outputs: {"city": "Rome"}')
    equal(len(list(client.beta.threads.runs.list(thread.id, limit=1))), 2)
    answer = client.chat.completions.create(model="gpt-4o", messages=[user("Hello")])
    equal(answer.choices[0].message.content, "You said: Hello")
    chunks = client.chat.completions.create(model="gpt-4o", messages=[user("Hello")], stream=True)
    equal("".join(c.choices[0].delta.content or "" for c in chunks if c.choices), "You said: Hello")
    equal(refused(openai.NotFoundError, lambda: client.beta.assistants.retrieve(UNKNOWN)).status_code, 404)
    client.beta.assistants.delete(assistant.id)
    client.beta.threads.delete(thread.id)


@check
def the_async_client_does_the_same(client):
    asyncio.run(asynchronously(client))


class AsyncHeard(AsyncAssistantEventHandler):
    def __init__(self):
        super().__init__()
        self.text = ""

    async def on_text_delta(self, delta, snapshot):
        self.text += delta.value


async def asynchronously(like):
    async with openai.AsyncOpenAI(base_url=like.base_url, api_key=like.api_key, timeout=WAIT, max_retries=0) as client:
        assistant = await client.beta.assistants.create(model="gpt-4o", tools=[WEATHER])
        made = [await client.beta.threads.create(messages=[user("Hello")]) for _ in range(5)]
        runs = await asyncio.gather(
            *(
                client.beta.threads.runs.create_and_poll(
                    thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=POLL
                )
                for thread in made
            )
        )
        equal([run.status for run in runs], ["completed"] * 5)
        listed = [message.role async for message in client.beta.threads.messages.list(made[0].id, limit=1)]
        equal(listed, ["assistant", "user"])
        async with client.beta.threads.runs.stream(
            thread_id=made[0].id,
            assistant_id=assistant.id,
            additional_messages=[user("weather: Paris; Rome")],
            event_handler=AsyncHeard(),
        ) as stream:
            await stream.until_done()
        run = await stream.get_final_run()
        for _ in range(2):
            equal(run.status, "requires_action")
            async with client.beta.threads.runs.submit_tool_outputs_stream(
                run_id=run.id, thread_id=run.thread_id, tool_outputs=outputs_of(run), event_handler=AsyncHeard()
            ) as stream:
                await stream.until_done()
            run = await stream.get_final_run()
        equal((run.status, stream.text), ("completed", 'Outputs: {"city": "Paris"}, {"city": "Rome"}'))
        async with client.chat.completions.stream(model="gpt-4o", messages=[user("Hello")]) as stream:
            equal((await stream.get_final_completion()).choices[0].message.content, "You said: Hello")


def drive(url, key):
    with openai.OpenAI(base_url=url, api_key=key, timeout=WAIT, max_retries=0) as official:
        return run_all(official)


if __name__ == "__main__":
    drive_servers(drive)
