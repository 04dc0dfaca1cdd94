"""Embeddings over HTTP: the body goes to the model's provider with every parameter it has."""

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.exchange import encoded, read_body
from understudy.api.parts import parts_of
from understudy.llm.provider import ChatBody
from understudy.wire.embeddings import CreateEmbeddingRequest, EmbeddingOptions
from understudy.wire.problems import parse_object


async def create_embedding(request: Request) -> Response:
    return await _answer(request, await _body(request, CreateEmbeddingRequest))


async def create_deployment_embedding(request: Request) -> Response:
    """Azure's form: the path names the model, and what the body says of it is not looked at."""
    body = await _body(request, EmbeddingOptions)
    body["model"] = request.path_params["model"]
    return await _answer(request, body)


async def _body(request: Request, kind: type[EmbeddingOptions]) -> ChatBody:
    limits = parts_of(request).settings.limits
    return parse_object(await read_body(request, limits), kind, depth=limits.json_depth)


async def _answer(request: Request, body: ChatBody) -> Response:
    # A null says what its absence says, and not every provider knows that.
    plain = {name: value for name, value in body.items() if value is not None}
    return encoded(await parts_of(request).models.embed(plain))
