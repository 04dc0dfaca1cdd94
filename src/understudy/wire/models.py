"""Models. Source: operations listModels, retrieveModel and deleteModel."""

from typing import Literal

from msgspec import Struct


class Model(Struct, kw_only=True):
    """`created` is in Unix seconds."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


class DeleteModelResponse(Struct, kw_only=True):
    id: str
    object: Literal["model"] = "model"
    deleted: bool = True


class ListModelsResponse(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[Model]
