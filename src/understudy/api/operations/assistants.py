"""Assistants, threads, messages, runs and steps."""

from typing import Final

from understudy.api.operations.operation import EXTENSIONS, Operation
from understudy.wire import assistants, messages, queries, runs, steps, threads

_ASSISTANT = "/assistants/{assistant_id}"
_THREAD = "/threads/{thread_id}"
_MESSAGES = f"{_THREAD}/messages"
_MESSAGE = f"{_MESSAGES}/{{message_id}}"
_RUNS = f"{_THREAD}/runs"
_RUN = f"{_RUNS}/{{run_id}}"
_STEPS = f"{_RUN}/steps"

_ASSISTANT_OPERATIONS = (
    Operation(
        "listAssistants",
        "GET",
        "/assistants",
        "A page of the assistants.",
        assistants.ListAssistantsResponse,
        query=queries.ListQuery,
    ),
    Operation(
        "createAssistant",
        "POST",
        "/assistants",
        "Make an assistant: a model with its instructions and tools.",
        assistants.AssistantObject,
        assistants.CreateAssistantRequest,
    ),
    Operation("getAssistant", "GET", _ASSISTANT, "One assistant.", assistants.AssistantObject),
    Operation(
        "modifyAssistant",
        "POST",
        _ASSISTANT,
        "Change an assistant; what is not sent stays.",
        assistants.AssistantObject,
        assistants.ModifyAssistantRequest,
    ),
    Operation("deleteAssistant", "DELETE", _ASSISTANT, "Remove an assistant.", assistants.DeleteAssistantResponse),
)

_THREAD_OPERATIONS = (
    Operation(
        "listThreads",
        "GET",
        "/threads",
        "A page of the threads, by their metadata or by a text in them. The hosted API has no such operation.",
        threads.ListThreadsResponse,
        query=queries.ListThreadsQuery,
        tag=EXTENSIONS,
    ),
    Operation(
        "createThread",
        "POST",
        "/threads",
        "Begin a thread, with or without its first messages.",
        threads.ThreadObject,
        threads.CreateThreadRequest,
        body_optional=True,
    ),
    Operation(
        "createThreadAndRun",
        "POST",
        "/threads/runs",
        "Begin a thread and run an assistant on it at once.",
        runs.RunObject,
        runs.CreateThreadAndRunRequest,
        streams=True,
    ),
    Operation("getThread", "GET", _THREAD, "One thread.", threads.ThreadObject),
    Operation(
        "modifyThread",
        "POST",
        _THREAD,
        "Change a thread's metadata or tool resources.",
        threads.ThreadObject,
        threads.ModifyThreadRequest,
    ),
    Operation(
        "deleteThread",
        "DELETE",
        _THREAD,
        "Remove a thread with its messages and runs.",
        threads.DeleteThreadResponse,
    ),
)

_MESSAGE_OPERATIONS = (
    Operation(
        "listMessages",
        "GET",
        _MESSAGES,
        "A page of a thread's messages.",
        messages.ListMessagesResponse,
        query=queries.ListMessagesQuery,
    ),
    Operation(
        "createMessage",
        "POST",
        _MESSAGES,
        "Add a message to a thread.",
        messages.MessageObject,
        messages.CreateMessageRequest,
    ),
    Operation("getMessage", "GET", _MESSAGE, "One message.", messages.MessageObject),
    Operation(
        "modifyMessage",
        "POST",
        _MESSAGE,
        "Change a message's metadata.",
        messages.MessageObject,
        messages.ModifyMessageRequest,
    ),
    Operation("deleteMessage", "DELETE", _MESSAGE, "Remove a message.", messages.DeleteMessageResponse),
)

_RUN_OPERATIONS = (
    Operation("listRuns", "GET", _RUNS, "A page of a thread's runs.", runs.ListRunsResponse, query=queries.ListQuery),
    Operation(
        "createRun",
        "POST",
        _RUNS,
        "Run an assistant on a thread.",
        runs.RunObject,
        runs.CreateRunRequest,
        query=queries.IncludeQuery,
        streams=True,
    ),
    Operation("getRun", "GET", _RUN, "One run.", runs.RunObject),
    Operation(
        "streamRunEvents",
        "GET",
        f"{_RUN}/events",
        "Follow a run, live or finished, from its start or after an event. The hosted API has no such operation.",
        runs.RunObject,
        query=queries.RunEventsQuery,
        streams=True,
        tag=EXTENSIONS,
    ),
    Operation("modifyRun", "POST", _RUN, "Change a run's metadata.", runs.RunObject, runs.ModifyRunRequest),
    Operation("cancelRun", "POST", f"{_RUN}/cancel", "Stop a run that has not ended.", runs.RunObject),
    Operation(
        "submitToolOuputsToRun",
        "POST",
        f"{_RUN}/submit_tool_outputs",
        "Hand in the outputs of all the tool calls that a run waits for.",
        runs.RunObject,
        runs.SubmitToolOutputsRunRequest,
        streams=True,
    ),
    Operation(
        "listRunSteps",
        "GET",
        _STEPS,
        "A page of a run's steps.",
        steps.ListRunStepsResponse,
        query=queries.ListRunStepsQuery,
    ),
    Operation(
        "getRunStep",
        "GET",
        f"{_STEPS}/{{step_id}}",
        "One step of a run.",
        steps.RunStepObject,
        query=queries.IncludeQuery,
    ),
)

OPERATIONS: Final = (*_ASSISTANT_OPERATIONS, *_THREAD_OPERATIONS, *_MESSAGE_OPERATIONS, *_RUN_OPERATIONS)
