"""Chat completions, and those that are kept."""

from typing import Final

from understudy.api.operations.operation import Operation, Schema
from understudy.wire import chat, completions, queries

_CHAT_REQUEST: Schema = {
    "type": "object",
    "required": ["model", "messages"],
    "properties": {
        "model": {"type": "string"},
        "messages": {"type": "array", "minItems": 1, "maxItems": 10_000, "items": {"type": "object"}},
        "stream": {"type": ["boolean", "null"], "default": False},
        "store": {"type": ["boolean", "null"], "default": False},
    },
    "additionalProperties": True,
}
_CHAT_ANSWER: Schema = {"type": "object", "additionalProperties": True}
_LIST: Schema = {
    "type": "object",
    "required": ["object", "data", "first_id", "last_id", "has_more"],
    "properties": {
        "object": {"type": "string", "enum": ["list"]},
        "data": {"type": "array", "items": _CHAT_ANSWER},
        "first_id": {"type": ["string", "null"]},
        "last_id": {"type": ["string", "null"]},
        "has_more": {"type": "boolean"},
    },
}
_STORED = "/chat/completions/{completion_id}"
_TAG: Final = "Chat"

OPERATIONS: Final = (
    Operation(
        "listChatCompletions",
        "GET",
        "/chat/completions",
        "A page of the completions that were stored.",
        _LIST,
        query=queries.ListChatCompletionsQuery,
        tag=_TAG,
    ),
    Operation(
        "createChatCompletion",
        "POST",
        "/chat/completions",
        "Have a model answer a conversation; the body goes to the model's provider as it is.",
        _CHAT_ANSWER,
        _CHAT_REQUEST,
        streams=True,
        tag=_TAG,
    ),
    Operation(
        "createCompletion",
        "POST",
        "/completions",
        "Have a model go on with a text; it is asked as a chat of one message.",
        completions.TextCompletion,
        completions.CreateCompletionRequest,
        streams=True,
        tag="Completions",
    ),
    Operation("getChatCompletion", "GET", _STORED, "One stored completion.", _CHAT_ANSWER, tag=_TAG),
    Operation(
        "updateChatCompletion",
        "POST",
        _STORED,
        "Replace the metadata of a stored completion.",
        _CHAT_ANSWER,
        chat.UpdateChatCompletionRequest,
        tag=_TAG,
    ),
    Operation(
        "deleteChatCompletion",
        "DELETE",
        _STORED,
        "Forget a stored completion and its messages.",
        chat.ChatCompletionDeleted,
        tag=_TAG,
    ),
    Operation(
        "getChatCompletionMessages",
        "GET",
        f"{_STORED}/messages",
        "A page of what a stored completion answers.",
        _LIST,
        query=chat.ListChatMessagesQuery,
        tag=_TAG,
    ),
)
