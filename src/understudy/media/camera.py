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
# What a scene does where nobody said anything.
_DEFAULT_MOTIONS: Final = ("Push In", "Pan Right", "Pull Out", "Pan Left", "Crane Up")


@dataclass(frozen=True, slots=True)
class CameraView:
    """Where the camera is. `x` and `y` are shares of the room that a layer has beside the picture, from -1 to 1.

    `parallax` is how much less of the way the far layers go, and `swing` moves them against those in front.
    """

    zoom: float
    x: float
    y: float
    parallax: float
    swing: float


def find_motion(text: str) -> str | None:
    """The first motion that a text names, in whatever case and spelling."""
    found = _MOTION_NAME.search(text)
    return None if found is None else " ".join(re.split(r"[\s_-]+", found[1])).title()


def strip_motions(text: str) -> str:
    """The text without instructions to the camera, which nobody wants to read as a caption."""
    text = _MOTION_INSTRUCTION.sub(" ", text)
    text = re.sub(r"[\s,;]+([.,;!?])", r"\1", text)
    return re.sub(r"\s{2,}", " ", text).strip(" ,;-")


def default_motion(scene: int) -> str:
    return _DEFAULT_MOTIONS[scene % len(_DEFAULT_MOTIONS)]


def camera_view(motion: str, moment: float) -> CameraView:
    """The camera at `moment`, from 0 to 1, of a motion."""
    way = _ease_in_out(moment)
    kind = motion.rpartition(" ")[0] or motion
    there = _signed_direction(2 * way - 1, motion)
    return {
        "Move": CameraView(1.0, 0.0, there, 1.0, 0.0)
        if motion.endswith(("Up", "Down"))
        else CameraView(1.0, there, 0.0, 1.0, 0.0),
        "Pan": CameraView(1.0, there, 0.0, 0.2, 0.0),
        "Push": CameraView(1.0 + 0.22 * way, 0.0, 0.12 * way, 1.0, 0.0),
        "Pull": CameraView(1.22 - 0.22 * way, 0.0, 0.12 * (1 - way), 1.0, 0.0),
        "Zoom": CameraView(1.15 + 0.15 * (2 * way - 1) * (-1 if motion.endswith("Out") else 1), 0.0, 0.0, 0.0, 0.0),
        "Orbit": CameraView(1.04, 0.0, 0.0, 1.0, there),
        "Crane": CameraView(1.0 + 0.08 * way, 0.0, there, 0.8, 0.0),
    }.get(kind, CameraView(1.0, 0.0, 0.0, 0.0, 0.0))


def _signed_direction(way: float, motion: str) -> float:
    """Backwards to the left and upwards."""
    return -way if motion.endswith(("Left", "Up")) else way


def _ease_in_out(moment: float) -> float:
    """Slow at both ends, as a hand on a camera is."""
    return moment * moment * (3 - 2 * moment)
