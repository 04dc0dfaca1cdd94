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
_PATTERN: Final = re.compile(
    r"\b(" + "|".join(name.replace(" ", r"[\s_-]+") for name in MOTIONS) + r")\b", re.IGNORECASE
)
# What a scene does where nobody said anything.
_GENTLE: Final = ("Push In", "Pan Right", "Pull Out", "Pan Left", "Crane Up")


@dataclass(frozen=True, slots=True)
class View:
    """Where the camera is. `x` and `y` are shares of the room that a layer has beside the picture, from -1 to 1.

    `depth` says how much of the way a layer goes that is `far` from 0 (the sky) to 1 (in front).
    """

    zoom: float
    x: float
    y: float
    parallax: float
    swing: float


def motion_in(text: str) -> str | None:
    """The first motion that a text names, in whatever case and spelling."""
    found = _PATTERN.search(text)
    return None if found is None else " ".join(re.split(r"[\s_-]+", found[1])).title()


def without_motions(text: str) -> str:
    """The text without instructions to the camera, which nobody wants to read as a caption."""
    text = re.sub(
        rf"(?:\bthe\s+)?(?:\bcamera\b)?[\s:,-]*{_PATTERN.pattern}\s*(?:shot|motion)?", " ", text, flags=re.IGNORECASE
    )
    text = re.sub(r"\s+([.,;!?])", r"\1", text)
    return re.sub(r"\s{2,}", " ", text).strip(" ,;-")


def gentle(scene: int) -> str:
    return _GENTLE[scene % len(_GENTLE)]


def view(motion: str, moment: float) -> View:
    """The camera at `moment`, from 0 to 1, of a motion."""
    way = _eased(moment)
    there = 2 * way - 1
    match motion:
        case "Move Left" | "Move Right":
            return View(1.0, _signed(there, motion, "Left"), 0.0, 1.0, 0.0)
        case "Move Up" | "Move Down":
            return View(1.0, 0.0, _signed(there, motion, "Up"), 1.0, 0.0)
        case "Pan Left" | "Pan Right":
            return View(1.0, _signed(there, motion, "Left"), 0.0, 0.2, 0.0)
        case "Push In":
            return View(1.0 + 0.22 * way, 0.0, 0.12 * way, 1.0, 0.0)
        case "Pull Out":
            return View(1.22 - 0.22 * way, 0.0, 0.12 * (1 - way), 1.0, 0.0)
        case "Zoom In":
            return View(1.0 + 0.3 * way, 0.0, 0.0, 0.0, 0.0)
        case "Zoom Out":
            return View(1.3 - 0.3 * way, 0.0, 0.0, 0.0, 0.0)
        case "Orbit Left" | "Orbit Right":
            return View(1.04, 0.0, 0.0, 1.0, _signed(there, motion, "Left"))
        case "Crane Up" | "Crane Down":
            return View(1.0 + 0.08 * way, 0.0, _signed(there, motion, "Up"), 0.8, 0.0)
        case _:
            return View(1.0, 0.0, 0.0, 0.0, 0.0)


def _signed(way: float, motion: str, backwards: str) -> float:
    return -way if motion.endswith(backwards) else way


def _eased(moment: float) -> float:
    """Slow at both ends, as a hand on a camera is."""
    return moment * moment * (3 - 2 * moment)
