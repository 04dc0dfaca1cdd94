"""Models."""

from typing import Final

from understudy.api.operations.operation import Operation
from understudy.wire import models

OPERATIONS: Final = (
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
