"""Speech and transcriptions over HTTP. Bodies and forms go to the model's provider with all of their parameters."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.operations import BYTES, OperationGroup
from understudy.api.parts import parts_of
from understudy.api.relay_meter import RelayRequest
from understudy.api.relayed_form import check_field, open_form
from understudy.api.relaying import named_model, relay
from understudy.api.requests import decode_body, read_body
from understudy.llm.relay import JsonBody
from understudy.llm.usage import count_seconds
from understudy.settings import LimitSettings
from understudy.wire.audio import (
    CreateSpeechRequest,
    CreateTranscriptionRequest,
    CreateTranslationRequest,
    DeploymentSpeechRequest,
    Transcription,
)
from understudy.wire.parsing import parse_object

operations = OperationGroup("Audio")

TRANSCRIPTIONS: Final = "audio/transcriptions"
TRANSLATIONS: Final = "audio/translations"


@operations.add(
    "createSpeech",
    "POST",
    "/audio/speech",
    summary="Create speech from a text; the body is forwarded to the model's provider.",
    request=CreateSpeechRequest,
    response=BYTES,
    binary=True,
    streams=True,
)
async def create_speech(request: Request) -> Response:
    return await _relay_speech(request, CreateSpeechRequest)


async def create_deployment_speech(request: Request) -> Response:
    """Azure's form: the path names the model; the `model` of the body is ignored."""
    return await _relay_speech(request, DeploymentSpeechRequest)


@operations.add(
    "createTranscription",
    "POST",
    "/audio/transcriptions",
    summary="Transcribe a recording; the form is forwarded to the model's provider.",
    request=CreateTranscriptionRequest,
    form=True,
    response=Transcription,
    streams=True,
)
async def create_transcription(request: Request) -> Response:
    return await _relay_recording(request, TRANSCRIPTIONS)


@operations.add(
    "createTranslation",
    "POST",
    "/audio/translations",
    summary="Translate a recording into English text; the form is forwarded to the model's provider.",
    request=CreateTranslationRequest,
    form=True,
    response=Transcription,
)
async def create_translation(request: Request) -> Response:
    return await _relay_recording(request, TRANSLATIONS)


async def _relay_speech(request: Request, kind: type[DeploymentSpeechRequest]) -> Response:
    limits = parts_of(request).settings.limits
    raw = await read_body(request, limits)
    body = await decode_body(raw, _parse_body, raw, kind, limits)
    if model := named_model(request):
        body["model"] = model
    characters = len(body["input"])
    return await relay(request, RelayRequest("audio/speech", "speech", JsonBody(body), lambda _: characters))


async def _relay_recording(request: Request, operation: str) -> Response:
    async with open_form(request) as form:
        if model := named_model(request):
            form.fields["model"] = [model]
        check_field(form, "file")
        check_field(form, "model")
        form.model = form.fields["model"][0]
        return await relay(request, RelayRequest(operation, "transcription", form, count_seconds))


def _parse_body(raw: bytes, kind: type[DeploymentSpeechRequest], limits: LimitSettings) -> dict[str, Any]:
    return parse_object(raw, kind, depth=limits.json_depth, values=limits.json_values)
