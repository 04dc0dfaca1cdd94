"""Drives a server with the `openai-agents` package of the environment that runs this, as programs use it."""

import asyncio
import tempfile
from pathlib import Path

from agents import (
    Agent,
    FileSearchTool,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIConversationsSession,
    OpenAIResponsesModel,
    Runner,
    SQLiteSession,
    function_tool,
    handoff,
    set_tracing_disabled,
)
from checks import check, drive_servers, equal, run_all
from openai import AsyncOpenAI

WAIT = 20.0
ASKED = "weather: Paris, Rome; Oslo"
TOLD = "Outputs: Paris is mild, Rome is mild, Oslo is mild"
MODES = {"responses": OpenAIResponsesModel, "chat": OpenAIChatCompletionsModel}


@function_tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"{city} is mild"


def agent_of(client, mode, **members):
    model = MODES[mode]("gpt-4o", client)
    return Agent(name="Weather", instructions="Tell the weather.", model=model, tools=[get_weather], **members)


def in_each_mode(body):
    """A check that calls `body` with an agent, in both modes of the package."""

    def checked(url, key):
        async def run():
            async with AsyncOpenAI(base_url=url, api_key=key, timeout=WAIT, max_retries=0) as client:
                for mode in MODES:
                    await body(client, mode)

        asyncio.run(run())

    checked.__name__ = body.__name__
    return check(checked)


@in_each_mode
async def an_agent_uses_its_tools_over_several_turns(client, mode):
    result = await Runner.run(agent_of(client, mode), ASKED)
    equal(result.final_output, TOLD)
    equal(len(result.raw_responses), 3)


@in_each_mode
async def an_agent_is_streamed(client, mode):
    result = Runner.run_streamed(agent_of(client, mode), ASKED)
    text, called = "", []
    async for event in result.stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            text += event.data.delta
        elif event.type == "run_item_stream_event" and event.name == "tool_output":
            called.append(event.item.output)
    equal((text, result.final_output), (TOLD, TOLD))
    equal(called, ["Paris is mild", "Rome is mild", "Oslo is mild"])


@in_each_mode
async def a_session_of_the_client_remembers(client, mode):
    with tempfile.TemporaryDirectory() as directory:
        session = SQLiteSession("one", Path(directory) / "sessions.db")
        agent = agent_of(client, mode)
        first = await Runner.run(agent, ASKED, session=session)
        second = await Runner.run(agent, "Thanks", session=session)
        equal((first.final_output, second.final_output), (TOLD, "You said: Thanks"))
        session.close()


@in_each_mode
async def what_was_said_can_be_given_to_the_next_run(client, mode):
    agent = agent_of(client, mode)
    first = await Runner.run(agent, ASKED)
    second = await Runner.run(agent, [*first.to_input_list(), {"role": "user", "content": "Thanks"}])
    equal(second.final_output, "You said: Thanks")


@in_each_mode
async def an_agent_hands_over_to_another(client, mode):
    other = agent_of(client, mode)
    desk = Agent(
        name="Desk",
        model=MODES[mode]("gpt-4o", client),
        handoffs=[handoff(other, tool_name_override="get_weather", input_filter=None)],
        model_settings=ModelSettings(parallel_tool_calls=False),
    )
    result = await Runner.run(desk, "weather: Paris")
    equal(result.last_agent.name, "Weather")


def responding(body):
    """A check of what only the Responses API has."""

    def checked(url, key):
        async def run():
            async with AsyncOpenAI(base_url=url, api_key=key, timeout=WAIT, max_retries=0) as client:
                await body(client)

        asyncio.run(run())

    checked.__name__ = body.__name__
    return check(checked)


@responding
async def a_session_of_the_server_remembers(client):
    session = OpenAIConversationsSession(openai_client=client)
    agent = agent_of(client, "responses")
    first = await Runner.run(agent, ASKED, session=session)
    second = await Runner.run(agent, "Thanks", session=session)
    equal((first.final_output, second.final_output), (TOLD, "You said: Thanks"))
    items = await session.get_items()
    equal([item.get("role") for item in items if item.get("type", "message") == "message"], ["user", "assistant"] * 2)
    await session.clear_session()


@responding
async def a_conversation_is_named_and_holds_all_of_it(client):
    conversation = await client.conversations.create()
    agent = agent_of(client, "responses")
    first = await Runner.run(agent, ASKED, conversation_id=conversation.id)
    second = await Runner.run(agent, "Thanks", conversation_id=conversation.id)
    equal((first.final_output, second.final_output), (TOLD, "You said: Thanks"))
    kinds = [item.type async for item in client.conversations.items.list(conversation.id, order="asc")]
    equal(kinds.count("function_call"), 3)
    equal(kinds.count("function_call_output"), 3)
    equal(kinds.count("message"), 4)


@responding
async def the_previous_response_is_named(client):
    agent = agent_of(client, "responses")
    first = await Runner.run(agent, ASKED)
    second = Runner.run_streamed(agent, "Thanks", previous_response_id=first.last_response_id)
    async for _ in second.stream_events():
        pass
    equal(second.final_output, "You said: Thanks")


@responding
async def nothing_needs_to_be_stored(client):
    agent = agent_of(client, "responses", model_settings=ModelSettings(store=False))
    result = await Runner.run(agent, ASKED)
    equal(result.final_output, TOLD)


@responding
async def hosted_tools_are_the_servers(client):
    file = await client.files.create(file=("food.txt", b"Travis likes pizza."), purpose="user_data")
    store = await client.vector_stores.create()
    await client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, poll_interval_ms=20)
    tool = FileSearchTool(vector_store_ids=[store.id], include_search_results=True)
    agent = Agent(name="Food", model=OpenAIResponsesModel("rehearsal", client), tools=[tool])
    result = await Runner.run(agent, "Who likes pizza?")
    found = [item.raw_item for item in result.new_items if item.type == "tool_call_item"]
    equal([one.type for one in found], ["file_search_call"])
    equal(found[0].results[0].filename, "food.txt")


if __name__ == "__main__":
    set_tracing_disabled(True)
    drive_servers(run_all)
