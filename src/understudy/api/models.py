"""The models that can be used, over HTTP."""

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.exchange import rendered
from understudy.api.parts import Parts, parts_of
from understudy.errors import InvalidRequest, NotFound, PermissionDenied
from understudy.llm.provider import ModelCard
from understudy.wire.models import ListModelsResponse, Model


async def list_models(request: Request) -> Response:
    cards = await parts_of(request).models.list()
    return rendered(ListModelsResponse(data=[_model(card) for card in cards]))


async def retrieve_model(request: Request) -> Response:
    return rendered(_model(await _card(request)))


async def delete_model(request: Request) -> Response:
    card = await _card(request)
    raise PermissionDenied(
        f"The model '{card.id}' belongs to {card.owned_by} and cannot be deleted here.", param="model"
    )


async def check_model(parts: Parts, model: str) -> None:
    """Raises InvalidRequest where no provider can have the model."""
    if await parts.models.find(model) is None:
        raise InvalidRequest(f"The requested model '{model}' does not exist.", param="model", code="model_not_found")


async def _card(request: Request) -> ModelCard:
    """The model that the path names; raises NotFound."""
    model = request.path_params["model"]
    card = await parts_of(request).models.get(model)
    if card is None:
        raise NotFound(f"The model '{model}' does not exist", param="model", code="model_not_found")
    return card


def _model(card: ModelCard) -> Model:
    return Model(id=card.id, created=card.created, owned_by=card.owned_by)
