"""The toolkit's adapters with the real frameworks: `toolkit_driver.py BASE_URL KEY`. Prints the name of each check."""

import asyncio
import json
import sys

from understudy_toolkit import AsyncToolkit, Toolkit

CREATE, LIST = "AI_ML_API_CREATE_THREAD", "AI_ML_API_LIST_MODELS"
ARGUMENTS = {"metadata": {"topic": "bread"}}


def check_result(text: str) -> None:
    result = json.loads(text)
    assert result["successful"], result
    assert result["data"]["metadata"] == ARGUMENTS["metadata"], result


async def openai_agents(toolkit: AsyncToolkit) -> None:
    from agents import Agent, FunctionTool
    from agents.tool_context import ToolContext

    from understudy_toolkit.adapters.openai_agents import function_tools

    tools = {tool.name: tool for tool in function_tools(toolkit)}
    assert len(tools) == 30
    assert Agent("Baker", tools=list(tools.values())).tools
    create = tools[CREATE]
    assert isinstance(create, FunctionTool)
    encoded = json.dumps(ARGUMENTS)
    context = ToolContext(context=None, tool_name=CREATE, tool_call_id="c1", tool_arguments=encoded)
    check_result(await create.on_invoke_tool(context, encoded))
    assert not json.loads(await create.on_invoke_tool(context, "no object"))["successful"]


async def claude_agent(toolkit: AsyncToolkit) -> None:
    from claude_agent_sdk import ClaudeAgentOptions

    from understudy_toolkit.adapters.claude_agent import allowed_tools, mcp_server, sdk_tools

    chosen = toolkit.list(slugs=[CREATE])
    (create,) = sdk_tools(toolkit, chosen)
    done = await create.handler(ARGUMENTS)
    check_result(done["content"][0]["text"])
    assert not done["is_error"]
    options = ClaudeAgentOptions(mcp_servers={"understudy": mcp_server(toolkit)}, allowed_tools=allowed_tools(chosen))
    assert options.allowed_tools == [f"mcp__understudy__{CREATE}"]


async def langchain(toolkit: AsyncToolkit) -> None:
    from langchain_core.utils.function_calling import convert_to_openai_tool

    from understudy_toolkit.adapters.langchain import structured_tools

    (create,) = structured_tools(toolkit, toolkit.list(slugs=[CREATE]))
    check_result(await create.ainvoke(ARGUMENTS))
    assert "metadata" in convert_to_openai_tool(create)["function"]["parameters"]["properties"]
    with Toolkit(*sys.argv[1:3]) as blocking:
        tools = {tool.name: tool for tool in structured_tools(blocking)}
        check_result(tools[CREATE].invoke(ARGUMENTS))
        assert json.loads(tools[LIST].invoke({}))["successful"]


async def llama_index(toolkit: AsyncToolkit) -> None:
    from understudy_toolkit.adapters.llama_index import function_tools

    (create,) = function_tools(toolkit, toolkit.list(slugs=[CREATE]))
    check_result((await create.acall(**ARGUMENTS)).content)
    described = create.metadata.to_openai_tool()["function"]
    assert (described["name"], "metadata" in described["parameters"]["properties"]) == (CREATE, True)
    with Toolkit(*sys.argv[1:3]) as blocking:
        tools = {tool.metadata.name: tool for tool in function_tools(blocking)}
        check_result(tools[CREATE].call(**ARGUMENTS).content)


async def main() -> None:
    async with AsyncToolkit(*sys.argv[1:3]) as toolkit:
        for check in (openai_agents, claude_agent, langchain, llama_index):
            await check(toolkit)
            sys.stdout.write(f"{check.__name__}\n")


asyncio.run(main())
