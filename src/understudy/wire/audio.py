"""Speech and transcriptions. Source: operations createSpeech, createTranscription and createTranslation.

Members beside these, and their values, are for the provider.
"""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

Model = Annotated[str, Meta(min_length=1, description="The model, of a provider that has this endpoint.")]
Parameter = Annotated[Any, Meta(description="Forwarded to the provider.")]
Recording = Annotated[str, Meta(description="The recording, as a file of the form.")]


class DeploymentSpeechRequest(Struct, kw_only=True):
    input: Annotated[str, Meta(min_length=1, max_length=4096, description="The text to speak.")]
    voice: Annotated[str | dict[str, Any], Meta(description="The voice: its name, or an object with its id.")]
    instructions: Parameter = None
    response_format: Parameter = None
    speed: Parameter = None
    stream_format: Parameter = None


class CreateSpeechRequest(DeploymentSpeechRequest, kw_only=True):
    model: Model


class CreateTranslationRequest(Struct, kw_only=True):
    file: Recording
    model: Model
    prompt: Parameter = None
    response_format: Parameter = None
    temperature: Parameter = None


class CreateTranscriptionRequest(CreateTranslationRequest, kw_only=True):
    language: Parameter = None
    include: Parameter = None
    timestamp_granularities: Parameter = None
    chunking_strategy: Parameter = None
    stream: Parameter = None


class Transcription(Struct, kw_only=True):
    """As the provider sends it, in the requested format; this is `json`."""

    text: Annotated[str, Meta(description="The transcribed text.")]
    usage: Any | UnsetType = UNSET
