"""Drives responses and conversations with the `openai` package of the environment that runs this, as programs use it."""

import asyncio
import io
import json
import time
import urllib.request

import openai
import pydantic
from checks import check, drive_servers, equal, run_all

WAIT = 20.0
MODEL = "gpt-4o"
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


class Forecast(pydantic.BaseModel):
    city: str
    degrees: int


def respond(client, asked, **parameters):
    return client.responses.create(model=MODEL, input=asked, **parameters)


def ended(client, response_id):
    until = time.monotonic() + WAIT
    while time.monotonic() < until:
        found = client.responses.retrieve(response_id)
        if found.status not in {"queued", "in_progress"}:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{response_id} does not end")


def refused(kind, ask):
    try:
        ask()
    except kind as error:
        return error
    raise AssertionError(f"nothing was refused with {kind}")


def outputs_of(response):
    return [
        {"type": "function_call_output", "call_id": call.call_id, "output": json.loads(call.arguments)["city"]}
        for call in response.output
        if call.type == "function_call"
    ]


@check
def responses_are_made_read_followed_and_removed(client):
    first = respond(client, "Hello", instructions="Be brief.", metadata={"a": "b"})
    equal((first.status, first.output_text, first.metadata), ("completed", "You said: Hello", {"a": "b"}))
    equal(client.responses.retrieve(first.id).to_dict(), first.to_dict())
    second = respond(client, [{"role": "user", "content": "Again"}], previous_response_id=first.id)
    items = client.responses.input_items.list(second.id, order="asc", limit=2)
    equal([item.role for item in items], ["user", "assistant", "user"])
    client.responses.delete(first.id)
    equal(refused(openai.NotFoundError, lambda: client.responses.retrieve(first.id)).status_code, 404)
    equal(respond(client, "More", previous_response_id=second.id).output_text, "You said: More")


@check
def a_stream_says_what_the_response_is(client):
    names, text = [], ""
    for event in respond(client, "Hello", stream=True):
        names.append(event.type)
        text += event.delta if event.type == "response.output_text.delta" else ""
    equal((names[0], names[-1], text), ("response.created", "response.completed", "You said: Hello"))
    with client.responses.stream(model=MODEL, input="Hello") as stream:
        snapshots = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    equal((snapshots[-1], final.output_text), ("You said: Hello", "You said: Hello"))


@check
def answers_are_parsed(client):
    parsed = client.responses.parse(model=MODEL, input="Weather?", text_format=Forecast)
    equal(parsed.output_parsed, Forecast(city="Paris", degrees=18))
    with client.responses.stream(model=MODEL, input="Weather?", text_format=Forecast) as stream:
        equal(stream.get_final_response().output_parsed, Forecast(city="Paris", degrees=18))


@check
def functions_are_called_in_rounds(client):
    response, rounds = respond(client, "weather: Paris, Rome; Oslo", tools=[WEATHER]), 0
    while outputs := outputs_of(response):
        rounds += 1
        response = respond(client, outputs, tools=[WEATHER], previous_response_id=response.id)
    equal((rounds, response.output_text), (2, "Outputs: Paris, Rome, Oslo"))
    # The same without anything stored: the client sends all of it each time.
    history = [{"role": "user", "content": "weather: Paris, Rome; Oslo"}]
    while True:
        response = respond(client, history, tools=[WEATHER], store=False)
        history += [item.to_dict() for item in response.output]
        if not (outputs := outputs_of(response)):
            break
        history += outputs
    equal(response.output_text, "Outputs: Paris, Rome, Oslo")


@check
def functions_are_called_in_streams(client):
    with client.responses.stream(model=MODEL, input="weather: Paris", tools=[WEATHER]) as stream:
        last = [event for event in stream if event.type == "response.function_call_arguments.delta"][-1]
        final = stream.get_final_response()
    equal(json.loads(last.snapshot), {"city": "Paris"})
    with client.responses.stream(
        model=MODEL, input=outputs_of(final), tools=[WEATHER], previous_response_id=final.id
    ) as stream:
        equal(stream.get_final_response().output_text, "Outputs: Paris")


@check
def responses_run_in_the_background(client):
    made = respond(client, "Hello", background=True)
    equal((made.background, made.status in {"queued", "in_progress"}), (True, True))
    equal(ended(client, made.id).output_text, "You said: Hello")
    hanging = respond(client, "hang", background=True)
    equal(client.responses.cancel(hanging.id).status, "cancelled")
    equal(client.responses.retrieve(hanging.id).status, "cancelled")
    failed = ended(client, respond(client, "fail", background=True).id)
    equal((failed.status, failed.error.code), ("failed", "server_error"))


@check
def a_stream_that_was_cut_is_taken_up_again(client):
    stream = respond(client, "Hello to everybody here", background=True, stream=True)
    seen, text = [], ""
    for event in stream:
        seen.append(event)
        text += event.delta if event.type == "response.output_text.delta" else ""
        if len(seen) == 6:
            break
    stream.close()
    response_id, last = seen[0].response.id, seen[-1].sequence_number
    for event in client.responses.retrieve(response_id, stream=True, starting_after=last):
        equal(event.sequence_number > last, True)
        text += event.delta if event.type == "response.output_text.delta" else ""
    equal((event.type, text), ("response.completed", "You said: Hello to everybody here"))


@check
def a_background_stream_is_followed_by_its_helper(client):
    made = respond(client, "Hello", background=True, stream=True)
    response_id = next(iter(made)).response.id
    made.close()
    with client.responses.stream(response_id=response_id) as stream:
        equal(stream.get_final_response().output_text, "You said: Hello")


@check
def tokens_are_counted(client):
    counter = getattr(client.responses, "input_tokens", None)
    if counter is not None:  # older packages do not know it
        few = counter.count(model=MODEL, input="Hello").input_tokens
        equal(0 < few < counter.count(model=MODEL, input="Hello " * 99).input_tokens, True)


@check
def conversations_hold_items_and_responses(client):
    made = client.conversations.create(metadata={"a": "b"}, items=[{"role": "user", "content": "I am Ada."}])
    equal(client.conversations.retrieve(made.id).metadata, {"a": "b"})
    equal(client.conversations.update(made.id, metadata={"c": "d"}).metadata, {"c": "d"})
    response = respond(client, "Hello", conversation=made.id)
    equal(response.conversation.id, made.id)
    items = list(client.conversations.items.list(made.id, order="asc", limit=1))
    equal([item.content[0].text for item in items], ["I am Ada.", "Hello", "You said: Hello"])
    added = client.conversations.items.create(made.id, items=[{"role": "user", "content": "Bye"}])
    item = client.conversations.items.retrieve(added.data[0].id, conversation_id=made.id)
    equal(item.content[0].text, "Bye")
    client.conversations.items.delete(item.id, conversation_id=made.id)
    equal(len(list(client.conversations.items.list(made.id))), 3)
    equal(client.conversations.delete(made.id).deleted, True)
    equal(refused(openai.NotFoundError, lambda: client.conversations.retrieve(made.id)).status_code, 404)


@check
def files_are_searched_and_cited(client):
    file = client.files.create(file=("food.md", io.BytesIO(b"# Food\n\nTravis likes pizza.")), purpose="user_data")
    store = client.vector_stores.create(name="food")
    client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, poll_interval_ms=20)
    tools = [{"type": "file_search", "vector_store_ids": [store.id]}]
    made = client.responses.create(
        model="rehearsal", input="Who likes pizza?", tools=tools, include=["file_search_call.results"]
    )
    search = next(item for item in made.output if item.type == "file_search_call")
    equal([result.filename for result in search.results], ["food.md"])
    cited = [one for item in made.output if item.type == "message" for one in item.content[0].annotations]
    equal({(one.type, one.file_id) for one in cited}, {("file_citation", file.id)})
    equal([one.to_dict()["heading_path"] for one in cited], [["Food"]] * len(cited))


@check
def bad_requests_are_refused(client):
    error = refused(openai.BadRequestError, lambda: respond(client, "x", previous_response_id="resp_unknown"))
    equal(error.code, "previous_response_not_found")
    error = refused(openai.BadRequestError, lambda: respond(client, "x", tools=[{"type": "function"}]))
    equal(error.param, "tools[0].name")
    error = refused(openai.InternalServerError, lambda: respond(client, "fail"))
    equal("The model is out." in error.message, True)


@check
def the_path_without_a_version_is_the_same(client):
    made = respond(client, "Hello")
    bare = str(client.base_url).removesuffix("/v1/")
    asked = urllib.request.Request(f"{bare}/responses/{made.id}", headers={"Authorization": f"Bearer {client.api_key}"})
    with urllib.request.urlopen(asked, timeout=WAIT) as found:
        equal(json.load(found)["id"], made.id)


@check
def the_async_client_does_the_same(client):
    asyncio.run(asynchronously(client))


async def asynchronously(like):
    async with openai.AsyncOpenAI(base_url=like.base_url, api_key=like.api_key, timeout=WAIT, max_retries=0) as client:
        made = await asyncio.gather(*(client.responses.create(model=MODEL, input=f"{n}") for n in range(10)))
        equal([response.output_text for response in made], [f"You said: {n}" for n in range(10)])
        async with client.responses.stream(model=MODEL, input="Hello") as stream:
            equal((await stream.get_final_response()).output_text, "You said: Hello")
        parsed = await client.responses.parse(model=MODEL, input="Weather?", text_format=Forecast)
        equal(parsed.output_parsed.city, "Paris")
        conversation = await client.conversations.create()
        await client.responses.create(model=MODEL, input="Hello", conversation=conversation.id)
        roles = [item.role async for item in client.conversations.items.list(conversation.id, limit=1)]
        equal(roles, ["assistant", "user"])


def drive(url, key):
    with openai.OpenAI(base_url=url, api_key=key, timeout=WAIT, max_retries=0) as official:
        return run_all(official)


if __name__ == "__main__":
    drive_servers(drive)
