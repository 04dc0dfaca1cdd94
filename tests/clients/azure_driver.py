"""Drives a server with Azure's agents client, whose reader of streams takes nothing that is not written as Azure does."""

import pathlib
import tempfile

from azure.ai.agents import AgentsClient
from azure.ai.agents.models import (
    AgentEventHandler,
    AgentStreamEvent,
    FilePurpose,
    FunctionTool,
    ListSortOrder,
    MessageRole,
    SubmitToolOutputsAction,
    ToolOutput,
    ToolSet,
)
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from checks import check, drive_servers, equal, run_all

CITIES = []


def get_weather(city: str) -> str:
    """The weather in a city.

    :param city: Its name.
    """
    CITIES.append(city)
    return f"{city} is mild"


class Bearer(SansIOHTTPPolicy):
    """The client's own policy sends no key over plain HTTP."""

    def __init__(self, key):
        super().__init__()
        self._key = key

    def on_request(self, request):
        request.http_request.headers["Authorization"] = f"Bearer {self._key}"


class Heard(AgentEventHandler):
    def __init__(self):
        super().__init__()
        self.events, self.text, self.run = [], "", None

    def on_message_delta(self, delta):
        self.text += delta.text

    def on_thread_run(self, run):
        self.run = run

    def on_error(self, data):
        self.events.append(f"error {data}")

    def on_unhandled_event(self, event_type, event_data):
        self.events.append(f"unhandled {event_type}")

    def _process_event(self, event_data_str):
        found = super()._process_event(event_data_str)
        self.events.append(str(getattr(found[0], "value", found[0])))
        return found


def agent_of(client, toolset=None):
    return client.create_agent(model="gpt-4o", name="Ada", instructions="Be brief.", toolset=toolset)


def functions():
    tools = ToolSet()
    tools.add(FunctionTool({get_weather}))
    return tools


def thread_of(client, text):
    thread = client.threads.create()
    client.messages.create(thread_id=thread.id, role=MessageRole.USER, content=text)
    return thread


def said(client, thread):
    messages = client.messages.list(thread_id=thread.id, order=ListSortOrder.ASCENDING, limit=1)
    return [text.text.value for message in messages for text in message.text_messages]


@check
def files_are_uploaded_listed_and_removed(client):
    path = pathlib.Path(tempfile.mkdtemp()) / "notes.txt"
    path.write_bytes(b"Hello")
    made = client.files.upload_and_poll(file_path=str(path), purpose=FilePurpose.AGENTS, polling_interval=0.01)
    equal((made.filename, made.bytes, made.purpose), ("notes.txt", 5, "assistants"))
    equal(client.files.get(made.id).id, made.id)
    equal([one.id for one in client.files.list(purpose=FilePurpose.AGENTS).data], [made.id])
    equal(b"".join(client.files.get_content(made.id)), b"Hello")
    client.files.delete(made.id)
    try:
        client.files.get(made.id)
    except ResourceNotFoundError as error:
        equal(error.status_code, 404)
    else:
        raise AssertionError("the file is still there")


@check
def agents_are_made_changed_paged_and_removed(client):
    made = [agent_of(client).id for _ in range(3)]
    found = client.get_agent(made[0])
    equal((found.id, found.name, found.model), (made[0], "Ada", "gpt-4o"))
    equal(client.update_agent(made[0], name="Eve").name, "Eve")
    listed = []
    for agent in client.list_agents(limit=2):
        listed.append(agent.id)
        if len(listed) == 3:
            break
    equal(listed, made[::-1])
    for agent_id in made:
        client.delete_agent(agent_id)
    try:
        client.get_agent(made[0])
    except ResourceNotFoundError as error:
        equal(error.status_code, 404)
        equal(f"No assistant found with id '{made[0]}'." in error.message, True)
    else:
        raise AssertionError("the agent is still there")


@check
def threads_and_messages_are_made_changed_paged_and_removed(client):
    thread = thread_of(client, "Hello")
    equal(client.threads.get(thread.id).id, thread.id)
    equal(client.threads.update(thread.id, metadata={"k": "v"}).metadata, {"k": "v"})
    equal(next(iter(client.threads.list(limit=1))).id, thread.id)
    message = client.messages.create(thread_id=thread.id, role="user", content="Again")
    equal(client.messages.get(thread_id=thread.id, message_id=message.id).content, message.content)
    changed = client.messages.update(thread_id=thread.id, message_id=message.id, metadata={"k": "v"})
    equal(changed.metadata, {"k": "v"})
    equal(said(client, thread), ["Hello", "Again"])
    client.threads.delete(thread.id)


@check
def a_run_is_processed_to_its_end(client):
    agent, thread = agent_of(client), thread_of(client, "Hello")
    run = client.runs.create_and_process(thread_id=thread.id, agent_id=agent.id, polling_interval=0)
    equal((run.status, run.agent_id, run.usage.total_tokens), ("completed", agent.id, 12))
    equal(said(client, thread), ["Hello", "You said: Hello"])
    equal([step.type for step in client.run_steps.list(thread_id=thread.id, run_id=run.id)], ["message_creation"])
    equal([one.id for one in client.runs.list(thread_id=thread.id)], [run.id])
    last = client.messages.get_last_message_text_by_role(thread_id=thread.id, role=MessageRole.AGENT)
    equal(last.text.value, "You said: Hello")


@check
def a_thread_is_made_and_processed_at_once(client):
    agent = agent_of(client)
    thread = {"messages": [{"role": "user", "content": "Hello"}]}
    run = client.create_thread_and_process_run(agent_id=agent.id, thread=thread, polling_interval=0)
    equal((run.status, said(client, client.threads.get(run.thread_id))), ("completed", ["Hello", "You said: Hello"]))


@check
def a_handler_hears_an_answer_as_it_is_written(client):
    agent, thread = agent_of(client), thread_of(client, "One two three")
    with client.runs.stream(thread_id=thread.id, agent_id=agent.id, event_handler=Heard()) as stream:
        stream.until_done()
    equal(stream.text, "You said: One two three")
    equal(stream.run.status, "completed")
    delta = [str(AgentStreamEvent.THREAD_MESSAGE_DELTA.value)] * 5
    message = ["thread.message.created", "thread.message.in_progress", *delta, "thread.message.completed"]
    step = ["thread.run.step.created", "thread.run.step.in_progress", *message, "thread.run.step.completed"]
    run = ["thread.run.created", "thread.run.queued", "thread.run.in_progress", *step, "thread.run.completed"]
    equal(stream.events, [*run, "done"])


@check
def functions_are_called_in_rounds_by_streams(client):
    agent, thread = agent_of(client, functions()), thread_of(client, "weather: Paris, Rome; Oslo")
    with client.runs.stream(thread_id=thread.id, agent_id=agent.id) as plain:
        run = next(data for name, data, _ in plain if name == "thread.run.requires_action")
    heard = None
    for count in (2, 1):
        equal(isinstance(run.required_action, SubmitToolOutputsAction), True)
        calls = run.required_action.submit_tool_outputs.tool_calls
        equal(len(calls), count)
        heard = Heard()
        outputs = [ToolOutput(tool_call_id=call.id, output=call.function.arguments) for call in calls]
        client.runs.submit_tool_outputs_stream(
            thread_id=thread.id, run_id=run.id, tool_outputs=outputs, event_handler=heard
        )
        heard.until_done()
        run = heard.run
    equal((run.status, heard.text), ("completed", 'Outputs: {"city": "Paris"}, {"city": "Rome"}, {"city": "Oslo"}'))


@check
def a_run_is_cancelled(client):
    agent, thread = agent_of(client), thread_of(client, "hang")
    with client.runs.stream(thread_id=thread.id, agent_id=agent.id, event_handler=Heard()) as stream:
        for name, data, _ in stream:
            if name == "thread.run.in_progress":
                client.runs.cancel(thread_id=thread.id, run_id=data.id)
    equal(stream.run.status, "cancelled")


@check
def a_run_whose_model_fails_has_failed(client):
    agent, thread = agent_of(client), thread_of(client, "fail")
    run = client.runs.create_and_process(thread_id=thread.id, agent_id=agent.id, polling_interval=0)
    equal((run.status, run.last_error.code), ("failed", "server_error"))


@check
def a_bad_request_says_why(client):
    try:
        client.create_agent(model="gpt-4o", temperature=3)
    except HttpResponseError as error:
        equal(error.status_code, 400)
        equal("temperature" in error.message, True)
    else:
        raise AssertionError("a temperature of 3 was taken")


@check
def functions_are_called_by_the_client_itself(client):
    # From here on: there is no way to take it back.
    CITIES.clear()
    tools = functions()
    client.enable_auto_function_calls(tools)
    agent, thread = agent_of(client, tools), thread_of(client, "weather: Paris, Rome; Oslo")
    run = client.runs.create_and_process(thread_id=thread.id, agent_id=agent.id, polling_interval=0)
    equal((run.status, CITIES), ("completed", ["Paris", "Rome", "Oslo"]))
    equal(said(client, thread)[1], "Outputs: Paris is mild, Rome is mild, Oslo is mild")


@check
def functions_are_called_by_the_client_itself_while_it_reads_streams(client):
    CITIES.clear()
    agent, thread = agent_of(client, functions()), thread_of(client, "weather: Paris, Rome; Oslo")
    with client.runs.stream(thread_id=thread.id, agent_id=agent.id, event_handler=Heard()) as stream:
        stream.until_done()
    equal((CITIES, stream.text), (["Paris", "Rome", "Oslo"], "Outputs: Paris is mild, Rome is mild, Oslo is mild"))


def drive(url, key):
    endpoint = f"{url.removesuffix('/v1')}/api/projects/test"
    # A credential is only asked for where there is no policy that authenticates.
    with AgentsClient(endpoint, credential=object(), authentication_policy=Bearer(key), retry_total=0) as agents:
        return run_all(agents)


if __name__ == "__main__":
    drive_servers(drive)
