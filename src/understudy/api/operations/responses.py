"""Responses, conversations and their items."""

from typing import Final

from understudy.api.operations.operation import Operation, Schema
from understudy.wire import conversations, queries, responses

_RESPONSE = "/responses/{response_id}"
_CONVERSATION = "/conversations/{conversation_id}"
_ITEMS = f"{_CONVERSATION}/items"
_ITEM = f"{_ITEMS}/{{item_id}}"
_ANY_ITEM: Schema = {"type": "object", "description": "An item: a message, a call, the output of one, reasoning."}

OPERATIONS: Final = (
    Operation(
        "createResponse",
        "POST",
        "/responses",
        "Have a model answer, with tools, whole or streamed, at once or in the background.",
        responses.ResponseObject,
        responses.CreateResponseRequest,
        streams=True,
        tag="Responses",
    ),
    Operation(
        "getInputTokenCounts",
        "POST",
        "/responses/input_tokens",
        "How many tokens a request would give the model.",
        responses.InputTokens,
        responses.CountTokensRequest,
        tag="Responses",
    ),
    Operation(
        "Compactconversation",
        "POST",
        "/responses/compact",
        "Make a conversation short: what its users said, and an item that stands for the rest.",
        responses.CompactionObject,
        responses.CompactRequest,
        tag="Responses",
    ),
    Operation(
        "getResponse",
        "GET",
        _RESPONSE,
        "One response, or its stream.",
        responses.ResponseObject,
        query=queries.GetResponseQuery,
        streams=True,
        tag="Responses",
    ),
    Operation("deleteResponse", "DELETE", _RESPONSE, "Remove a response.", responses.DeletedResponse, tag="Responses"),
    Operation(
        "cancelResponse",
        "POST",
        f"{_RESPONSE}/cancel",
        "Stop a response that runs in the background.",
        responses.ResponseObject,
        tag="Responses",
    ),
    Operation(
        "listInputItems",
        "GET",
        f"{_RESPONSE}/input_items",
        "A page of what the response was made of.",
        responses.ResponseItemList,
        query=queries.ListItemsQuery,
        tag="Responses",
    ),
    Operation(
        "createConversation",
        "POST",
        "/conversations",
        "Begin a conversation, which is a thread as well.",
        conversations.ConversationObject,
        conversations.CreateConversationRequest,
        body_optional=True,
        tag="Conversations",
    ),
    Operation(
        "getConversation",
        "GET",
        _CONVERSATION,
        "One conversation.",
        conversations.ConversationObject,
        tag="Conversations",
    ),
    Operation(
        "updateConversation",
        "POST",
        _CONVERSATION,
        "Change a conversation's metadata.",
        conversations.ConversationObject,
        conversations.UpdateConversationRequest,
        tag="Conversations",
    ),
    Operation(
        "deleteConversation",
        "DELETE",
        _CONVERSATION,
        "Remove a conversation with everything said in it.",
        conversations.DeletedConversation,
        tag="Conversations",
    ),
    Operation(
        "createConversationItems",
        "POST",
        _ITEMS,
        "Add items to a conversation.",
        responses.ResponseItemList,
        conversations.CreateConversationItemsRequest,
        query=queries.ItemQuery,
        tag="Conversations",
    ),
    Operation(
        "listConversationItems",
        "GET",
        _ITEMS,
        "A page of a conversation's items.",
        responses.ResponseItemList,
        query=queries.ListItemsQuery,
        tag="Conversations",
    ),
    Operation(
        "getConversationItem",
        "GET",
        _ITEM,
        "One item of a conversation.",
        _ANY_ITEM,
        query=queries.ItemQuery,
        tag="Conversations",
    ),
    Operation(
        "deleteConversationItem",
        "DELETE",
        _ITEM,
        "Remove an item; the answer is the conversation.",
        conversations.ConversationObject,
        tag="Conversations",
    ),
)
