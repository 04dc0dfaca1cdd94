"""Requests for videos in the form of the hosted API, as every provider of videos can make them.

A provider that makes any length and size gets what was requested; another one gets the shortest of its lengths that is
not shorter, and its nearest size. Source of lengths, sizes and models: operation createVideo.
"""

from typing import Final

from understudy.errors import InvalidRequest
from understudy.media import VideoProvider
from understudy.store.video_rows import Request

HOSTED_MODELS: Final = ("sora-2", "sora-2-pro")
DEFAULT_MODEL: Final = "ray-2"
"""The model of providers that stands for the hosted ones."""

_LUMA_PREFIX: Final = "luma/"
# Aspect ratio and resolution: exact, and the nearest that services have.
_EXACT: Final = {
    "720x1280": ("9:16", "720p"),
    "1280x720": ("16:9", "720p"),
    "1024x1792": ("4:7", "1024p"),
    "1792x1024": ("7:4", "1024p"),
}
_NEAREST: Final = {**_EXACT, "1024x1792": ("9:16", "1080p"), "1792x1024": ("16:9", "1080p")}


def build_request(
    provider: VideoProvider, prompt: str, model: str, seconds: int, size: str, remixed_from: str | None = None
) -> Request:
    """Raises InvalidRequest for a length or model that the provider does not have."""
    aspect_ratio, resolution = (_EXACT if provider.lengths is None else _NEAREST)[size]
    return Request(
        prompt=prompt,
        model=_provider_model(model),
        aspect_ratio=aspect_ratio,
        resolution=resolution,
        seconds=_fit_length(provider, seconds),
        named_model=model,
        size=size,
        remixed_from=remixed_from,
    )


def _provider_model(model: str) -> str:
    if any(model == hosted or model.startswith(f"{hosted}-20") for hosted in HOSTED_MODELS):
        return DEFAULT_MODEL
    if model.startswith(_LUMA_PREFIX) and len(model) <= 64:
        return model.removeprefix(_LUMA_PREFIX)
    raise InvalidRequest(
        f"The model {model[:64]!r} is not a video model of this server. Use 'sora-2', 'sora-2-pro', or a model of Luma"
        " like 'luma/ray-2'.",
        param="model",
        code="model_not_found",
    )


def _fit_length(provider: VideoProvider, seconds: int) -> int:
    if provider.lengths is None:
        return seconds
    for length in provider.lengths:
        if length >= seconds:
            return length
    raise InvalidRequest(
        f"Invalid 'seconds': {provider.name!r}, which makes the videos, makes at most {provider.lengths[-1]} seconds.",
        param="seconds",
        code="invalid_value",
    )
