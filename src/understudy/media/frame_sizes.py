"""How large a picture is, in pixels, for an aspect ratio and a resolution: the shorter side is what the name says."""

from typing import Final

_SHORTER_SIDES: Final = {"540p": 540, "720p": 720, "1080p": 1080, "4k": 2160}
DEFAULT_RESOLUTION: Final = "720p"


def frame_size(aspect_ratio: str, resolution: str) -> tuple[int, int]:
    """Width and height, both even as encoders want them."""
    across, down = (int(part) for part in aspect_ratio.split(":"))
    shorter = _SHORTER_SIDES[resolution]
    longer = round(shorter * max(across, down) / min(across, down) / 2) * 2
    return (longer, shorter) if across >= down else (shorter, longer)
