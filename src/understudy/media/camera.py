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
_NAMES: Final = r"\b(" + "|".join(name.replace(" ", r"[\s_-]+") for name in MOTIONS) + r")\b"
_NAMED: Final = re.compile(_NAMES, re.IGNORECASE)
_INSTRUCTION: Final = re.compile(rf"(?:\bthe\s+)?(?:\bcamera\b)?[\s:,-]*{_NAMES}\s*(?:shot|motion)?", re.IGNORECASE)
# What a scene does where nobody said anything.
_GENTLE: Final = ("Push In", "Pan Right", "Pull Out", "Pan Left", "Crane Up")


@dataclass(frozen=True, slots=True)
class View:
    """Where the camera is. `x` and `y` are shares of the room that a layer has beside the picture, from -1 to 1.

    `parallax` is how much less of the way the far layers go, and `swing` moves them against those in front.
    """

    zoom: float
    x: float
    y: float
    parallax: float
    swing: float


def motion_in(text: str) -> str | None:
    """The first motion that a text names, in whatever case and spelling."""
    found = _NAMED.search(text)
    return None if found is None else " ".join(re.split(r"[\s_-]+", found[1])).title()


def without_motions(text: str) -> str:
    """The text without instructions to the camera, which nobody wants to read as a caption."""
    text = _INSTRUCTION.sub(" ", text)
    text = re.sub(r"[\s,;]+([.,;!?])", r"\1", text)
    return re.sub(r"\s{2,}", " ", text).strip(" ,;-")


def gentle(scene: int) -> str:
    return _GENTLE[scene % len(_GENTLE)]


def view(motion: str, moment: float) -> View:
    """The camera at `moment`, from 0 to 1, of a motion."""
    way = _eased(moment)
    kind = motion.rpartition(" ")[0] or motion
    there = _signed(2 * way - 1, motion)
    return {
        "Move": View(1.0, 0.0, there, 1.0, 0.0) if motion.endswith(("Up", "Down")) else View(1.0, there, 0.0, 1.0, 0.0),
        "Pan": View(1.0, there, 0.0, 0.2, 0.0),
        "Push": View(1.0 + 0.22 * way, 0.0, 0.12 * way, 1.0, 0.0),
        "Pull": View(1.22 - 0.22 * way, 0.0, 0.12 * (1 - way), 1.0, 0.0),
        "Zoom": View(1.15 + 0.15 * (2 * way - 1) * (-1 if motion.endswith("Out") else 1), 0.0, 0.0, 0.0, 0.0),
        "Orbit": View(1.04, 0.0, 0.0, 1.0, there),
        "Crane": View(1.0 + 0.08 * way, 0.0, there, 0.8, 0.0),
    }.get(kind, View(1.0, 0.0, 0.0, 0.0, 0.0))


def _signed(way: float, motion: str) -> float:
    """Backwards to the left and upwards."""
    return -way if motion.endswith(("Left", "Up")) else way


def _eased(moment: float) -> float:
    """Slow at both ends, as a hand on a camera is."""
    return moment * moment * (3 - 2 * moment)
