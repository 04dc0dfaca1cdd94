"""The available models over HTTP: OpenAI's list and the AI/ML API's in one."""

import hashlib
from collections.abc import Sequence

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.operations import OperationGroup, Schema
from understudy.api.parts import parts_of
from understudy.api.requests import json_response, struct_response
from understudy.engine.provider_calls import ModelCalls
from understudy.errors import NotFound, PermissionDenied
from understudy.llm.model_info import ModelProfile
from understudy.llm.prices import Price, Rates, usd_per_million, usd_per_request, usd_per_unit
from understudy.wire import queries
from understudy.wire.models import (
    DeleteModelResponse,
    DetailedModel,
    GetModelQuery,
    ListedModel,
    ListModelsQuery,
    ListModelsResponse,
    Modalities,
    Model,
    ModelFilter,
    ModelHealth,
    ModelInfo,
    ModelResponse,
    PriceUnit,
    PriceVariant,
    Pricing,
)

operations = OperationGroup("Models")

_DETAILED_LIST: Schema = {
    "type": "array",
    "items": {"type": "object", "required": ["name", "id", "provider", "type", "info"]},
}

_DETAIL_MEMBERS = ("pricing", "modalities", "capabilities")
_CACHE_CONTROL = "max-age=60"
# A browser would show one key's list to another key.
_VARY_HEADERS = "Authorization, Api-Key, X-Api-Key"


@operations.add(
    "listModels",
    "GET",
    "/models",
    summary="List models.",
    query=ListModelsQuery,
    response=ListModelsResponse,
)
async def list_models(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], ListModelsQuery)
    extras = _DETAIL_MEMBERS if query.details in {"true", "1"} or "all" in query.include else query.include
    data = [_render_listed_model(one, extras) for one in await _filter_models(request, query)]
    _add_health(request, data, query.include)
    return _conditional_response(request, msgspec.json.encode(ListModelsResponse(data=data)))


@operations.add(
    "listModelsWithDetails",
    "GET",
    "/models/with-details",
    summary="List models with all details and prices.",
    query=ModelFilter,
    response=_DETAILED_LIST,
)
async def list_models_with_details(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], ModelFilter)
    data = [_render_detailed_model(one) for one in await _filter_models(request, query)]
    return _conditional_response(request, msgspec.json.encode(data))


@operations.add(
    "retrieveModel",
    "GET",
    "/models/{model:path}",
    summary="Retrieve a model. Its id may contain slashes.",
    response=Model,
)
async def retrieve_model(request: Request) -> Response:
    card = (await _find_details(request)).card
    return struct_response(Model(id=card.id, created=card.created, owned_by=card.owned_by))


@operations.add(
    "getModel",
    "GET",
    "/model/{model:path}",
    summary="Retrieve all details of a model, by id or alias.",
    query=GetModelQuery,
    response=ModelResponse,
)
async def get_model(request: Request) -> Response:
    """All metadata of a model, in the AI/ML API's envelope."""
    query = queries.parse(request.scope["query_string"], GetModelQuery)
    model = _render_listed_model(await _find_details(request), _DETAIL_MEMBERS)
    _add_health(request, [model], query.include)
    return _conditional_response(request, msgspec.json.encode(ModelResponse(data=model)))


@operations.add(
    "deleteModel",
    "DELETE",
    "/models/{model:path}",
    summary="Delete a model. Always refused: models belong to providers.",
    response=DeleteModelResponse,
)
async def delete_model(request: Request) -> Response:
    card = (await _find_details(request)).card
    raise PermissionDenied(
        f"The model '{card.id}' belongs to {card.owned_by} and cannot be deleted here.", param="model"
    )


async def _find_details(request: Request) -> ModelProfile:
    """The profile of the path's model; raises NotFound."""
    model = request.path_params["model"]
    profile = await parts_of(request).details.get(model)
    if profile is None or not await _filter_permitted(request, [profile]):
        raise NotFound(f"The model '{model}' does not exist", param="model", code="model_not_found")
    return profile


async def _filter_models(request: Request, query: ModelFilter) -> list[ModelProfile]:
    matching = [one for one in await parts_of(request).details.list() if _matches(one, query)]
    return await _filter_permitted(request, matching)


async def _filter_permitted(request: Request, profiles: list[ModelProfile]) -> list[ModelProfile]:
    """Those that the project of the request may use; all for a request without a key."""
    project_id = request.scope["state"].get("project_id")
    permissions = parts_of(request).limiter.permissions
    if project_id is None or not await permissions.restricts_models(project_id):
        return profiles
    allowed = await permissions.filter_models(project_id, [one.card.id for one in profiles])
    return [one for one in profiles if one.card.id in allowed]


def _matches(one: ModelProfile, query: ModelFilter) -> bool:
    conditions = (
        (query.id, (one.card.id, *one.aliases)),
        (query.type, (one.type,)),
        (query.tags, one.tags),
        (query.modalities, (*one.inputs, *one.outputs)),
        (query.input_modalities, one.inputs),
        (query.output_modalities, one.outputs),
        (query.capabilities, one.capabilities),
    )
    return all(not values or _any_matches(values, has) for values, has in conditions)


def _any_matches(values: Sequence[str], has: Sequence[str]) -> bool:
    return not {value.lower() for value in values}.isdisjoint(value.lower() for value in has)


def _conditional_response(request: Request, body: bytes) -> Response:
    """The body, or 304 if the client's ETag matches."""
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"etag": tag, "cache-control": _CACHE_CONTROL, "vary": _VARY_HEADERS}
    client_tags = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if "*" in client_tags or tag.removeprefix("W/") in client_tags:
        return Response(status_code=304, headers=headers)
    response = json_response(body)
    response.headers.update(headers)
    return response


def _render_listed_model(one: ModelProfile, extras: Sequence[str]) -> ListedModel:
    return ListedModel(
        id=one.card.id,
        created=one.card.created,
        owned_by=one.card.owned_by,
        aliases=list(one.aliases),
        type=one.type,
        info=_render_info(one),
        features=list(one.features),
        endpoints=list(one.endpoints),
        tags=list(one.tags),
        modalities=_render_modalities(one) if "modalities" in extras else UNSET,
        capabilities=list(one.capabilities) if "capabilities" in extras else UNSET,
        pricing=_render_pricing(one.price) if "pricing" in extras else UNSET,
    )


def _add_health(request: Request, models: Sequence[ListedModel], include: Sequence[str]) -> None:
    if "health" not in include:
        return
    health = parts_of(request).health
    for model in models:
        calls = health.find_model(model.id)
        model.health = None if calls is None else _render_health(calls)


def _render_health(model: ModelCalls) -> ModelHealth:
    calls, delay = model.calls, model.typical_first_delta
    return ModelHealth(
        calls=calls.calls,
        errors=calls.errors,
        last_success_at=None if calls.last_success_at is None else int(calls.last_success_at),
        last_error_at=None if calls.last_error_at is None else int(calls.last_error_at),
        last_error=calls.last_error,
        p50_first_delta_ms=None if delay is None else round(1000 * delay, 1),
    )


def _render_detailed_model(one: ModelProfile) -> DetailedModel:
    return DetailedModel(
        name=one.card.id,
        id=one.card.id,
        created=one.card.created,
        owned_by=one.card.owned_by,
        provider=one.card.owned_by,
        aliases=list(one.aliases),
        type=one.type,
        info=_render_info(one),
        features=list(one.features),
        endpoints=list(one.endpoints),
        tags=list(one.tags),
        isPremium=one.price is not None and not one.is_free,
        isFree=one.is_free,
        modalities=_render_modalities(one),
        capabilities=list(one.capabilities),
        pricing=_render_pricing(one.price),
    )


def _render_info(one: ModelProfile) -> ModelInfo:
    longest = UNSET if one.max_output is None else one.max_output
    url = UNSET if one.url is None else one.url
    return ModelInfo(
        name=one.name,
        developer=one.developer,
        description=one.description or "",
        context_length=UNSET if one.context_length is None else one.context_length,
        max_tokens=longest,
        output_max=longest,
        url=url,
        docs_url=url,
    )


def _render_modalities(one: ModelProfile) -> Modalities:
    return Modalities(input=list(one.inputs), output=list(one.outputs))


def _render_pricing(price: Price | None) -> Pricing | None:
    if price is None:
        return None
    units = _render_price_units(price.rates)
    if price.request:
        units.append(PriceUnit(name="request", measure="request", price=usd_per_request(price), per=1))
    if price.unit:
        units.append(PriceUnit(name="unit", measure="unit", price=usd_per_unit(price), per=1))
    if not price.tiers:
        return Pricing(kind="fixed", units=units)
    variants = [
        PriceVariant(when={"input_tokens": start + 1}, units=_render_price_units(rates)) for start, rates in price.tiers
    ]
    return Pricing(kind="variants", units=units, dimensions=["input_tokens"], variants=variants)


def _render_price_units(rates: Rates) -> list[PriceUnit]:
    units = [("input", rates.input), ("cached_input", rates.cached), ("output", rates.output)]
    return [PriceUnit(name=name, measure="token", price=usd_per_million(rate), per=1_000_000) for name, rate in units]
