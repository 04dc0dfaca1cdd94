"""The 30 tools, as one table. Lists, schemas, requests, pages and commands are all made of these rows.

Source: the published toolkit's table, for slugs, names, parameters, types, enums and what is required; the API's own
schemas, for limits and items.
"""

from typing import Final

from understudy_toolkit.catalog.shapes import (
    ATTACHMENTS,
    CHAT_MESSAGES,
    COUNT,
    EFFORT,
    MESSAGES,
    PENALTY,
    TEMPERATURE,
    TOOL_OUTPUTS,
    TOOL_RESOURCES,
    TOOLS,
    TRUNCATION,
    UNIT,
    cursors,
    identifier,
    metadata,
    response_format,
    tool_choice,
)
from understudy_toolkit.catalog.tool import Parameter, Tool, ToolSet

_PREFIX: Final = "AI_ML_API_"
_ASSISTANT_ID: Final = identifier("assistant_id", "The assistant: its id, like `asst_…`.")
_THREAD_ID: Final = identifier("thread_id", "The thread: its id, like `thread_…`.")
_MESSAGE_ID: Final = identifier("message_id", "The message: its id, like `msg_…`.")
_RUN_ID: Final = identifier("run_id", "The run: its id, like `run_…`.")
_STEP_ID: Final = identifier("step_id", "The step: its id, like `step_…`.")

_ASSISTANT: Final = "/assistants/{assistant_id}"
_THREAD: Final = "/threads/{thread_id}"
_MESSAGE: Final = f"{_THREAD}/messages/{{message_id}}"
_RUN: Final = f"{_THREAD}/runs/{{run_id}}"

_ASSISTANT_MODELS: Final = [
    "openai/gpt-4o",
    "gpt-4o-2024-08-06",
    "gpt-4o-2024-05-13",
    "gpt-4o-mini",
    "gpt-4o-mini-2024-07-18",
    "gpt-4-turbo",
    "gpt-4-turbo-2024-04-09",
    "gpt-4",
    "gpt-4-0125-preview",
    "gpt-4-1106-preview",
    "gpt-3.5-turbo",
    "gpt-3.5-turbo-0125",
    "gpt-3.5-turbo-1106",
    "o3-mini",
    "openai/gpt-4.1-2025-04-14",
    "openai/gpt-4.1-mini-2025-04-14",
    "openai/gpt-4.1-nano-2025-04-14",
    "o1",
]
_FORMAT: Final = "What answers look like: `auto`, `text`, `json_object`, or an object with the `json_schema` to follow."
_OBJECT: Final = {"type": "object"}
_TEMPERATURE: Final = Parameter(
    "temperature",
    "number",
    "0 to 2: low values make answers deterministic, high values varied.",
    limits=TEMPERATURE,
)
_TOP_P: Final = Parameter(
    "top_p",
    "number",
    "0 to 1: samples only from the likeliest tokens with this total probability.",
    limits=UNIT,
)
_EFFORT: Final = Parameter("reasoning_effort", "string", "Reasoning effort of a reasoning model.", limits=EFFORT)
_NAME: Final = Parameter("name", "string", "What to call the assistant.", limits={"maxLength": 256})
_DESCRIPTION: Final = Parameter(
    "description", "string", "Purpose of the assistant; not sent to the model.", limits={"maxLength": 512}
)
_INSTRUCTIONS: Final = Parameter(
    "instructions",
    "string",
    "System instructions for the model in every run.",
    limits={"maxLength": 256_000},
)
_ASSISTANT_TOOLS: Final = Parameter(
    "tools",
    "array",
    "Tools of the assistant: code_interpreter, file_search, and your functions.",
    limits=TOOLS,
)
_RESOURCES: Final = Parameter(
    "tool_resources",
    "object",
    "Files for code_interpreter and vector stores for file_search.",
    limits=TOOL_RESOURCES,
)

_ASSISTANTS: Final = (
    Tool(
        f"{_PREFIX}CREATE_ASSISTANT",
        "Create Assistant",
        "Create an assistant: a model with instructions and tools, for any number of conversations."
        " Then create a thread and a run.",
        "POST",
        "/assistants",
        (
            _NAME,
            Parameter(
                "model",
                "string",
                "The model: one of these, or another model of the server. A server without providers has only"
                " `rehearsal`.",
                required=True,
                limits={"enum": _ASSISTANT_MODELS},
                also={"type": "string", "minLength": 1},
                names_a_model=True,
            ),
            _ASSISTANT_TOOLS,
            _TOP_P,
            metadata("the assistant"),
            _DESCRIPTION,
            _TEMPERATURE,
            _INSTRUCTIONS,
            _RESOURCES,
            Parameter("response_format", "string", _FORMAT, also=_OBJECT, sent=response_format),
            _EFFORT,
        ),
        effect="adds",
        important=True,
    ),
    Tool(
        f"{_PREFIX}LIST_ASSISTANTS",
        "List Assistants",
        "List the assistants of the account, in pages.",
        "GET",
        "/assistants",
        cursors("assistants"),
    ),
    Tool(
        f"{_PREFIX}GET_ASSISTANT",
        "Get Assistant",
        "Get an assistant by id: its model, instructions, tools and settings.",
        "GET",
        _ASSISTANT,
        (_ASSISTANT_ID,),
    ),
    Tool(
        f"{_PREFIX}UPDATE_ASSISTANT",
        "Update Assistant",
        "Modify an assistant. Absent parameters stay unchanged; a list or an object replaces the old one.",
        "POST",
        _ASSISTANT,
        (
            _NAME,
            Parameter("model", "string", "The model that is to answer from now on.", limits={"minLength": 1}),
            _ASSISTANT_TOOLS,
            _TOP_P,
            metadata("the assistant"),
            _DESCRIPTION,
            _TEMPERATURE,
            _ASSISTANT_ID,
            _INSTRUCTIONS,
            _RESOURCES,
            Parameter("response_format", "object", _FORMAT, also={"type": "string"}, sent=response_format),
            _EFFORT,
        ),
        effect="changes",
    ),
    Tool(
        f"{_PREFIX}DELETE_ASSISTANT",
        "Delete Assistant",
        "Delete an assistant permanently. Its threads remain.",
        "DELETE",
        _ASSISTANT,
        (_ASSISTANT_ID,),
        effect="removes",
    ),
)

_THREADS: Final = (
    Tool(
        f"{_PREFIX}CREATE_THREAD",
        "Create Thread",
        "Create a thread (a conversation), empty or with messages. To get an answer, create a run on it.",
        "POST",
        "/threads",
        (
            Parameter("messages", "array", "The messages to begin with, oldest first.", limits=MESSAGES),
            metadata("the thread"),
            _RESOURCES,
        ),
        effect="adds",
        important=True,
    ),
    Tool(
        f"{_PREFIX}GET_THREAD",
        "Get Thread",
        "Get a thread by id: its metadata and tool resources. Another tool lists its messages.",
        "GET",
        _THREAD,
        (_THREAD_ID,),
    ),
    Tool(
        f"{_PREFIX}UPDATE_THREAD",
        "Update Thread",
        "Modify a thread's metadata, or the files and vector stores of its tools.",
        "POST",
        _THREAD,
        (metadata("the thread"), _THREAD_ID, _RESOURCES),
        effect="changes",
    ),
    Tool(
        f"{_PREFIX}DELETE_THREAD",
        "Delete Thread",
        "Delete a thread permanently, with its messages and runs.",
        "DELETE",
        _THREAD,
        (_THREAD_ID,),
        effect="removes",
    ),
)

_MESSAGES: Final = (
    Tool(
        f"{_PREFIX}CREATE_MESSAGE",
        "Create Message",
        "Add a message to a thread. To get an answer, create a run afterwards.",
        "POST",
        f"{_THREAD}/messages",
        (
            Parameter(
                "role",
                "string",
                "`user` for messages of a person, `assistant` for earlier answers from elsewhere.",
                required=True,
                limits={"enum": ["user", "assistant"]},
            ),
            Parameter(
                "content",
                "string",
                "Content of the message: a text, or a list of text and image parts.",
                required=True,
                also={"type": "array", "items": {"type": "object"}, "minItems": 1},
            ),
            metadata("the message"),
            _THREAD_ID,
            Parameter(
                "attachments", "array", "Files of the message, each with the tools that can use it.", limits=ATTACHMENTS
            ),
        ),
        effect="adds",
        important=True,
    ),
    Tool(
        f"{_PREFIX}LIST_MESSAGES",
        "List Thread Messages",
        "List the messages of a thread (a conversation), in pages, newest first by default.",
        "GET",
        f"{_THREAD}/messages",
        (
            *cursors("messages"),
            Parameter("run_id", "string", "Give only the messages that this run wrote."),
            _THREAD_ID,
        ),
        important=True,
    ),
    Tool(
        f"{_PREFIX}GET_MESSAGE",
        "Get Message",
        "Get one message of a thread by id.",
        "GET",
        _MESSAGE,
        (_THREAD_ID, _MESSAGE_ID),
    ),
    Tool(
        f"{_PREFIX}UPDATE_MESSAGE",
        "Update Message",
        "Replace the metadata of a message. Other members cannot be modified.",
        "POST",
        _MESSAGE,
        (metadata("the message"), _THREAD_ID, _MESSAGE_ID),
        effect="changes",
    ),
    Tool(
        f"{_PREFIX}DELETE_MESSAGE",
        "Delete Message",
        "Delete one message of a thread permanently.",
        "DELETE",
        _MESSAGE,
        (_THREAD_ID, _MESSAGE_ID),
        effect="removes",
    ),
)

_RUNS: Final = (
    Tool(
        f"{_PREFIX}CREATE_RUN",
        "Create Run",
        "Create a run: an assistant answers in a thread. Poll the run until it is completed, then list the messages."
        " A run with the status requires_action waits for the outputs of its function calls.",
        "POST",
        f"{_THREAD}/runs",
        (
            Parameter("model", "string", "A model for this run, in place of the assistant's.", limits={"minLength": 1}),
            Parameter("tools", "array", "Tools for this run, in place of the assistant's.", limits=TOOLS),
            _TOP_P,
            metadata("the run"),
            _THREAD_ID,
            _TEMPERATURE,
            Parameter(
                "tool_choice",
                "string",
                "`auto` lets the model decide, `none` forbids tools, `required` forces a call; or the name of the"
                " tool to call.",
                also=_OBJECT,
                sent=tool_choice,
            ),
            Parameter(
                "assistant_id",
                "string",
                "Id of the assistant that answers.",
                required=True,
                limits={"minLength": 1},
            ),
            Parameter("instructions", "string", "Instructions for this run, in place of the assistant's."),
            Parameter("response_format", "string", _FORMAT, also=_OBJECT, sent=response_format),
            Parameter(
                "max_prompt_tokens",
                "integer",
                "Maximum prompt tokens of the whole run.",
                limits=COUNT,
            ),
            Parameter("additional_messages", "array", "Messages to add to the thread before the run.", limits=MESSAGES),
            Parameter("parallel_tool_calls", "boolean", "Whether functions may be called side by side."),
            Parameter(
                "truncation_strategy",
                "object",
                "Messages in the prompt of a long thread: `auto`, or only the `last_messages`.",
                limits=TRUNCATION,
            ),
            Parameter(
                "max_completion_tokens",
                "integer",
                "Maximum completion tokens of the whole run.",
                limits=COUNT,
            ),
        ),
        effect="adds",
        calls_model=True,
        important=True,
    ),
    Tool(
        f"{_PREFIX}LIST_RUNS",
        "List Runs",
        "List the runs of a thread, in pages.",
        "GET",
        f"{_THREAD}/runs",
        (*cursors("runs"), _THREAD_ID),
    ),
    Tool(
        f"{_PREFIX}GET_RUN",
        "Get Run",
        "Get a run: its status, the function calls that it waits for, its error or its usage.",
        "GET",
        _RUN,
        (_RUN_ID, _THREAD_ID),
        important=True,
    ),
    Tool(
        f"{_PREFIX}UPDATE_RUN",
        "Update Run",
        "Replace the metadata of a run. Other members cannot be modified.",
        "POST",
        _RUN,
        (_RUN_ID, metadata("the run"), _THREAD_ID),
        effect="changes",
    ),
    Tool(
        f"{_PREFIX}CANCEL_RUN",
        "Cancel Run",
        "Cancel an active run, so that the thread accepts messages and runs again.",
        "POST",
        f"{_RUN}/cancel",
        (_RUN_ID, _THREAD_ID),
        effect="changes",
    ),
    Tool(
        f"{_PREFIX}SUBMIT_TOOL_OUTPUTS",
        "Submit Tool Outputs",
        "Submit the outputs of all function calls of a run with the status requires_action, so that it continues.",
        "POST",
        f"{_RUN}/submit_tool_outputs",
        (
            _RUN_ID,
            Parameter(
                "stream",
                "boolean",
                "If true, waits for the end of the run and returns all its events.",
                limits={"default": False},
            ),
            _THREAD_ID,
            Parameter(
                "tool_outputs",
                "array",
                "One output for each pending call, with the call's id.",
                required=True,
                limits=TOOL_OUTPUTS,
            ),
        ),
        effect="adds",
        calls_model=True,
        important=True,
    ),
    Tool(
        f"{_PREFIX}LIST_RUN_STEPS",
        "List Run Steps",
        "List the steps of a run: the messages it created and the tools it called.",
        "GET",
        f"{_RUN}/steps",
        (*cursors("steps"), _RUN_ID, _THREAD_ID),
    ),
    Tool(
        f"{_PREFIX}GET_RUN_STEP",
        "Get Run Step",
        "Get one step of a run by id, with the inputs and outputs of its tools.",
        "GET",
        f"{_RUN}/steps/{{step_id}}",
        (_RUN_ID, _STEP_ID, _THREAD_ID),
    ),
)

_INCLUDES: Final = [
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "message.output_text.logprobs",
    "reasoning.encrypted_content",
]

_OTHERS: Final = (
    Tool(
        f"{_PREFIX}TEXT_CHAT_COMPLETION",
        "Text Chat Completion",
        "Create a chat completion: a model answers the conversation in the request. Nothing is stored.",
        "POST",
        "/v1/chat/completions",
        (
            Parameter("n", "integer", "How many answers to give.", limits=COUNT),
            Parameter(
                "stop",
                "array",
                "Up to four stop sequences; the answer ends before the first one that occurs.",
                limits={"items": {"type": "string"}, "maxItems": 4},
                also={"type": "string"},
            ),
            Parameter("user", "string", "Who the answer is for, as an id of yours."),
            Parameter("model", "string", "The model that answers: its id.", required=True, limits={"minLength": 1}),
            _TOP_P,
            Parameter(
                "stream",
                "boolean",
                "If true, streams the answer; the result contains all chunks.",
                limits={"default": False},
            ),
            Parameter(
                "messages", "array", "The conversation, oldest message first.", required=True, limits=CHAT_MESSAGES
            ),
            Parameter(
                "logit_bias",
                "object",
                "Bias of tokens by token id, from -100 (never) to 100 (always).",
                limits={"additionalProperties": {"type": "number", "minimum": -100, "maximum": 100}},
            ),
            Parameter("max_tokens", "integer", "How many tokens the answer may have.", limits=COUNT),
            _TEMPERATURE,
            Parameter(
                "presence_penalty",
                "number",
                "-2 to 2: high values discourage topics that already occurred.",
                limits=PENALTY,
            ),
            Parameter(
                "frequency_penalty",
                "number",
                "-2 to 2: high values discourage repeated tokens.",
                limits=PENALTY,
            ),
        ),
        effect="adds",
        calls_model=True,
        important=True,
    ),
    Tool(
        f"{_PREFIX}GET_RESPONSE",
        "Get Response by ID",
        "Get a response of the Responses API: its output, status and usage.",
        "GET",
        "/v1/responses/{response_id}",
        (
            Parameter(
                "include",
                "array",
                f"Additional output: {', '.join(f'`{value}`' for value in _INCLUDES)}.",
                limits={"items": {"type": "string"}},
            ),
            identifier("response_id", "The response: its id, like `resp_…`."),
            Parameter(
                "starting_after", "integer", "Returns only events after this sequence number.", limits={"minimum": 0}
            ),
            Parameter("include_obfuscation", "boolean", "Whether deltas are padded to hide their length."),
        ),
    ),
    Tool(
        f"{_PREFIX}LIST_MODELS",
        "List Models",
        "List all available models of the server, of every type.",
        "GET",
        "/models",
        important=True,
    ),
    Tool(
        f"{_PREFIX}LIST_MODELS_WITH_DETAILS",
        "List Models With Details",
        "List all available models with developer, context length, features and price.",
        "GET",
        "/models/with-details",
    ),
    Tool(
        f"{_PREFIX}LIST_BATCHES",
        "List Batches",
        "Get the status of a batch of requests, and its results after its end.",
        "GET",
        "/v1/batches",
        (
            Parameter(
                "batch_id",
                "string",
                "Id of the batch, starting with `msgbatch_`.",
                required=True,
                limits={"pattern": "^msgbatch_[A-Za-z0-9_-]+$"},
            ),
        ),
    ),
    Tool(
        f"{_PREFIX}GET_BILLING_BALANCE",
        "Get Billing Balance",
        "Get the remaining balance in credits, and whether it is low.",
        "GET",
        "/v1/billing/balance",
    ),
    Tool(
        f"{_PREFIX}GET_LUMA_GENERATION",
        "Get Luma Generation",
        "Get the status of Luma videos, and the URLs of finished ones.",
        "GET",
        "/luma-ai/generation",
        (
            Parameter(
                "ids",
                "string",
                "Comma-separated ids of the generations.",
                required=True,
                limits={"minLength": 1},
            ),
        ),
    ),
    Tool(
        f"{_PREFIX}LIST_LUMA_GENERATIONS",
        "List Luma AI Generations",
        "List the account's Luma videos.",
        "GET",
        "/luma-ai/generations",
    ),
)

AI_ML_API: Final = ToolSet(
    slug="AI_ML_API",
    name="AI/ML API",
    version="20260312_00",
    description="Assistants, threads, runs, chat completions, models, batches and videos of one API.",
    categories=("artificial intelligence",),
    tools=tuple(
        sorted((*_ASSISTANTS, *_THREADS, *_MESSAGES, *_RUNS, *_OTHERS), key=lambda tool: tool.slug),
    ),
)
