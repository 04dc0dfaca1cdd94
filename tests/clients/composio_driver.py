"""Drives a server's tools with the `composio` package, as programs use it after a change of their base URL."""

import json

import composio
from checks import check, drive_servers, equal, run_all
from composio_client import APIStatusError

SLUG = "AI_ML_API_CREATE_THREAD"
VERSION = "20260312_00"


def refused(kind, ask):
    try:
        ask()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


@check
def all_tools_are_handed_to_a_model(client):
    tools = client.tools.get(user_id="someone", toolkits=["AI_ML_API"], limit=100)
    equal(len(tools), 30)
    names = [tool["function"]["name"] for tool in tools]
    equal(names, sorted(names))
    equal({tool["type"] for tool in tools}, {"function"})
    (one,) = client.tools.get(user_id="someone", tools=[SLUG])
    equal(list(one["function"]["parameters"]["properties"]), ["messages", "metadata", "tool_resources"])
    found = client.tools.get(user_id="someone", search="cancel a run", limit=1)
    equal([tool["function"]["name"] for tool in found], ["AI_ML_API_CANCEL_RUN"])


@check
def raw_tools_have_all_that_the_package_knows(client):
    (tool,) = client.tools.get_raw_composio_tools(tools=[SLUG])
    equal((tool.slug, tool.version, tool.toolkit.slug), (SLUG, VERSION, "AI_ML_API"))
    equal(tool.output_parameters["required"], ["data", "successful"])
    same = client.tools.get_raw_composio_tool_by_slug(SLUG)
    equal((same.slug, same.input_parameters, same.is_deprecated), (SLUG, tool.input_parameters, False))
    refused(composio.exceptions.ToolNotFoundError, lambda: client.tools.get_raw_composio_tool_by_slug("NO_TOOL"))


@check
def pages_follow_each_other(client):
    seen, cursor = [], None
    while cursor is not None or not seen:
        page = client.client.tools.list(limit=7, **({"cursor": cursor} if cursor else {}))
        equal((page.total_items, page.total_pages), (30, 5))
        seen += [tool.slug for tool in page.items]
        cursor = page.next_cursor
    equal((len(seen), len(set(seen))), (30, 30))
    equal(sorted(client.client.tools.retrieve_enum()), sorted(seen))
    reading = client.client.tools.list(tags=["readOnlyHint"], important="true").items
    equal({"AI_ML_API_GET_RUN", SLUG} & {tool.slug for tool in reading}, {"AI_ML_API_GET_RUN"})


@check
def a_tool_is_executed(client):
    made = client.tools.execute(SLUG, {"metadata": {"k": "v"}}, user_id="someone")
    equal((made["successful"], made["error"], made["data"]["metadata"]), (True, None, {"k": "v"}))
    found = client.tools.execute("AI_ML_API_GET_THREAD", {"thread_id": made["data"]["id"]}, user_id="someone")
    equal((found["successful"], found["data"]["id"]), (True, made["data"]["id"]))
    listed = client.tools.execute("AI_ML_API_LIST_MODELS", {}, user_id="someone", version=VERSION)
    equal("gpt-4o" in [model["id"] for model in listed["data"]["data"]], True)


@check
def a_tool_that_fails_says_so(client):
    slip = client.tools.execute(SLUG, {"metadata": {"k": 1}}, user_id="someone")
    equal((slip["successful"], slip["error"]), (False, "Invalid 'metadata.k': expected a string, but got 1."))
    gone = client.tools.execute("AI_ML_API_GET_RUN", {"thread_id": "thread_x", "run_id": "run_x"}, user_id="someone")
    equal((gone["successful"], gone["data"]), (False, {"status": 404}))


@check
def what_cannot_be_done_is_refused(client):
    text = refused(APIStatusError, lambda: client.tools.execute(SLUG, {}, user_id="someone", text="Make a thread."))
    equal((text.status_code, text.body["error"]["code"]), (400, 400))
    other = refused(APIStatusError, lambda: client.tools.execute(SLUG, {}, user_id="someone", version="20200101_00"))
    equal((other.status_code, VERSION in other.body["error"]["message"]), (404, True))


@check
def a_models_calls_are_executed(client):
    call = {"id": "call_1", "type": "function", "function": {"name": SLUG, "arguments": json.dumps({})}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "finish_reason": "tool_calls", "message": message}
    completion = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    from openai.types.chat import ChatCompletion

    (result,) = client.provider.handle_tool_calls(response=ChatCompletion.model_validate(completion), user_id="someone")
    equal((result["successful"], result["data"]["object"]), (True, "thread"))


@check
def the_toolkit_is_described(client):
    equal([one.slug for one in client.toolkits.list().items], ["AI_ML_API"])
    found = client.toolkits.get("AI_ML_API")
    equal((found.name, found.meta.version, int(found.meta.tools_count)), ("AI/ML API", VERSION, 30))
    equal([one.slug for one in client.client.toolkits.retrieve_multi(toolkits=["ai_ml_api"]).items], ["AI_ML_API"])
    equal([one.name for one in client.toolkits.list_categories()], ["artificial intelligence"])


@check
def a_wrong_key_is_no_way_in(client):
    other = opened(str(client.client.base_url), "sk-wrong-0123456789abcdef")
    error = refused(APIStatusError, lambda: other.tools.get_raw_composio_tools(tools=[SLUG]))
    equal((error.status_code, error.body["error"]["status"]), (401, 401))


def opened(root, key):
    versions = {"ai_ml_api": VERSION}
    return composio.Composio(base_url=root, api_key=key, allow_tracking=False, toolkit_versions=versions)


if __name__ == "__main__":
    drive_servers(lambda url, key: run_all(opened(url.removesuffix("/v1"), key)))
