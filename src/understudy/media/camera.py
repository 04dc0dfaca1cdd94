"""Camera motions: their names, how one is found in a prompt, and where the camera is at each moment. Draws nothing."""

import re
from dataclasses import dataclass
from typing import Final

MOTIONS: Final = (
    "Static",
    "Move Left",
    "Move Right",
    "Move Up",
    "Move Down",
    "Push In",
    "Pull Out",
    "Zoom In",
    "Zoom Out",
    "Pan Left",
    "Pan Right",
    "Orbit Left",
    "Orbit Right",
    "Crane Up",
    "Crane Down",
)
_MOTION_NAMES: Final = r"\b(" + "|".join(name.replace(" ", r"[\s_-]+") for name in MOTIONS) + r")\b"
_MOTION_NAME: Final = re.compile(_MOTION_NAMES, re.IGNORECASE)
_MOTION_INSTRUCTION: Final = re.compile(
    rf"(?:\bthe\s+)?(?:\bcamera\b)?[\s:,-]*{_MOTION_NAMES}\s*(?:shot|motion)?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class CameraView:
    """Where the camera is. `x` and `y` are shares of the room beside the picture, from -1 to 1."""

    zoom: float
    x: float
    y: float


def find_motion(text: str) -> str | None:
    """The first motion that the text names, in any case and spelling."""
    match = _MOTION_NAME.search(text)
    return None if match is None else " ".join(re.split(r"[\s_-]+", match[1])).title()


def strip_motions(text: str) -> str:
    """The text without instructions to the camera, for a caption."""
    text = _MOTION_INSTRUCTION.sub(" ", text)
    text = re.sub(r"[\s,;]+([.,;!?])", r"\1", text)
    return re.sub(r"\s{2,}", " ", text).strip(" ,;-")


def camera_view(motion: str, moment: float) -> CameraView:
    """The camera at `moment`, from 0 to 1, of a motion."""
    progress = _ease_in_out(moment)
    offset = _signed_direction(2 * progress - 1, motion)
    match motion.rpartition(" ")[0]:
        case "Push":
            return CameraView(1.0 + 0.22 * progress, 0.0, 0.12 * progress)
        case "Pull":
            return CameraView(1.22 - 0.22 * progress, 0.0, 0.12 * (1 - progress))
        case "Zoom":
            return CameraView(1.15 + 0.15 * (2 * progress - 1) * (-1 if motion.endswith("Out") else 1), 0.0, 0.0)
        case "Crane":
            return CameraView(1.0 + 0.08 * progress, 0.0, offset)
        case "Move" | "Pan" | "Orbit":
            is_vertical = motion.endswith(("Up", "Down"))
            return CameraView(1.0, 0.0 if is_vertical else offset, offset if is_vertical else 0.0)
        case _:
            return CameraView(1.0, 0.0, 0.0)


def _signed_direction(offset: float, motion: str) -> float:
    return -offset if motion.endswith(("Left", "Up")) else offset


def _ease_in_out(moment: float) -> float:
    """Slow at both ends, as a camera in a hand."""
    return moment * moment * (3 - 2 * moment)
