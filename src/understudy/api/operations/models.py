"""Models."""

from typing import Final

from understudy.api.operations.operation import Operation, Schema
from understudy.wire import models

_DETAILED: Schema = {
    "type": "array",
    "items": {"type": "object", "required": ["name", "id", "provider", "type", "info"]},
}

OPERATIONS: Final = (
    Operation(
        "listModels",
        "GET",
        "/models",
        "The models that can be used, with what is known of them.",
        models.ListModelsResponse,
        query=models.ListModelsQuery,
        tag="Models",
    ),
    Operation(
        "listModelsWithDetails",
        "GET",
        "/models/with-details",
        "The models that can be used, with their prices and everything else that is known of them.",
        _DETAILED,
        query=models.ModelFilter,
        tag="Models",
    ),
    Operation(
        "getModel",
        "GET",
        "/model/{model:path}",
        "Everything that is known of one model, by its id or an alias.",
        models.ModelResponse,
        tag="Models",
    ),
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
