"""Drives a server with the client that openapi-generator made of the server's own document.

A call's answer is validated by the model that was generated for it, so each of them also proves the document.
"""

import time

from checks import check, drive_servers, equal, run_all
from generated import ApiClient, ApiException, AssistantsApi, Configuration
from generated.exceptions import NotFoundException
from generated.models.create_assistant_request import CreateAssistantRequest
from generated.models.create_message_request import CreateMessageRequest
from generated.models.create_message_request_content import CreateMessageRequestContent
from generated.models.create_message_request_content_any_of_inner import CreateMessageRequestContentAnyOfInner
from generated.models.create_run_request import CreateRunRequest
from generated.models.create_thread_and_run_request import CreateThreadAndRunRequest
from generated.models.create_thread_request import CreateThreadRequest
from generated.models.message_request_content_text_object import MessageRequestContentTextObject
from generated.models.modify_assistant_request import ModifyAssistantRequest
from generated.models.modify_message_request import ModifyMessageRequest
from generated.models.modify_run_request import ModifyRunRequest
from generated.models.modify_thread_request import ModifyThreadRequest
from generated.models.submit_tool_outputs_run_request import SubmitToolOutputsRunRequest

WITHIN = 20.0
METADATA = {"metadata": {"k": "v"}}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def assistant_of(api):
    body = {"model": "gpt-4o", "name": "Ada", "tools": [WEATHER], "temperature": 0.5}
    return api.create_assistant(CreateAssistantRequest.from_dict(body))


def thread_of(api, text):
    return api.create_thread(CreateThreadRequest.from_dict({"messages": [{"role": "user", "content": text}]}))


def rested(api, run):
    """The run once it ended or waits for outputs."""
    deadline = time.monotonic() + WITHIN
    while run.status in {"queued", "in_progress", "cancelling"}:
        assert time.monotonic() < deadline, run
        run = api.get_run(run.thread_id, run.id)
    return run


@check
def assistants(api):
    made = assistant_of(api)
    equal((made.object, made.name, made.temperature), ("assistant", "Ada", 0.5))
    equal(made.tools[0].actual_instance.function.name, "get_weather")
    equal(api.get_assistant(made.id), made)
    changed = api.modify_assistant(made.id, ModifyAssistantRequest.from_dict({"name": "Eve", **METADATA}))
    equal((changed.name, changed.metadata), ("Eve", {"k": "v"}))
    equal(api.list_assistants(limit=1, order="desc").data[0].id, made.id)
    equal(api.delete_assistant(made.id).deleted, True)


@check
def threads(api):
    equal(api.create_thread().metadata, {})
    made = thread_of(api, "Hello")
    equal(api.get_thread(made.id).id, made.id)
    equal(api.modify_thread(made.id, ModifyThreadRequest.from_dict(METADATA)).metadata, {"k": "v"})
    equal(api.delete_thread(made.id).deleted, True)


@check
def messages(api):
    thread = thread_of(api, "Hello")
    part = CreateMessageRequestContentAnyOfInner(MessageRequestContentTextObject(type="text", text="Again"))
    body = CreateMessageRequest(role="user", content=CreateMessageRequestContent([part]))
    made = api.create_message(thread.id, body)
    equal(made.content[0].actual_instance.text.value, "Again")
    equal(api.get_message(thread.id, made.id), made)
    changed = api.modify_message(thread.id, made.id, ModifyMessageRequest.from_dict(METADATA))
    equal(changed.metadata, {"k": "v"})
    page = api.list_messages(thread.id, limit=1, order="asc")
    equal((page.data[0].content[0].actual_instance.text.value, page.has_more), ("Hello", True))
    equal(api.list_messages(thread.id, after=page.last_id, order="asc").data[0].id, made.id)
    equal(api.delete_message(thread.id, made.id).deleted, True)


@check
def runs_and_steps(api):
    assistant, thread = assistant_of(api), thread_of(api, "weather: Paris, Rome")
    run = api.create_run(thread.id, CreateRunRequest.from_dict({"assistant_id": assistant.id}))
    run = rested(api, run)
    equal(run.status, "requires_action")
    calls = run.required_action.submit_tool_outputs.tool_calls
    outputs = {"tool_outputs": [{"tool_call_id": call.id, "output": call.function.arguments} for call in calls]}
    submitted = api.submit_tool_ouputs_to_run(thread.id, run.id, SubmitToolOutputsRunRequest.from_dict(outputs))
    equal(submitted.status in {"queued", "in_progress", "completed"}, True)
    run = rested(api, submitted)
    equal((run.status, run.usage.total_tokens), ("completed", 24))
    equal(api.modify_run(thread.id, run.id, ModifyRunRequest.from_dict(METADATA)).metadata, {"k": "v"})
    equal([one.id for one in api.list_runs(thread.id).data], [run.id])
    steps = api.list_run_steps(thread.id, run.id, order="asc").data
    equal([step.type for step in steps], ["tool_calls", "message_creation"])
    equal([api.get_run_step(thread.id, run.id, step.id) for step in steps], steps)
    answer = api.list_messages(thread.id, run_id=run.id).data[0]
    equal(answer.content[0].actual_instance.text.value, 'Outputs: {"city": "Paris"}, {"city": "Rome"}')


@check
def a_thread_and_its_run_at_once(api):
    body = {
        "assistant_id": assistant_of(api).id,
        "thread": {"messages": [{"role": "user", "content": "Hello"}]},
        "tool_choice": "none",
        "truncation_strategy": {"type": "last_messages", "last_messages": 3},
    }
    run = rested(api, api.create_thread_and_run(CreateThreadAndRunRequest.from_dict(body)))
    equal((run.status, run.truncation_strategy.last_messages), ("completed", 3))


@check
def cancelling(api):
    thread = thread_of(api, "hang")
    run = api.create_run(thread.id, CreateRunRequest.from_dict({"assistant_id": assistant_of(api).id}))
    equal(api.cancel_run(thread.id, run.id).status in {"cancelling", "cancelled"}, True)
    equal(rested(api, run).status, "cancelled")


@check
def errors(api):
    try:
        api.get_thread("thread_" + "0" * 24)
    except NotFoundException as error:
        equal((error.status, error.data.error.type), (404, "invalid_request_error"))
    try:
        api.modify_thread("no-id", ModifyThreadRequest.from_dict({}))
    except ApiException as error:
        equal((error.status, error.data.error.param), (400, "thread_id"))


class Counted(AssistantsApi):
    """Notes which of the operations were called."""

    def __init__(self, client):
        super().__init__(client)
        self.called = set()

    def __getattribute__(self, name):
        found = super().__getattribute__(name)
        if callable(found) and f"{name}_with_http_info" in dir(type(self)):
            self.called.add(name)
        return found


@check
def every_operation_was_called(api):
    generated = {
        name.removesuffix("_with_http_info") for name in dir(AssistantsApi) if name.endswith("_with_http_info")
    }
    equal(api.called, generated)
    equal(len(api.called), 23)


def drive(url, key):
    with ApiClient(Configuration(host=url, access_token=key)) as client:
        return run_all(Counted(client))


if __name__ == "__main__":
    drive_servers(drive)
