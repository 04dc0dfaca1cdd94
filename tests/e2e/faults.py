"""Requests with faults: what each check of a piece of work refuses, in the order of the checks."""

from dataclasses import dataclass
from typing import Any

UNKNOWN = "0123456789"
# In bodies and paths: objects that the test makes.
PICTURE, NOTES, SEARCHER = "{picture}", "{notes}", "{searcher}"


@dataclass(frozen=True)
class Fault:
    """`body` is merged into a valid one: members into its objects, elements behind those of its lists.

    `message` is how the error begins. `#` stands in `message` and `param` for the index of the element that the
    fault adds to a list. `ids` are other ids in the path; `is_broke`: the project has nothing left to spend.
    """

    name: str
    status: int
    message: str
    param: str | None
    code: str | None
    body: dict[str, Any]
    ids: tuple[tuple[str, str], ...] = ()
    is_broke: bool = False

    def can_join(self, other: "Fault") -> bool:
        """Whether one request can have both faults."""
        return not ({name for name, _ in self.ids} & {name for name, _ in other.ids} or _overlap(self.body, other.body))


def merge(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return one | {name: merge(one[name], value) if name in one else value for name, value in other.items()}
    return [*one, *other] if isinstance(one, list) else other


def _overlap(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        if {"vector_stores", "vector_store_ids"} <= one.keys() | other.keys():
            return True
        return any(_overlap(one[name], other[name]) for name in one.keys() & other.keys())
    return not (isinstance(one, list) and isinstance(other, list))


def _malformed(name: str, body: dict[str, Any], param: str, prefix: str, **ids: str) -> Fault:
    message = f"Invalid '{param}': 'wrong'. Expected an ID that begins with '{prefix}'."
    return Fault(name, 400, message, param, "invalid_value", body, tuple(ids.items()))


def _missing_file(name: str, body: dict[str, Any], param: str | None) -> Fault:
    return Fault(name, 404, f"No such File object: file-{UNKNOWN}", param, None, body)


def _invalid(name: str, code: str, message: str, param: str | None, body: dict[str, Any]) -> Fault:
    return Fault(name, 400, message, param, code, body)


def _missing(name: str, message: str, body: dict[str, Any] | None = None, **ids: str) -> Fault:
    return Fault(name, 404, message, None, None, body or {}, tuple(ids.items()))


# -- checks of several operations --------------------------------------------------------------------------------

FUNDS = Fault(
    "funds", 429, "You've run out of funds: the project's balance is -", None, "insufficient_quota", {}, is_broke=True
)
_MODEL = _invalid(
    "model",
    "model_not_found",
    "The requested model 'no-such-model' does not exist.",
    "model",
    {"model": "no-such-model"},
)
_REMOTE = _invalid(
    "remote server",
    "unsupported_value",
    "The MCP server 'https://elsewhere.example/mcp' is not allowed on this server.",
    "tools[#].server_url",
    {"tools": [{"type": "mcp", "server_label": "far", "server_url": "https://elsewhere.example/mcp"}]},
)
_NO_CODE = "The tool 'code_interpreter' is not available on this server. "
_PARSED = _invalid("body", "invalid_type", "Invalid type for 'metadata': ", "metadata", {"metadata": 1})


# -- the Assistants API ------------------------------------------------------------------------------------------

_STRICT = _invalid(
    "strict function",
    "invalid_function_parameters",
    "Invalid schema for function 'f': ",
    "tools[#].function.parameters",
    {
        "tools": [
            {"type": "function", "function": {"name": "f", "strict": True, "parameters": {"type": "object"}}},
        ]
    },
)


def _resources(kind: str, name: str, *ids: str) -> dict[str, Any]:
    return {"tool_resources": {kind: {name: list(ids)}}}


def _new_store(file_id: str) -> dict[str, Any]:
    # A tuple, since a list of one store at most cannot have those of two faults.
    return {"tool_resources": {"file_search": {"vector_stores": ({"file_ids": [file_id]},)}}}


_HELPER_FILES = "tool_resources.file_search.vector_stores[0].file_ids"
_CODE_FILES = "tool_resources.code_interpreter.file_ids"
_NOT_SEARCHABLE = "Files with extensions [.heic] are not supported for retrieval."
_HELPERS = [
    _missing_file("file of a new store", _new_store(f"file-{UNKNOWN}"), _HELPER_FILES),
    _invalid("format of a new store's file", "unsupported_file", _NOT_SEARCHABLE, "file_ids", _new_store(PICTURE)),
]
_RESOURCES = [
    _malformed("malformed code file", _resources("code_interpreter", "file_ids", "wrong"), f"{_CODE_FILES}[#]", "file"),
    _missing_file("code file", _resources("code_interpreter", "file_ids", f"file-{UNKNOWN}"), _CODE_FILES),
    Fault(
        "vector store",
        404,
        f"No vector store found with id 'vs_{UNKNOWN}'.",
        "tool_resources.file_search.vector_store_ids",
        None,
        _resources("file_search", "vector_store_ids", f"vs_{UNKNOWN}"),
    ),
]


def _user(*parts: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": "Look"}, *parts], **members}


def _image(file_id: str) -> dict[str, Any]:
    return _user({"type": "image_file", "image_file": {"file_id": file_id}})


def _attached(file_id: str) -> dict[str, Any]:
    return _user(attachments=[{"file_id": file_id, "tools": [{"type": "file_search"}]}])


def _message_faults(name: str, prefix: str = "") -> list[Fault]:
    """The checks of new messages in the list `name`, whose parameters begin with `prefix`."""
    part = f"{prefix}{name}[#].content[1]"
    url = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    return [
        _invalid(
            "data URL",
            "invalid_image_format",
            f"Invalid '{part}.image_url.url': its bytes are not an image of a supported format.",
            f"{part}.image_url.url",
            {name: [_user(url)]},
        ),
        _malformed("malformed image", {name: [_image("wrong")]}, f"{part}.image_file.file_id", "file"),
        _missing_file("attachment", {name: [_attached(f"file-{UNKNOWN}")]}, "attachments"),
        _invalid("attachment's format", "unsupported_file", _NOT_SEARCHABLE, "file_ids", {name: [_attached(PICTURE)]}),
        _invalid(
            "image",
            "invalid_image_format",
            f"Invalid '{part}.image_file.file_id': file 'file-",
            f"{part}.image_file.file_id",
            {name: [_image(NOTES)]},
        ),
    ]


def _within(name: str, faults: list[Fault]) -> list[Fault]:
    return [Fault(one.name, one.status, one.message, one.param, one.code, {name: one.body}, one.ids) for one in faults]


_SEARCH = [{"type": "file_search"}]
_RUN = [
    _malformed("malformed assistant", {"assistant_id": "wrong"}, "assistant_id", "asst"),
    _STRICT,
    _missing("assistant", f"No assistant found with id 'asst_{UNKNOWN}'.", {"assistant_id": f"asst_{UNKNOWN}"}),
    _MODEL,
    _invalid("code interpreter", "unsupported_tool", _NO_CODE, "tools[#]", {"tools": [{"type": "code_interpreter"}]}),
    _REMOTE,
    _invalid(
        "tool choice",
        "invalid_value",
        "Tool choice 'nothing' not found in 'tools' parameter.",
        "tool_choice",
        {"tool_choice": {"type": "function", "function": {"name": "nothing"}}},
    ),
    *_RESOURCES,
]
_SEARCHED_STORE = _missing(
    "assistant's vector store", "No vector store found with id 'vs_", {"assistant_id": SEARCHER, "tools": _SEARCH}
)
_NO_THREAD = f"No thread found with id 'thread_{UNKNOWN}'."

RUN = [
    FUNDS,
    _malformed("malformed thread", {}, "thread_id", "thread", thread="wrong"),
    _PARSED,
    *_RUN,
    _missing("searched thread", _NO_THREAD, {"tools": _SEARCH}, thread=f"thread_{UNKNOWN}"),
    *_message_faults("additional_messages"),
    _missing("thread", _NO_THREAD, thread=f"thread_{UNKNOWN}"),
]
SEARCHING_RUN = [FUNDS, *_RUN, _SEARCHED_STORE, *_message_faults("additional_messages")]
THREAD = [*_HELPERS, *_RESOURCES, *_message_faults("messages")]
CREATE_THREAD = [_PARSED, *THREAD]
MODIFY_THREAD = [_PARSED, *_RESOURCES, _missing("thread", _NO_THREAD, thread=f"thread_{UNKNOWN}")]
THREAD_AND_RUN = [
    FUNDS,
    _PARSED,
    *_within("thread", [*_HELPERS, *_RESOURCES]),
    *_within("thread", _message_faults("messages", "thread.")),
    *_RUN,
    _SEARCHED_STORE,
]
CREATE_ASSISTANT = [_PARSED, _STRICT, _REMOTE, _MODEL, *_HELPERS, *_RESOURCES]
MODIFY_ASSISTANT = [
    _PARSED,
    _STRICT,
    _REMOTE,
    _MODEL,
    *_RESOURCES,
    _missing("assistant", f"No assistant found with id 'asst_{UNKNOWN}'.", assistant=f"asst_{UNKNOWN}"),
]


# -- the Responses API -------------------------------------------------------------------------------------------


def _input(*parts: dict[str, Any], name: str) -> dict[str, Any]:
    return {name: [{"role": "user", "content": list(parts)}]}


def _item_faults(name: str = "input") -> list[Fault]:
    """The checks of the items in the list `name`."""
    part = f"{name}[#].content[0]"
    reference = {"type": "item_reference", "id": f"msg_{UNKNOWN}"}
    return [
        Fault("reference", 404, f"Item with id 'msg_{UNKNOWN}' not found.", "input", None, {name: [reference]}),
        _invalid(
            "compaction",
            "invalid_encrypted_content",
            "The encrypted content from elsewhere... could not be verified.",
            f"{name}[#].encrypted_content",
            {name: [{"type": "compaction", "encrypted_content": "from elsewhere"}]},
        ),
        _invalid(
            "data URL",
            "invalid_image_format",
            f"Invalid '{part}.image_url': its bytes are not an image of a supported format.",
            f"{part}.image_url",
            _input({"type": "input_image", "image_url": "data:image/png;base64,AAAA"}, name=name),
        ),
        _malformed(
            "malformed file", _input({"type": "input_file", "file_id": "wrong"}, name=name), f"{part}.file_id", "file"
        ),
        _missing_file("file", _input({"type": "input_file", "file_id": f"file-{UNKNOWN}"}, name=name), name),
        _invalid(
            "image",
            "invalid_image_format",
            f"Invalid '{part}.file_id': file 'file-",
            f"{part}.file_id",
            _input({"type": "input_image", "file_id": NOTES}, name=name),
        ),
    ]


def _search(store_id: str) -> dict[str, Any]:
    return {"tools": [{"type": "file_search", "vector_store_ids": [store_id]}]}


_UNKNOWN_RESPONSE = f"resp_{UNKNOWN}"
_SHAPE = [
    _PARSED,
    _malformed("malformed response", {"previous_response_id": "wrong"}, "previous_response_id", "resp"),
]
_BACKGROUND = _invalid(
    "background",
    "background_requires_store",
    "Background mode requires 'store' to be true.",
    "background",
    {"background": True, "store": False},
)
_CONTEXT = [
    *_item_faults(),
    _invalid(
        "hosted tool",
        "unsupported_tool",
        "The tool 'web_search' is not available on this server: it is not set up.",
        "tools[#].type",
        {"tools": [{"type": "web_search"}]},
    ),
    _REMOTE,
    _malformed("malformed vector store", _search("wrong"), "tools[#].vector_store_ids[0]", "vs"),
    _missing("vector store", f"Vector store with id ['vs_{UNKNOWN}'] not found.", _search(f"vs_{UNKNOWN}")),
    _invalid(
        "code interpreter",
        "unsupported_tool",
        _NO_CODE,
        "tools[#]",
        {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]},
    ),
    Fault(
        "tool choice",
        400,
        "Tool choice 'file_search' not found in 'tools' parameter.",
        "tool_choice",
        None,
        {"tool_choice": {"type": "file_search"}},
    ),
]
_PREVIOUS = _invalid(
    "previous response",
    "previous_response_not_found",
    f"Previous response with id '{_UNKNOWN_RESPONSE}' not found.",
    "previous_response_id",
    {"previous_response_id": _UNKNOWN_RESPONSE},
)
_LOGPROBS = _invalid(
    "log probabilities",
    "unsupported_parameter",
    "Unsupported parameter: 'top_logprobs'. The provider of the model 'claude' does not return log probabilities.",
    "top_logprobs",
    {"model": "claude", "top_logprobs": 2},
)
RESPONSE = [FUNDS, *_SHAPE, _BACKGROUND, *_CONTEXT, _MODEL, _LOGPROBS, _PREVIOUS]
RESPONSE_LINE = [*_SHAPE, *_CONTEXT, _PREVIOUS]
TOKEN_COUNT = [*_SHAPE[1:], *_CONTEXT, _PREVIOUS]
COMPACTION = [
    *_SHAPE[1:],
    *_item_faults(),
    _MODEL,
    _missing(
        "previous response",
        f"Response with id '{_UNKNOWN_RESPONSE}' not found.",
        {"previous_response_id": _UNKNOWN_RESPONSE},
    ),
]
CONVERSATION = [_PARSED, *_item_faults("items")]
CONVERSATION_ITEMS = [
    *_item_faults("items"),
    _missing("conversation", f"Conversation with id 'conv_{UNKNOWN}' not found.", conversation=f"conv_{UNKNOWN}"),
]


# -- chat completions, messages, embeddings, batches, containers -------------------------------------------------

_NO_MODEL = Fault(
    "model",
    404,
    "The model 'no-such-model' does not exist or you do not have access to it.",
    "model",
    "model_not_found",
    {"model": "no-such-model"},
)


def _chat(part: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [part]}]}


_FILE = "messages[#].content[0].file"
_CHAT_FILES = [
    _invalid(
        "data URL",
        "invalid_image_format",
        "Invalid 'messages[#].content[0].image_url.url': its bytes are not an image of a supported format.",
        "messages[#].content[0].image_url.url",
        _chat({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}),
    ),
    _invalid(
        "file without contents",
        "invalid_value",
        f"Invalid '{_FILE}': a file has either a 'file_id' or 'file_data'.",
        _FILE,
        _chat({"type": "file", "file": {}}),
    ),
]
# Files are looked up one after another.
_CHAT_FILE = _missing_file("file", _chat({"type": "file", "file": {"file_id": f"file-{UNKNOWN}"}}), f"{_FILE}.file_id")
_BAD_SOURCE = _invalid(
    "source",
    "invalid_image_format",
    "Invalid 'messages[#].content[0].source.data': its bytes are not an image of a supported format.",
    "messages[#].content[0].source.data",
    _chat({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}),
)
_STREAM = _invalid("stream", "invalid_type", "Invalid type for 'stream': ", "stream", {"stream": "yes"})
_SUFFIX = _invalid(
    "suffix", "unsupported_parameter", "Invalid 'suffix': insertion is not supported.", "suffix", {"suffix": "x"}
)
CHAT = [_STREAM, FUNDS, *_CHAT_FILES, _NO_MODEL]
CHAT_WITH_FILE = [FUNDS, _CHAT_FILES[0], _CHAT_FILE, _NO_MODEL]
MESSAGE = [_STREAM, _BAD_SOURCE, FUNDS, _NO_MODEL]
COMPLETION = [FUNDS, _STREAM, _SUFFIX, _NO_MODEL]
EMBEDDING = [
    _invalid("input", "invalid_type", "Invalid type for 'user': ", "user", {"user": 1}),
    FUNDS,
    _NO_MODEL,
]
BATCH = [
    FUNDS,
    _PARSED,
    _invalid(
        "endpoint",
        "invalid_value",
        "Invalid value: '/v1/nowhere'. Supported values are: ",
        "endpoint",
        {"endpoint": "/v1/nowhere"},
    ),
    _malformed("malformed file", {"input_file_id": "wrong"}, "input_file_id", "file"),
    _missing_file("file", {"input_file_id": f"file-{UNKNOWN}"}, "input_file_id"),
    _invalid(
        "purpose",
        "invalid_value",
        "Invalid 'input_file_id': the file 'file-",
        "input_file_id",
        {"input_file_id": NOTES},
    ),
]
_CONTAINER_FILE = _missing_file("file", {"file_ids": [f"file-{UNKNOWN}"]}, "id")
CONTAINER = [
    _malformed("malformed file", {"file_ids": ["wrong"]}, "file_ids[#]", "file"),
    _CONTAINER_FILE,
    Fault("memory", 400, "Invalid 'memory_limit': '64g' is more than", "memory_limit", None, {"memory_limit": "64g"}),
    _invalid("sandbox", "unsupported_tool", "Code cannot run here: ", None, {}),
]
