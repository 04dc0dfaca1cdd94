"""The published table of the 30 tools, cell by cell: slug, name, and of each parameter its name, type and more.

A parameter is written `name:type`, with `!` after it where it is required and its values in brackets where they are
fixed. The order is the table's.
"""

VERSION = "20260312_00"
TOOLKIT = ("AI_ML_API", "AI/ML API")

_MODELS = [
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
_PAGE = ["after:string", "limit:integer", "order:string[asc|desc]", "before:string"]
_EFFORT = "reasoning_effort:string[low|medium|high]"

TABLE = {
    "AI_ML_API_CANCEL_RUN": ("Cancel Run", ["run_id:string!", "thread_id:string!"]),
    "AI_ML_API_CREATE_ASSISTANT": (
        "Create Assistant",
        [
            "name:string",
            f"model:string[{'|'.join(_MODELS)}]!",
            "tools:array",
            "top_p:number",
            "metadata:object",
            "description:string",
            "temperature:number",
            "instructions:string",
            "tool_resources:object",
            "response_format:string",
            _EFFORT,
        ],
    ),
    "AI_ML_API_CREATE_MESSAGE": (
        "Create Message",
        [
            "role:string[user|assistant]!",
            "content:string!",
            "metadata:object",
            "thread_id:string!",
            "attachments:array",
        ],
    ),
    "AI_ML_API_CREATE_RUN": (
        "Create Run",
        [
            "model:string",
            "tools:array",
            "top_p:number",
            "metadata:object",
            "thread_id:string!",
            "temperature:number",
            "tool_choice:string",
            "assistant_id:string!",
            "instructions:string",
            "response_format:string",
            "max_prompt_tokens:integer",
            "additional_messages:array",
            "parallel_tool_calls:boolean",
            "truncation_strategy:object",
            "max_completion_tokens:integer",
        ],
    ),
    "AI_ML_API_CREATE_THREAD": ("Create Thread", ["messages:array", "metadata:object", "tool_resources:object"]),
    "AI_ML_API_DELETE_ASSISTANT": ("Delete Assistant", ["assistant_id:string!"]),
    "AI_ML_API_DELETE_MESSAGE": ("Delete Message", ["thread_id:string!", "message_id:string!"]),
    "AI_ML_API_DELETE_THREAD": ("Delete Thread", ["thread_id:string!"]),
    "AI_ML_API_GET_ASSISTANT": ("Get Assistant", ["assistant_id:string!"]),
    "AI_ML_API_GET_BILLING_BALANCE": ("Get Billing Balance", []),
    "AI_ML_API_GET_LUMA_GENERATION": ("Get Luma Generation", ["ids:string!"]),
    "AI_ML_API_GET_MESSAGE": ("Get Message", ["thread_id:string!", "message_id:string!"]),
    "AI_ML_API_GET_RESPONSE": (
        "Get Response by ID",
        ["include:array", "response_id:string!", "starting_after:integer", "include_obfuscation:boolean"],
    ),
    "AI_ML_API_GET_RUN": ("Get Run", ["run_id:string!", "thread_id:string!"]),
    "AI_ML_API_GET_RUN_STEP": ("Get Run Step", ["run_id:string!", "step_id:string!", "thread_id:string!"]),
    "AI_ML_API_GET_THREAD": ("Get Thread", ["thread_id:string!"]),
    "AI_ML_API_LIST_ASSISTANTS": ("List Assistants", _PAGE),
    "AI_ML_API_LIST_BATCHES": ("List Batches", ["batch_id:string!"]),
    "AI_ML_API_LIST_LUMA_GENERATIONS": ("List Luma AI Generations", []),
    "AI_ML_API_LIST_MESSAGES": ("List Thread Messages", [*_PAGE, "run_id:string", "thread_id:string!"]),
    "AI_ML_API_LIST_MODELS": ("List Models", []),
    "AI_ML_API_LIST_MODELS_WITH_DETAILS": ("List Models With Details", []),
    "AI_ML_API_LIST_RUNS": ("List Runs", [*_PAGE, "thread_id:string!"]),
    "AI_ML_API_LIST_RUN_STEPS": ("List Run Steps", [*_PAGE, "run_id:string!", "thread_id:string!"]),
    "AI_ML_API_SUBMIT_TOOL_OUTPUTS": (
        "Submit Tool Outputs",
        ["run_id:string!", "stream:boolean", "thread_id:string!", "tool_outputs:array!"],
    ),
    "AI_ML_API_TEXT_CHAT_COMPLETION": (
        "Text Chat Completion",
        [
            "n:integer",
            "stop:array",
            "user:string",
            "model:string!",
            "top_p:number",
            "stream:boolean",
            "messages:array!",
            "logit_bias:object",
            "max_tokens:integer",
            "temperature:number",
            "presence_penalty:number",
            "frequency_penalty:number",
        ],
    ),
    "AI_ML_API_UPDATE_ASSISTANT": (
        "Update Assistant",
        [
            "name:string",
            "model:string",
            "tools:array",
            "top_p:number",
            "metadata:object",
            "description:string",
            "temperature:number",
            "assistant_id:string!",
            "instructions:string",
            "tool_resources:object",
            "response_format:object",
            _EFFORT,
        ],
    ),
    "AI_ML_API_UPDATE_MESSAGE": ("Update Message", ["metadata:object", "thread_id:string!", "message_id:string!"]),
    "AI_ML_API_UPDATE_RUN": ("Update Run", ["run_id:string!", "metadata:object", "thread_id:string!"]),
    "AI_ML_API_UPDATE_THREAD": ("Update Thread", ["metadata:object", "thread_id:string!", "tool_resources:object"]),
}
DEFAULTS = {
    **{(slug, "limit"): 20 for slug, (_, parameters) in TABLE.items() if "limit:integer" in parameters},
    **{(slug, "stream"): False for slug in ("AI_ML_API_SUBMIT_TOOL_OUTPUTS", "AI_ML_API_TEXT_CHAT_COMPLETION")},
}
OUTPUT = {"data": ("object", True), "error": (None, False), "successful": ("boolean", True)}
