"""Models: OpenAI's object with the AI/ML API's members beside its own. Source: operations listModels, retrieveModel and
deleteModel; the AI/ML API's list of models."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

ModelType = Literal["chat-completion", "embedding", "image", "video", "audio"]
_VALUES = "any of these, in small or capital letters"


class ModelInfo(Struct, kw_only=True, rename="camel"):
    """Lengths are in tokens. The two spellings of one member are those of the API's older and newer answers."""

    name: str
    developer: str
    description: str
    context_length: int | UnsetType = UNSET
    max_tokens: int | UnsetType = UNSET
    output_max: int | UnsetType = UNSET
    url: str | UnsetType = UNSET
    docs_url: str | UnsetType = UNSET


class Modalities(Struct, kw_only=True):
    input: list[str]
    output: list[str]


class PriceUnit(Struct, kw_only=True):
    """`price` is in US dollars for `per` of the measure."""

    name: str
    measure: str
    price: float
    per: int


class PriceVariant(Struct, kw_only=True):
    """`when` is the least number of tokens in the prompt for which these units hold."""

    when: dict[str, int]
    units: list[PriceUnit]


class Pricing(Struct, kw_only=True):
    kind: Literal["fixed", "variants"]
    currency: Literal["USD"] = "USD"
    units: list[PriceUnit]
    dimensions: list[str] | UnsetType = UNSET
    variants: list[PriceVariant] | UnsetType = UNSET


class Model(Struct, kw_only=True):
    """`created` is in Unix seconds."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


class ModelHealth(Struct, kw_only=True):
    """The calls of one node since its start. Times are in Unix seconds.

    `last_error` is a kind, such as `rate_limited` or `timeout`. `p50_first_delta_ms` is the median of the latest
    streams, from the request to their first content; null without one.
    """

    calls: int
    errors: int
    last_success_at: int | None
    last_error_at: int | None
    last_error: str | None
    p50_first_delta_ms: float | None


class ListedModel(Model, kw_only=True):
    """`pricing` is null where nobody knows the price, `health` where no call was made yet."""

    aliases: list[str]
    type: ModelType
    info: ModelInfo
    features: list[str]
    endpoints: list[str]
    tags: list[str]
    modalities: Modalities | UnsetType = UNSET
    capabilities: list[str] | UnsetType = UNSET
    pricing: Pricing | UnsetType | None = UNSET
    health: ModelHealth | UnsetType | None = UNSET


class DetailedModel(Model, kw_only=True):
    """`name` is the id here."""

    name: str
    provider: str
    aliases: list[str]
    type: ModelType
    info: ModelInfo
    features: list[str]
    endpoints: list[str]
    tags: list[str]
    isPremium: bool  # noqa: N815 - the API's own word
    isFree: bool  # noqa: N815 - likewise
    modalities: Modalities
    capabilities: list[str]
    pricing: Pricing | None


class DeleteModelResponse(Struct, kw_only=True):
    id: str
    object: Literal["model"] = "model"
    deleted: bool = True


class ListModelsResponse(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[ListedModel]


class ModelResponse(Struct, kw_only=True):
    object: Literal["model"] = "model"
    data: ListedModel


class ModelFilter(Struct, frozen=True, kw_only=True):
    """A model passes each filter by any of its values."""

    id: Annotated[list[str], Meta(description=f"Only models with {_VALUES} as their id or an alias.")] = []
    type: Annotated[list[str], Meta(description=f"Only models of {_VALUES}.")] = []
    tags: Annotated[list[str], Meta(description=f"Only models with {_VALUES}.")] = []
    modalities: Annotated[list[str], Meta(description=f"Only models that take or give {_VALUES}.")] = []
    input_modalities: Annotated[list[str], Meta(description=f"Only models that take {_VALUES}.")] = []
    output_modalities: Annotated[list[str], Meta(description=f"Only models that give {_VALUES}.")] = []
    capabilities: Annotated[list[str], Meta(description=f"Only models with {_VALUES}.")] = []


class GetModelQuery(Struct, frozen=True, kw_only=True):
    include: Annotated[list[str], Meta(description="What to add: `health`; others are ignored.")] = []


class ListModelsQuery(ModelFilter, frozen=True, kw_only=True):
    include: Annotated[
        list[str],
        Meta(
            description="What to add: `pricing`, `modalities`, `capabilities`, `all` of these, or `health`; others are"
            " ignored."
        ),
    ] = []
    details: Annotated[str | None, Meta(description="`true` or `1` adds everything.")] = None
