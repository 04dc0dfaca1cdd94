"""The size of a video in pixels for an aspect ratio and a resolution, which names the shorter side."""

from typing import Final

_SHORTER_SIDES: Final = {"540p": 540, "720p": 720, "1024p": 1024, "1080p": 1080, "4k": 2160}
DEFAULT_RESOLUTION: Final = "720p"


def frame_size(aspect_ratio: str, resolution: str) -> tuple[int, int]:
    """Width and height, both even as encoders require."""
    width, height = (int(part) for part in aspect_ratio.split(":"))
    shorter = _SHORTER_SIDES[resolution]
    longer = round(shorter * max(width, height) / min(width, height) / 2) * 2
    return (longer, shorter) if width >= height else (shorter, longer)
