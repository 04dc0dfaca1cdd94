"""The table `[models."ID"]`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from understudy.settings.text import Text


class ModelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[models."ID"]` table: prices and metadata of a model, which override the built-in ones."""

    name: Annotated[Text | None, Meta(description="Display name.")] = None
    developer: Annotated[Text | None, Meta(description="Developer.")] = None
    description: Annotated[Text | None, Meta(description="Description.")] = None
    url: Annotated[Text | None, Meta(description="URL of a page about it.")] = None
    type: Annotated[
        Literal["chat-completion", "embedding", "image", "video", "audio"] | None,
        Meta(description="Type of the model."),
    ] = None
    context_length: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="Context window in tokens: prompt and output.")
    ] = None
    max_output: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="Maximum output in tokens.")] = None
    features: Annotated[tuple[Text, ...] | None, Meta(description="Features, as named in the list of models.")] = None
    tags: Annotated[tuple[Text, ...], Meta(description="Tags to filter the list of models by.")] = ()
    input_price: Annotated[
        Annotated[float, Meta(ge=0, le=1e6)] | None,
        Meta(
            description="US dollars per million input tokens. Any price here replaces all public prices of the model."
        ),
    ] = None
    cached_input_price: Annotated[
        Annotated[float, Meta(ge=0, le=1e6)] | None,
        Meta(description="US dollars per million cached input tokens; when unset, `input_price`."),
    ] = None
    output_price: Annotated[
        Annotated[float, Meta(ge=0, le=1e6)] | None,
        Meta(description="US dollars per million output tokens."),
    ] = None
    audio_input_price: Annotated[
        Annotated[float, Meta(ge=0, le=1e6)] | None,
        Meta(description="US dollars per million input tokens of audio; when unset, `input_price`."),
    ] = None
    cached_audio_input_price: Annotated[
        Annotated[float, Meta(ge=0, le=1e6)] | None,
        Meta(description="US dollars per million cached input tokens of audio; when unset, `audio_input_price`."),
    ] = None
    audio_output_price: Annotated[
        Annotated[float, Meta(ge=0, le=1e6)] | None,
        Meta(description="US dollars per million output tokens of audio; when unset, `output_price`."),
    ] = None
    request_price: Annotated[
        Annotated[float, Meta(ge=0, le=1e6)] | None,
        Meta(description="US dollars per request or video, in addition to tokens."),
    ] = None
    unit_price: Annotated[
        Annotated[float, Meta(ge=0, le=1e6)] | None,
        Meta(description="US dollars per image, per character of speech, or per second of a transcribed recording."),
    ] = None
