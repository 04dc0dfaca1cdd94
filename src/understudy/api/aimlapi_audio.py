"""Speech and transcriptions over HTTP in the forms of the AI/ML API, on the same endpoints of providers as audio."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.audio import TRANSCRIPTIONS
from understudy.api.download_links import create_link
from understudy.api.metering import add_cost, with_meta
from understudy.api.operations import OperationGroup
from understudy.api.parts import Parts, parts_of, project_of
from understudy.api.relay_meter import RelayRequest
from understudy.api.relayed_form import check_field, create_form, open_form
from understudy.api.relaying import admit_relay, relay, relay_into
from understudy.api.requests import decode_body, json_response, read_body
from understudy.engine.accounting import usd
from understudy.errors import InvalidRequest, UpstreamError
from understudy.llm.relay import JsonBody
from understudy.llm.relayed_form import RECORDING_HEAD_BYTES, RelayedForm
from understudy.llm.usage import count_seconds
from understudy.media import MediaError
from understudy.settings import LimitSettings
from understudy.store.charges import Usage
from understudy.wire.aimlapi_audio import (
    CreateSttForm,
    CreateSttRequest,
    CreateTtsRequest,
    SttError,
    SttResponse,
    SttResult,
    SttTask,
    TtsResponse,
)
from understudy.wire.files import FileObject
from understudy.wire.parsing import parse_object

operations = OperationGroup("Audio")

_DAY: Final = 86_400
_RENAMES: Final = {"audio": "file"}
_DEFAULT_VOICE: Final = "alloy"
_EXTENSIONS: Final = {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav", "audio/l16": "pcm"}
_SUBTYPE: Final = re.compile(r"audio/([a-z0-9]{1,8})")


@operations.add(
    "createTts",
    "POST",
    "/tts",
    summary="Create speech from a text, as the AI/ML API does; the response has its URL. An extension.",
    request=CreateTtsRequest,
    response=TtsResponse,
)
async def create_tts(request: Request) -> Response:
    parts = parts_of(request)
    raw = await read_body(request, parts.settings.limits)
    body = await decode_body(raw, _parse_json, raw, CreateTtsRequest, parts.settings.limits)
    streamed = body.pop("stream", False)
    body["input"] = text = body.pop("text")
    body.setdefault("voice", _DEFAULT_VOICE)
    relayed = RelayRequest("audio/speech", "speech", JsonBody(body), lambda _: len(text))
    return await relay(request, relayed) if streamed else await _store_speech(request, relayed)


@operations.add(
    "createStt",
    "POST",
    "/stt",
    summary="Transcribe a recording, as the AI/ML API does. An extension.",
    request=CreateSttRequest,
    or_form=CreateSttForm,
    response=SttResponse,
)
async def create_stt(request: Request) -> Response:
    async with _read_recording(request) as form:
        content = bytearray()

        async def collect(chunk: bytes) -> None:
            content.extend(chunk)

        async def parse(content_type: str) -> bytes:
            return msgspec.json.encode(_add_results(_parse_transcript(content, content_type)))

        relayed = RelayRequest(TRANSCRIPTIONS, "transcription", form, count_seconds)
        body, usage = await relay_into(request, relayed, collect, parse)
    return _charged_response(body, usage)


@operations.add(
    "createSttTask",
    "POST",
    "/stt/create",
    summary="Transcribe a recording in the background, as the AI/ML API does. An extension.",
    request=CreateSttRequest,
    or_form=CreateSttForm,
    response=SttTask,
)
async def create_stt_task(request: Request) -> Response:
    parts, project_id = parts_of(request), project_of(request)
    async with _read_recording(request) as form:
        admitted = await admit_relay(request, "transcription", form)
        limit = await parts.limiter.size_limit(project_id, "stored_bytes")
        task_id = await parts.transcriptions.create(project_id, form, request.state.key_id, limit, admitted.hold)
    return json_response(msgspec.json.encode(SttTask(generation_id=task_id, status="queued")))


@operations.add(
    "getSttTask",
    "GET",
    "/stt/{generation_id}",
    summary="Retrieve a transcription that was created in the background. An extension.",
    response=SttResult,
)
async def get_stt_task(request: Request) -> Response:
    parts = parts_of(request)
    stored = await parts.store.transcriptions.get(project_of(request), request.path_params["generation_id"])
    task = SttResult(generation_id=stored.id, status=stored.status)
    record = stored.record
    if record.error is not None:
        name, task.message = record.error
        task.error = SttError(name=name, message=task.message)
    if task.status == "completed":
        task.result = _add_results(msgspec.json.decode(record.result))
        task.meta = {"usage": {"credits_used": record.credits, "usd_spent": usd(record.credits)}}
    return json_response(msgspec.json.encode(task))


async def _store_speech(request: Request, relayed: RelayRequest) -> Response:
    """Stores the speech as a File that expires after a day.

    Raises what `relay` does, StoreError, and InvalidRequest for more bytes than the project may store: without a
    request to the provider if it stores as many, else without a charge.
    """
    parts, project_id = parts_of(request), project_of(request)
    limit = await parts.limiter.size_limit(project_id, "stored_bytes")
    async with _count_stored(parts, project_id, limit) as count, parts.files.open_draft() as draft:

        async def write(chunk: bytes) -> None:
            count(len(chunk))
            await draft.write(chunk)

        async def register(content_type: str) -> FileObject:
            filename = f"speech.{_find_extension(content_type)}"
            blob = await draft.commit()
            return await parts.files.register(project_id, filename, "user_data", blob, _DAY, limit=limit)

        file, usage = await relay_into(request, relayed, write, register)
    url, _ = await create_link(request, file.id, _DAY)
    return _charged_response(msgspec.json.encode({"audio": {"url": url}}), usage)


def _parse_transcript(content: bytes | bytearray, content_type: str) -> dict[str, Any]:
    """Raises UpstreamError for JSON other than an object."""
    if not content_type.lower().startswith("application/json"):
        return {"text": content.decode("utf-8", "replace")}
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        raise UpstreamError("malformed", "The upstream returned a malformed transcription.") from None


@asynccontextmanager
async def _count_stored(parts: Parts, project_id: str, limit: int | None) -> AsyncIterator[Callable[[int], None]]:
    """What counts the bytes of speech until they are a File. It, and entering, raise InvalidRequest over the limit."""
    if limit is None:
        yield lambda _: None
        return
    size = await parts.store.project_sizes.get(project_id)
    with parts.limiter.spools.open(project_id, limit, size.bytes) as spool:
        spool.check()
        yield spool.count


def _charged_response(body: bytes, usage: Usage) -> Response:
    response = json_response(with_meta(body, usage))
    add_cost(response, usage)
    return response


def _find_extension(content_type: str) -> str:
    media_type = content_type.partition(";")[0].strip().lower()
    subtype = _SUBTYPE.fullmatch(media_type)
    return _EXTENSIONS.get(media_type) or (subtype[1] if subtype else "bin")


@asynccontextmanager
async def _read_recording(request: Request) -> AsyncIterator[RelayedForm]:
    """The provider's form of a request: of a form with the recording, or of an object with its URL."""
    if "json" not in request.headers.get("content-type", "").lower():
        async with open_form(request, _RENAMES) as form:
            check_field(form, "file")
            check_field(form, "model")
            form.model = form.fields["model"][0]
            yield form
        return
    limits = parts_of(request).settings.limits
    raw = await read_body(request, limits)
    body = await decode_body(raw, _parse_json, raw, CreateSttRequest, limits)
    url = body.pop("url")
    async with create_form(request) as form:
        form.model = body["model"]
        for name, value in body.items():
            for text in _field_texts(value):
                await form.add_field(name if not isinstance(value, list) else f"{name}[]", text)
        await _download(request, form, url)
        yield form


async def _download(request: Request, form: RelayedForm, url: str) -> None:
    """Adds the recording at the URL to the form. Raises InvalidRequest if it cannot be fetched."""
    parts = parts_of(request)
    filename = PurePosixPath(unquote(urlsplit(url).path)).name or "audio"
    await form.begin_file("file", filename, None)
    head = bytearray()

    async def write(chunk: bytes) -> None:
        if len(head) < RECORDING_HEAD_BYTES:
            head.extend(chunk[:RECORDING_HEAD_BYTES])
            form.begin_recording(bytes(head))
        form.file_bytes += len(chunk)
        await form.write(chunk)

    try:
        await parts.recordings.fetch(url, write, parts.settings.limits.file_bytes)
    except MediaError as error:
        raise InvalidRequest(error.message, param="url", code="invalid_value") from None
    await form.end_part()


def _field_texts(value: Any) -> list[str]:
    """The texts of a member's fields: those of an array each, objects as JSON."""
    if value is None:
        return []
    if isinstance(value, list):
        return [text for item in value for text in _field_texts(item)]
    return [value if isinstance(value, str) else msgspec.json.encode(value).decode()]


def _parse_json(raw: bytes, kind: type[Any], limits: LimitSettings) -> dict[str, Any]:
    return parse_object(raw, kind, depth=limits.json_depth, values=limits.json_values)


def _add_results(result: dict[str, Any]) -> dict[str, Any]:
    """The provider's transcription with the member in which that API's clients look for the text."""
    alternative: dict[str, Any] = {"transcript": result.get("text", "")}
    if isinstance(words := result.get("words"), list):
        alternative["words"] = words
    return {"results": {"channels": [{"alternatives": [alternative]}]}, **result}
