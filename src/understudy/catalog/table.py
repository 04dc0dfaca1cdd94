"""The 30 tools, as one table. Lists, schemas, requests, pages and commands are all made of these rows.

Source: the published toolkit's table, for slugs, names, parameters, types, enums and what is required; the API's own
schemas, for limits and items.
"""

from typing import Final

from understudy.catalog.shapes import (
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
from understudy.catalog.tool import Parameter, Tool, ToolSet

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
    "From 0 to 2: low makes answers predictable, high makes them varied.",
    limits=TEMPERATURE,
)
_TOP_P: Final = Parameter(
    "top_p",
    "number",
    "From 0 to 1: only the likeliest tokens that together have this probability are drawn from.",
    limits=UNIT,
)
_EFFORT: Final = Parameter(
    "reasoning_effort", "string", "How long a reasoning model thinks before it answers.", limits=EFFORT
)
_NAME: Final = Parameter("name", "string", "What to call the assistant.", limits={"maxLength": 256})
_DESCRIPTION: Final = Parameter(
    "description", "string", "What the assistant is for; models do not read it.", limits={"maxLength": 512}
)
_INSTRUCTIONS: Final = Parameter(
    "instructions",
    "string",
    "How the assistant is to behave; the model reads it before every answer.",
    limits={"maxLength": 256_000},
)
_ASSISTANT_TOOLS: Final = Parameter(
    "tools",
    "array",
    "What the assistant can use: code_interpreter, file_search, and functions of yours.",
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
        "Make an assistant: a model with instructions and tools, kept under an id for any number of conversations."
        " Begin here, then make a thread and run the assistant on it.",
        "POST",
        "/assistants",
        (
            _NAME,
            Parameter(
                "model",
                "string",
                "The model that answers: one of these, or any other that the server has. A server without providers of"
                " models has `rehearsal` only.",
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
        "List the assistants of the account, a page at a time.",
        "GET",
        "/assistants",
        cursors("assistants"),
    ),
    Tool(
        f"{_PREFIX}GET_ASSISTANT",
        "Get Assistant",
        "Look an assistant up by its id: its model, instructions, tools and settings.",
        "GET",
        _ASSISTANT,
        (_ASSISTANT_ID,),
    ),
    Tool(
        f"{_PREFIX}UPDATE_ASSISTANT",
        "Update Assistant",
        "Change an assistant. What is not given stays as it is; a list or an object replaces the one before.",
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
        "Delete an assistant for good. Threads that it answered in stay.",
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
        "Begin a conversation, empty or with its first messages. An assistant answers when it is run on the thread.",
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
        "Look a thread up by its id: its metadata and tool resources. Its messages are listed by another tool.",
        "GET",
        _THREAD,
        (_THREAD_ID,),
    ),
    Tool(
        f"{_PREFIX}UPDATE_THREAD",
        "Update Thread",
        "Change a thread's metadata or the files and vector stores that tools find in it.",
        "POST",
        _THREAD,
        (metadata("the thread"), _THREAD_ID, _RESOURCES),
        effect="changes",
    ),
    Tool(
        f"{_PREFIX}DELETE_THREAD",
        "Delete Thread",
        "Delete a thread for good, with its messages and runs.",
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
        "Add a message to a thread. Nobody answers until an assistant is run on it.",
        "POST",
        f"{_THREAD}/messages",
        (
            Parameter(
                "role",
                "string",
                "`user` for what a person says, `assistant` for an answer that was given elsewhere.",
                required=True,
                limits={"enum": ["user", "assistant"]},
            ),
            Parameter(
                "content",
                "string",
                "What the message says: a text, or a list of text and image parts.",
                required=True,
                also={"type": "array", "items": {"type": "object"}, "minItems": 1},
            ),
            metadata("the message"),
            _THREAD_ID,
            Parameter(
                "attachments", "array", "Files of the message, each with the tools that may use it.", limits=ATTACHMENTS
            ),
        ),
        effect="adds",
        important=True,
    ),
    Tool(
        f"{_PREFIX}LIST_MESSAGES",
        "List Thread Messages",
        "Read a conversation: the messages of a thread, a page at a time, newest first unless asked otherwise.",
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
        "Look one message of a thread up by its id.",
        "GET",
        _MESSAGE,
        (_THREAD_ID, _MESSAGE_ID),
    ),
    Tool(
        f"{_PREFIX}UPDATE_MESSAGE",
        "Update Message",
        "Replace the metadata of a message. Nothing else of a message can be changed.",
        "POST",
        _MESSAGE,
        (metadata("the message"), _THREAD_ID, _MESSAGE_ID),
        effect="changes",
    ),
    Tool(
        f"{_PREFIX}DELETE_MESSAGE",
        "Delete Message",
        "Delete one message of a thread for good.",
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
        "Have an assistant read a thread and answer in it. The answer takes a while: look at the run until it is"
        " completed, then list the messages. A run that requires action waits for the outputs of its function calls.",
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
                "`auto` leaves tools to the model, `none` forbids and `required` demands one; or the name of the tool"
                " that has to be called.",
                also=_OBJECT,
                sent=tool_choice,
            ),
            Parameter(
                "assistant_id",
                "string",
                "The assistant that is to answer: its id.",
                required=True,
                limits={"minLength": 1},
            ),
            Parameter("instructions", "string", "Instructions for this run, in place of the assistant's."),
            Parameter("response_format", "string", _FORMAT, also=_OBJECT, sent=response_format),
            Parameter(
                "max_prompt_tokens",
                "integer",
                "How many prompt tokens the run may use in all.",
                limits=COUNT,
            ),
            Parameter("additional_messages", "array", "Messages to add to the thread before the run.", limits=MESSAGES),
            Parameter("parallel_tool_calls", "boolean", "Whether functions may be called side by side."),
            Parameter(
                "truncation_strategy",
                "object",
                "Which messages the model reads when the thread is too long for it: `auto`, or the `last_messages`.",
                limits=TRUNCATION,
            ),
            Parameter(
                "max_completion_tokens",
                "integer",
                "How many tokens the run may write in all.",
                limits=COUNT,
            ),
        ),
        effect="adds",
        asks_a_model=True,
        important=True,
    ),
    Tool(
        f"{_PREFIX}LIST_RUNS",
        "List Runs",
        "List the runs of a thread, a page at a time.",
        "GET",
        f"{_THREAD}/runs",
        (*cursors("runs"), _THREAD_ID),
    ),
    Tool(
        f"{_PREFIX}GET_RUN",
        "Get Run",
        "See how a run stands: its status, the function calls that it waits for, its error or its usage.",
        "GET",
        _RUN,
        (_RUN_ID, _THREAD_ID),
        important=True,
    ),
    Tool(
        f"{_PREFIX}UPDATE_RUN",
        "Update Run",
        "Replace the metadata of a run. Nothing else of a run can be changed.",
        "POST",
        _RUN,
        (_RUN_ID, metadata("the run"), _THREAD_ID),
        effect="changes",
    ),
    Tool(
        f"{_PREFIX}CANCEL_RUN",
        "Cancel Run",
        "Stop a run that has not ended, so that the thread is free again.",
        "POST",
        f"{_RUN}/cancel",
        (_RUN_ID, _THREAD_ID),
        effect="changes",
    ),
    Tool(
        f"{_PREFIX}SUBMIT_TOOL_OUTPUTS",
        "Submit Tool Outputs",
        "Hand in what the functions returned that a run asked for, all at once, so that it goes on. For runs whose"
        " status is requires_action.",
        "POST",
        f"{_RUN}/submit_tool_outputs",
        (
            _RUN_ID,
            Parameter(
                "stream",
                "boolean",
                "Whether to wait for the end of the run and get all of its events.",
                limits={"default": False},
            ),
            _THREAD_ID,
            Parameter(
                "tool_outputs",
                "array",
                "An output for each call that the run waits for, with the id of the call.",
                required=True,
                limits=TOOL_OUTPUTS,
            ),
        ),
        effect="adds",
        asks_a_model=True,
        important=True,
    ),
    Tool(
        f"{_PREFIX}LIST_RUN_STEPS",
        "List Run Steps",
        "List what a run did, step by step: the messages it wrote and the tools it called.",
        "GET",
        f"{_RUN}/steps",
        (*cursors("steps"), _RUN_ID, _THREAD_ID),
    ),
    Tool(
        f"{_PREFIX}GET_RUN_STEP",
        "Get Run Step",
        "Look one step of a run up by its id, with the inputs and outputs of its tools.",
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
        "Have a model answer a conversation that is sent whole, with nothing kept.",
        "POST",
        "/v1/chat/completions",
        (
            Parameter("n", "integer", "How many answers to give.", limits=COUNT),
            Parameter(
                "stop",
                "array",
                "Up to four texts; the answer ends before the first of them that it comes to.",
                limits={"items": {"type": "string"}, "maxItems": 4},
                also={"type": "string"},
            ),
            Parameter("user", "string", "Who the answer is for, as an id of yours."),
            Parameter("model", "string", "The model that answers: its id.", required=True, limits={"minLength": 1}),
            _TOP_P,
            Parameter(
                "stream",
                "boolean",
                "Whether to have the answer made piece by piece; all pieces are given at the end.",
                limits={"default": False},
            ),
            Parameter(
                "messages", "array", "The conversation, oldest message first.", required=True, limits=CHAT_MESSAGES
            ),
            Parameter(
                "logit_bias",
                "object",
                "Tokens, by their number, to make likelier (up to 100) or unlikelier (down to -100).",
                limits={"additionalProperties": {"type": "number", "minimum": -100, "maximum": 100}},
            ),
            Parameter("max_tokens", "integer", "How many tokens the answer may have.", limits=COUNT),
            _TEMPERATURE,
            Parameter(
                "presence_penalty",
                "number",
                "From -2 to 2: high keeps the model from coming back to what was said.",
                limits=PENALTY,
            ),
            Parameter(
                "frequency_penalty",
                "number",
                "From -2 to 2: high keeps the model from repeating words.",
                limits=PENALTY,
            ),
        ),
        effect="adds",
        asks_a_model=True,
        important=True,
    ),
    Tool(
        f"{_PREFIX}GET_RESPONSE",
        "Get Response by ID",
        "Look up an answer that was made through the Responses API: its output, status and usage.",
        "GET",
        "/v1/responses/{response_id}",
        (
            Parameter(
                "include",
                "array",
                f"What to add to the answer: {', '.join(f'`{value}`' for value in _INCLUDES)}.",
                limits={"items": {"type": "string"}},
            ),
            identifier("response_id", "The response: its id, like `resp_…`."),
            Parameter(
                "starting_after", "integer", "Give only what follows the event of this number.", limits={"minimum": 0}
            ),
            Parameter(
                "include_obfuscation", "boolean", "Whether pieces are padded, so that their length tells nothing."
            ),
        ),
    ),
    Tool(
        f"{_PREFIX}LIST_MODELS",
        "List Models",
        "List the models that can be used, of all kinds.",
        "GET",
        "/models",
        important=True,
    ),
    Tool(
        f"{_PREFIX}LIST_MODELS_WITH_DETAILS",
        "List Models With Details",
        "List the models that can be used with what is known of each: developer, context length, features, price.",
        "GET",
        "/models/with-details",
    ),
    Tool(
        f"{_PREFIX}LIST_BATCHES",
        "List Batches",
        "See how one batch of requests stands while it is worked on, and get its results when it has ended.",
        "GET",
        "/v1/batches",
        (
            Parameter(
                "batch_id",
                "string",
                "The batch: its id, which begins with `msgbatch_`.",
                required=True,
                limits={"pattern": "^msgbatch_[A-Za-z0-9_-]+$"},
            ),
        ),
    ),
    Tool(
        f"{_PREFIX}GET_BILLING_BALANCE",
        "Get Billing Balance",
        "See what is left to spend, in credits, and whether it is running low.",
        "GET",
        "/v1/billing/balance",
    ),
    Tool(
        f"{_PREFIX}GET_LUMA_GENERATION",
        "Get Luma Generation",
        "See how videos stand that were asked of Luma, and where to get those that are done.",
        "GET",
        "/luma-ai/generation",
        (
            Parameter(
                "ids",
                "string",
                "The ids of the generations, with commas between them.",
                required=True,
                limits={"minLength": 1},
            ),
        ),
    ),
    Tool(
        f"{_PREFIX}LIST_LUMA_GENERATIONS",
        "List Luma AI Generations",
        "List the videos that the account asked of Luma.",
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
