"""Images. Source: operations createImage, createImageEdit and createImageVariation.

Members beside these, and their values, are for the provider.
"""

from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Struct, UnsetType

MAX_PROMPT: Final = 32_000
"""Characters."""
MAX_COUNT: Final = 10

Prompt = Annotated[str, Meta(min_length=1, max_length=MAX_PROMPT, description="The text of the wanted images.")]
Model = Annotated[str, Meta(description="The model, of a provider that makes images.")]
Count = Annotated[int, Meta(ge=1, le=MAX_COUNT, description="How many images to make.")]
Streamed = Annotated[bool, Meta(description="Whether partial images are streamed as events.")]
Parameter = Annotated[Any, Meta(description="Forwarded to the provider.")]
Picture = Annotated[str, Meta(description="The image, as a file of the form.")]


class ImageOptions(Struct, kw_only=True):
    """Members of every request that are forwarded to the provider."""

    model: Model | None = None
    n: Count | None = None
    size: Parameter = None
    response_format: Parameter = None
    user: Parameter = None


class CreateImageRequest(ImageOptions, kw_only=True):
    prompt: Prompt
    quality: Parameter = None
    output_format: Parameter = None
    output_compression: Parameter = None
    background: Parameter = None
    moderation: Parameter = None
    style: Parameter = None
    partial_images: Parameter = None
    stream: Streamed | None = None


class ImageReference(Struct, kw_only=True):
    """An image by its URL, a data URL or the id of a File; one of the two."""

    image_url: Annotated[str, Meta(description="A public URL or a data URL.")] | None = None
    file_id: Annotated[str, Meta(description="The id of a File with an image.")] | None = None

    def __post_init__(self) -> None:
        if (self.image_url is None) == (self.file_id is None):
            raise ValueError("expected exactly one of 'image_url' and 'file_id'")


class CreateImageEditRequest(CreateImageRequest, kw_only=True):
    images: Annotated[list[ImageReference], Meta(min_length=1, max_length=16, description="The images to edit.")]
    mask: ImageReference | None = None
    input_fidelity: Parameter = None


class CreateImageEditForm(CreateImageRequest, kw_only=True):
    image: Picture
    mask: Annotated[str, Meta(description="An image whose transparent parts say where to edit.")] | None = None
    input_fidelity: Parameter = None


class CreateImageVariationRequest(ImageOptions, kw_only=True):
    image: Picture


class Image(Struct, kw_only=True):
    b64_json: Annotated[str, Meta(description="The image in base64.")] | UnsetType = UNSET
    url: Annotated[str, Meta(description="Where the provider has the image for a while.")] | UnsetType = UNSET
    revised_prompt: Annotated[str, Meta(description="The prompt that the provider used.")] | UnsetType = UNSET


class ImagesResponse(Struct, kw_only=True):
    """As the provider sends it; `usage` are tokens."""

    created: int
    data: list[Image] | UnsetType = UNSET
    usage: Any = UNSET
