"""Speech and transcriptions in the forms of the AI/ML API.

Source: its pages of text-to-speech and speech-to-text models. Members beside these are for the provider.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from understudy.wire.audio import Model, Parameter

Cost = Annotated[Any, Meta(description="The cost, as `usage.credits_used` and `usage.usd_spent`.")]
TaskStatus = Literal["queued", "generating", "completed", "error"]
Url = Annotated[str, Meta(min_length=1, description="The public URL of the recording.")]
GenerationId = Annotated[str, Meta(description="The id of the transcription.")]


class CreateTtsRequest(Struct, kw_only=True):
    model: Model
    text: Annotated[str, Meta(min_length=1, max_length=65_536, description="The text to speak.")]
    voice: Annotated[str | dict[str, Any], Meta(description="The voice: its name, or an object with its id.")] = "alloy"
    response_format: Parameter = None
    speed: Parameter = None
    stream: Annotated[
        bool | None, Meta(description="Whether the response is the bytes of the speech as they are made.")
    ] = None


class SpeechLink(Struct, kw_only=True):
    url: Annotated[str, Meta(description="A URL that needs no key, for a day.")]


class TtsResponse(Struct, kw_only=True):
    audio: SpeechLink
    meta: Cost = None


class CreateSttRequest(Struct, kw_only=True):
    model: Model
    url: Url
    language: Parameter = None
    prompt: Parameter = None
    temperature: Parameter = None


class CreateSttForm(Struct, kw_only=True):
    model: Model
    audio: Annotated[str, Meta(description="The recording, as a file of the form.")]
    language: Parameter = None
    prompt: Parameter = None
    temperature: Parameter = None


class SttTask(Struct, kw_only=True):
    generation_id: GenerationId
    status: TaskStatus


class SttError(Struct, kw_only=True):
    name: str
    message: str


class SttResult(SttTask, kw_only=True, omit_defaults=True):
    """`result` is the provider's transcription, with the text also as `results.channels[0].alternatives[0]`."""

    result: Annotated[Any, Meta(description="The transcription of a completed task.")] | UnsetType = UNSET
    error: SttError | UnsetType = UNSET
    message: Annotated[str, Meta(description="The message of the error.")] | UnsetType = UNSET
    meta: Cost | UnsetType = UNSET


class SttResponse(Struct, kw_only=True):
    """The provider's transcription, with the text also as `results.channels[0].alternatives[0]`."""

    results: Any
    text: str | UnsetType = UNSET
    usage: Any | UnsetType = UNSET
    meta: Cost | UnsetType = UNSET
