"""Images over HTTP. The body goes to the model's provider with all of its parameters."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.operations import OperationGroup
from understudy.api.parts import Parts, parts_of, project_of
from understudy.api.relay_meter import RelayRequest
from understudy.api.relayed_form import check_field, check_integer, check_length, open_form
from understudy.api.relaying import named_model, relay, relay_line
from understudy.api.requests import decode_body, read_body
from understudy.errors import InvalidRequest
from understudy.llm.relay import JsonBody, RelayBody
from understudy.llm.usage import count_images
from understudy.settings import LimitSettings
from understudy.wire import error_texts
from understudy.wire.images import (
    MAX_COUNT,
    MAX_PROMPT,
    CreateImageEditForm,
    CreateImageEditRequest,
    CreateImageRequest,
    CreateImageVariationRequest,
    ImagesResponse,
)
from understudy.wire.parsing import InvalidBody, parse_object

operations = OperationGroup("Images")

GENERATIONS: Final = "images/generations"
EDITS: Final = "images/edits"
VARIATIONS: Final = "images/variations"
# The hosted API's defaults, in the order of its description.
_DEFAULT_MODELS: Final = {GENERATIONS: "dall-e-2", EDITS: "gpt-image-1.5", VARIATIONS: "dall-e-2"}
_MOST_IMAGES: Final = 16
_MAX_INLINED: Final = 50 * 1024 * 1024
"""Characters of all Files of a request, as data URLs."""


@operations.add(
    "createImage",
    "POST",
    "/images/generations",
    summary="Create images; the body is forwarded to the model's provider.",
    request=CreateImageRequest,
    response=ImagesResponse,
    streams=True,
)
async def create_image(request: Request) -> Response:
    body = await _read_json(request, GENERATIONS, CreateImageRequest)
    return await relay(request, _images(GENERATIONS, body))


@operations.add(
    "createImageEdit",
    "POST",
    "/images/edits",
    summary="Edit images; the body is forwarded to the model's provider.",
    request=CreateImageEditRequest,
    or_form=CreateImageEditForm,
    response=ImagesResponse,
    streams=True,
)
async def create_image_edit(request: Request) -> Response:
    if "json" in request.headers.get("content-type", "").lower():
        body = await _read_json(request, EDITS, CreateImageEditRequest)
        return await relay(request, _images(EDITS, await _inline_images(request, body)))
    return await _relay_form(request, EDITS, "image", "prompt")


@operations.add(
    "createImageVariation",
    "POST",
    "/images/variations",
    summary="Create variations of an image; the form is forwarded to the model's provider.",
    request=CreateImageVariationRequest,
    form=True,
    response=ImagesResponse,
)
async def create_image_variation(request: Request) -> Response:
    return await _relay_form(request, VARIATIONS, "image")


async def generate_line(parts: Parts, project_id: str, key_id: str, raw: bytes) -> bytes:
    """Runs one line of a batch. Returns the JSON of the images."""
    body = await decode_body(raw, _parse_body, raw, GENERATIONS, CreateImageRequest, parts.settings.limits, None)
    return await relay_line(parts, project_id, key_id, _images(GENERATIONS, JsonBody({**body, "stream": False})))


async def edit_line(parts: Parts, project_id: str, key_id: str, raw: bytes) -> bytes:
    """Runs one line of a batch. Returns the JSON of the images."""
    body = await decode_body(raw, _parse_body, raw, EDITS, CreateImageEditRequest, parts.settings.limits, None)
    inlined = await _inline_files(parts, project_id, {**body, "stream": False})
    return await relay_line(parts, project_id, key_id, _images(EDITS, JsonBody(inlined)))


async def _relay_form(request: Request, operation: str, *required: str) -> Response:
    async with open_form(request) as form:
        form.model = named_model(request) or next(iter(form.fields.get("model", ())), "") or _DEFAULT_MODELS[operation]
        for name in required:
            check_field(form, name)
        check_length(form, "prompt", MAX_PROMPT)
        check_integer(form, "n", 1, MAX_COUNT)
        if (count := form.files.get("image", 0)) > _MOST_IMAGES:
            raise InvalidBody(error_texts.too_long("image", "array", _MOST_IMAGES, count))
        return await relay(request, _images(operation, form))


def _images(operation: str, body: RelayBody) -> RelayRequest:
    return RelayRequest(operation, "image", body, count_images)


async def _read_json(request: Request, operation: str, kind: type[Any]) -> JsonBody:
    limits = parts_of(request).settings.limits
    raw = await read_body(request, limits)
    return JsonBody(await decode_body(raw, _parse_body, raw, operation, kind, limits, named_model(request)))


def _parse_body(
    raw: bytes, operation: str, kind: type[Any], limits: LimitSettings, model: str | None
) -> dict[str, Any]:
    body = parse_object(raw, kind, depth=limits.json_depth, values=limits.json_values)
    body["model"] = model or body.get("model") or _DEFAULT_MODELS[operation]
    return body


async def _inline_images(request: Request, body: JsonBody) -> JsonBody:
    return JsonBody(await _inline_files(parts_of(request), project_of(request), body.members))


async def _inline_files(parts: Parts, project_id: str, body: dict[str, Any]) -> dict[str, Any]:
    """The body with the bytes of the Files that it names, which providers do not know.

    Raises InvalidRequest for a File that is missing or not an image, and for too many bytes.
    """
    references = {f"images[{number}]": one for number, one in enumerate(body["images"])}
    if isinstance(mask := body.get("mask"), dict):
        references["mask"] = mask
    room = _MAX_INLINED
    for place, reference in references.items():
        if (file_id := reference.pop("file_id", None)) is not None:
            inlined = reference["image_url"] = await _load_image(parts, project_id, file_id, f"{place}.file_id")
            room -= len(inlined)
            if room < 0:
                raise InvalidRequest(
                    "The files of the images have too many bytes together: at most 50 MB as base64.", param=place
                )
    return body


async def _load_image(parts: Parts, project_id: str, file_id: str, place: str) -> str:
    loaded = await parts.images.load(project_id, file_id)
    if loaded is None:
        raise InvalidRequest(f"The file {file_id!r} does not exist or is not an image of at most 20 MB.", param=place)
    return loaded
