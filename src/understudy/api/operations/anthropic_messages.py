"""Anthropic's messages, and batches of them."""

from functools import partial
from typing import Final

from understudy.api.operations.operation import Operation, Schema
from understudy.wire import anthropic_messages as wire
from understudy.wire.errors import MessageErrorResponse

_BATCHES = "/messages/batches"
_BATCH = f"{_BATCHES}/{{batch_id}}"
_LINES: Schema = {"type": "string"}
_of_messages = partial(Operation, tag="Messages", error=MessageErrorResponse)

OPERATIONS: Final = (
    _of_messages(
        "createAnthropicMessage",
        "POST",
        "/messages",
        "A model's answer in Anthropic's form, from any model.",
        wire.Message,
        wire.CreateMessageParams,
        streams=True,
    ),
    _of_messages(
        "countAnthropicMessageTokens",
        "POST",
        "/messages/count_tokens",
        "How many tokens a message's request has.",
        wire.MessageTokensCount,
        wire.CountMessageTokensParams,
    ),
    _of_messages(
        "listMessageBatches",
        "GET",
        _BATCHES,
        "A page of the batches of messages.",
        wire.ListMessageBatchesResponse,
        query=wire.ListMessageBatchesQuery,
    ),
    _of_messages(
        "createMessageBatch",
        "POST",
        _BATCHES,
        "Answer many messages in the background.",
        wire.MessageBatch,
        wire.CreateMessageBatchRequest,
    ),
    _of_messages("retrieveMessageBatch", "GET", _BATCH, "One batch of messages.", wire.MessageBatch),
    _of_messages("deleteMessageBatch", "DELETE", _BATCH, "Remove a batch that has ended.", wire.DeletedMessageBatch),
    _of_messages(
        "cancelMessageBatch",
        "POST",
        f"{_BATCH}/cancel",
        "Stop a batch of messages, which keeps the answers that it has.",
        wire.MessageBatch,
    ),
    _of_messages(
        "retrieveMessageBatchResults",
        "GET",
        f"{_BATCH}/results",
        "The results of a batch that has ended, a line each.",
        _LINES,
        binary=True,
    ),
)
