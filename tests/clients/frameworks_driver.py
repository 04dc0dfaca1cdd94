"""Drives a server with the agent frameworks of the environment that runs this: their requests, not ours."""

import asyncio
import os
from typing import Annotated

from autogen_agentchat.messages import TextMessage
from autogen_core import CancellationToken
from autogen_ext.agents.openai import OpenAIAssistantAgent
from checks import check, drive_servers, equal, run_all
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai import OpenAIResponses
from openai import AsyncOpenAI
from semantic_kernel.agents import OpenAIAssistantAgent as KernelAssistantAgent
from semantic_kernel.agents import OpenAIResponsesAgent
from semantic_kernel.functions import kernel_function

MODEL = "gpt-4o"
WAIT = 30.0
ASKED = "weather: Paris, Rome"
TOLD = "Outputs: Paris is mild, Rome is mild"


def get_weather(city: str, unit: str | None = None) -> str:
    """The weather in a city; the unit is optional, so that the schema is not strict."""
    return f"{city} is mild"


def chat_model(url, key, **members):
    return ChatOpenAI(
        model=MODEL, base_url=url, api_key=key, use_responses_api=True, timeout=WAIT, max_retries=0, **members
    )


def answered(model):
    """Lets the model call its tools until it answers; the answer and all messages."""
    messages = [HumanMessage(ASKED)]
    answer = model.invoke(messages)
    messages.append(answer)
    messages += [
        ToolMessage(get_weather(**call["args"]), tool_call_id=call["id"], name=call["name"])
        for call in answer.tool_calls
    ]
    return model.invoke(messages)


@check
def langchain_calls_tools_on_responses(url, key):
    answer = answered(chat_model(url, key).bind_tools([tool(get_weather)]))
    equal(answer.text, TOLD)


@check
def langchain_continues_from_the_previous_response(url, key):
    model = chat_model(url, key, use_previous_response_id=True).bind_tools([tool(get_weather)])
    equal(answered(model).text, TOLD)


@check
def langchain_streams_responses(url, key):
    chunks = list(chat_model(url, key).stream("Hello"))
    equal("".join(chunk.text for chunk in chunks), "You said: Hello")
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert whole.usage_metadata["total_tokens"] > 0, whole.usage_metadata


@check
def langchain_fills_a_schema(url, key):
    schema = {
        "title": "Weather",
        "type": "object",
        "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
        "required": ["city", "degrees"],
        "additionalProperties": False,
    }
    found = chat_model(url, key).with_structured_output(schema, method="json_schema").invoke("Paris?")
    equal(found, {"city": "Paris", "degrees": 18})


def index_model(url, key):
    return OpenAIResponses(model=MODEL, api_base=url, api_key=key, timeout=WAIT, max_retries=0)


@check
def llama_index_lets_an_agent_call_tools_on_responses(url, key):
    async def run():
        agent = FunctionAgent(tools=[FunctionTool.from_defaults(get_weather)], llm=index_model(url, key))
        return str(await agent.run(ASKED))

    equal(asyncio.run(run()), TOLD)


@check
def llama_index_streams_responses(url, key):
    chunks = list(index_model(url, key).stream_chat([ChatMessage(role="user", content="Hello")]))
    equal(chunks[-1].message.content, "You said: Hello")


class WeatherPlugin:
    @kernel_function(name="get_weather", description="The weather in a city.")
    def weather(self, city: str, unit: Annotated[str, "optional"] = "C") -> str:
        return f"{city} is mild"


# Semantic Kernel offers a plugin's function as `plugin-function`, which the model has to call by that name.
KERNEL_ASKED = "weather of WeatherPlugin-get_weather: Paris, Rome"


@check
def semantic_kernel_calls_tools_on_responses(url, key):
    async def run():
        async with AsyncOpenAI(base_url=url, api_key=key, timeout=WAIT, max_retries=0) as client:
            agent = OpenAIResponsesAgent(
                ai_model_id=MODEL, client=client, instructions="Tell the weather.", plugins=[WeatherPlugin()]
            )
            response = await agent.get_response(KERNEL_ASKED)
            return str(response.message)

    equal(asyncio.run(run()), TOLD)


@check
def semantic_kernel_calls_tools_on_assistants(url, key):
    async def run():
        async with AsyncOpenAI(base_url=url, api_key=key, timeout=WAIT, max_retries=0) as client:
            definition = await client.beta.assistants.create(model=MODEL, instructions="Tell the weather.")
            agent = KernelAssistantAgent(client=client, definition=definition, plugins=[WeatherPlugin()])
            response = await agent.get_response(messages=KERNEL_ASKED)
            return str(response.message)

    equal(asyncio.run(run()), TOLD)


@check
def autogen_runs_an_assistant_with_tools(url, key):
    async def run():
        async with AsyncOpenAI(base_url=url, api_key=key, timeout=WAIT, max_retries=0) as client:
            agent = OpenAIAssistantAgent(
                name="weather", description="", client=client, model=MODEL, instructions="", tools=[get_weather]
            )
            token = CancellationToken()
            response = await agent.on_messages([TextMessage(content=ASKED, source="user")], token)
            await agent.delete_assistant(token)
            return response.chat_message.content

    equal(asyncio.run(run()), TOLD)


def drive(url, key):
    os.environ["OPENAI_API_KEY"] = key
    return run_all(url, key)


if __name__ == "__main__":
    drive_servers(drive)
