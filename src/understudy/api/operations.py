"""The operations of the HTTP API as one table: what is asked, where, and what comes back.

The OpenAPI document is made from it, and a route is registered for each row, whose handler is found by the operation's
id. Paths are relative to the row's base and in the router's syntax (`{model:path}` takes slashes). Knows no handler.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal

from understudy.wire import assistants, messages, models, queries, runs, steps, threads

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """One row. A body or an answer of a shape that is not ours to define is a JSON schema instead of a Struct.

    `body_optional`: an absent body stands for `{}`. `streams`: the answer may be server-sent events.
    """

    id: str
    method: Literal["GET", "POST", "DELETE"]
    path: str
    summary: str
    response: type | Schema
    body: type | Schema | None = None
    body_optional: bool = False
    query: type | None = None
    streams: bool = False
    tag: str = "Assistants"
    base: Literal["/v1", "/"] = "/v1"
    authenticated: bool = True

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it."""
        return re.sub(r":\w+}", "}", self.path)

    @property
    def path_parameters(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.template)


_CHAT_REQUEST: Schema = {
    "type": "object",
    "required": ["model", "messages"],
    "properties": {
        "model": {"type": "string"},
        "messages": {"type": "array", "minItems": 1, "items": {"type": "object"}},
        "stream": {"type": ["boolean", "null"], "default": False},
    },
    "additionalProperties": True,
}
_CHAT_ANSWER: Schema = {"type": "object", "additionalProperties": True}
_HEALTH: Schema = {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"type": "string"}},
    "additionalProperties": True,
}

# Generated clients have a class for each tag, and the one of the hosted API's operations has no others.
_OWN = "Extensions"

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
        tag=_OWN,
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
        tag=_OWN,
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

_MODEL_OPERATIONS = (
    Operation(
        "createChatCompletion",
        "POST",
        "/chat/completions",
        "Have a model answer a conversation; the body goes to the model's provider as it is.",
        _CHAT_ANSWER,
        _CHAT_REQUEST,
        streams=True,
        tag="Chat",
    ),
    Operation("listModels", "GET", "/models", "The models that can be used.", models.ListModelsResponse, tag="Models"),
    Operation(
        "retrieveModel",
        "GET",
        "/models/{model:path}",
        "One model. Its id may have slashes.",
        models.Model,
        tag="Models",
    ),
    Operation(
        "deleteModel",
        "DELETE",
        "/models/{model:path}",
        "Remove a model. Always refused: models are their providers'.",
        models.DeleteModelResponse,
        tag="Models",
    ),
)

_HEALTH_OPERATIONS = (
    Operation(
        "getLiveness",
        "GET",
        "/health/live",
        "Whether the process answers.",
        _HEALTH,
        tag="Health",
        base="/",
        authenticated=False,
    ),
    Operation(
        "getReadiness",
        "GET",
        "/health/ready",
        "Whether the server can take requests; 503 where it cannot.",
        _HEALTH,
        tag="Health",
        base="/",
        authenticated=False,
    ),
)

OPERATIONS: tuple[Operation, ...] = (
    *_ASSISTANT_OPERATIONS,
    *_THREAD_OPERATIONS,
    *_MESSAGE_OPERATIONS,
    *_RUN_OPERATIONS,
    *_MODEL_OPERATIONS,
    *_HEALTH_OPERATIONS,
)
