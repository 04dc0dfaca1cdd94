"""Moderations, and those of responses. Source: operation createModeration, where other members are the provider's."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct


class ModeratedImage(Struct, kw_only=True):
    url: Annotated[str, Meta(description="A public URL or a data URL.")]


class ImageInput(Struct, kw_only=True, tag_field="type", tag="image_url"):
    image_url: ModeratedImage


class TextInput(Struct, kw_only=True, tag_field="type", tag="text"):
    text: str


class CreateModerationRequest(Struct, kw_only=True):
    input: Annotated[
        str | Annotated[list[str | ImageInput | TextInput], Meta(min_length=1, max_length=2048)],
        Meta(description="A text, several texts, or parts with texts and images."),
    ]
    model: Annotated[str, Meta(description="The model; `omni-moderation-latest` when unset.")] | None = None


class ModerationResult(Struct, kw_only=True):
    """As the provider sends it; categories and scores are by the names of its categories."""

    flagged: bool
    categories: dict[str, Any]
    category_scores: dict[str, Any]


class CreateModerationResponse(Struct, kw_only=True):
    id: str
    model: str
    results: list[ModerationResult]
    object: Literal["moderation"] | None = None


class ModeratedSide(Struct, frozen=True, kw_only=True, tag_field="type", tag="moderation_result"):
    """The moderation of a response's input or output; scores are by the names of the model's categories."""

    model: str
    flagged: bool
    categories: dict[str, bool]
    category_scores: dict[str, float]
    category_applied_input_types: dict[str, list[str]]


class ModerationError(Struct, frozen=True, kw_only=True, tag_field="type", tag="error"):
    """Why a side was not moderated."""

    code: str
    message: str


class ResponseModeration(Struct, frozen=True):
    input: ModeratedSide | ModerationError
    output: ModeratedSide | ModerationError
