"""Chat completions and models."""

from typing import Final

from understudy.api.operations.operation import Operation, Schema
from understudy.wire import models

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

OPERATIONS: Final = (
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
