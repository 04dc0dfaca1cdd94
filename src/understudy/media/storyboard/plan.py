"""A prompt into scenes: what each says, how long it lasts, how the camera moves, what is to be seen. Draws nothing."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, TypeVar

from understudy.media import camera

Time = Literal["day", "dawn", "sunset", "night", "storm", "space", "underwater"]
Ground = Literal["hills", "mountains", "sea", "city", "forest", "desert", "field", "stars", "reef"]
Name = TypeVar("Name", bound=str)
Weather = Literal["clear", "snow", "rain", "sparks", "bubbles"]

_TITLE: Final = 46
_SECONDS_A_SCENE: Final = 1.7
_LONG: Final = 64
_SENTENCE: Final = re.compile(
    r"(?<=[.!?…。！？])\s+|\n+|\s*(?:->|→|\|)\s*"  # noqa: RUF001 - Chinese and Japanese end so
    r"|\bcut to:?\s+|\bthen\s+(?=\w)|\bscene\s+\d+\s*[:.-]\s*",
    re.IGNORECASE,
)
_CLAUSE: Final = re.compile(r",\s+(?=(?:and|while|as|with|where)\b)|;\s+|\s+(?=while\b)|,\s+", re.IGNORECASE)
_SHOTS: Final = ("Wide shot", "Medium shot", "Close-up")

_TIMES: Final[tuple[tuple[Time, str], ...]] = (
    ("underwater", r"underwater|coral|reef|deep sea|beneath the (?:sea|waves|ocean)"),
    ("space", r"space|planet|galaxy|cosmos|cosmic|asteroid|orbiting|spaceship|rocket|alien|stars? system|nebula"),
    ("night", r"night\w*|midnight|moon\w*|stars?|starry|neon|dark\w*|firefl\w+"),
    ("storm", r"storm|thunder|lightning|rain\w*|grey sky|gray sky|fog\w*|mist\w*"),
    ("dawn", r"dawn|sunrise|morning|daybreak"),
    ("sunset", r"sunset|dusk|evening|golden hour|twilight|autumn|fire\w*|flame\w*|dragon\w*"),
)
_GROUNDS: Final[tuple[tuple[Ground, str], ...]] = (
    (
        "city",
        r"city|cities|street\w*|skyline|skyscraper\w*|building\w*|town|rooftop\w*|traffic|car|cars|cyberpunk|neon",
    ),
    (
        "sea",
        r"sea|ocean|wave\w*|beach\w*|island\w*|harbou?r|boat\w*|ship|sail\w*|surf\w*|whale\w*|coast\w*|lighthouse|lake",
    ),
    ("forest", r"forest\w*|wood|woods|jungle|tree\w*|pine\w*|bear\w*|fox\w*|deer|wolf|wolves|rabbit\w*"),
    (
        "mountains",
        r"mountain\w*|alps|peak\w*|cliff\w*|glacier\w*|snow\w*|ski\w*|hik\w+|valley\w*|canyon\w*|eagle\w*|dragon\w*",
    ),
    ("desert", r"desert\w*|dune\w*|sahara|camel\w*|sand\w*|mars|martian|pyramid\w*"),
    (
        "field",
        r"field\w*|meadow\w*|grass\w*|farm\w*|flower\w*|wheat|garden\w*|park|horse\w*|dog\w*|puppy|cat|cats|kitten\w*",
    ),
)
_WEATHERS: Final[tuple[tuple[Weather, str], ...]] = (
    ("snow", r"snow\w*|winter|blizzard|christmas"),
    ("rain", r"rain\w*|storm\w*|thunder\w*"),
    ("sparks", r"spark\w*|firefl\w+|fire\w*|ember\w*|magic\w*|fairy|fairies|flame\w*"),
)


@dataclass(frozen=True, slots=True)
class Scene:
    """`seconds` is its share of the film; `seed` decides what chance would."""

    caption: str
    shot: str | None
    motion: str
    seconds: float
    time: Time
    ground: Ground
    weather: Weather
    seed: int


@dataclass(frozen=True, slots=True)
class Storyboard:
    title: str
    scenes: tuple[Scene, ...]


def plan(prompt: str, seconds: int, *, expand: bool = False, concepts: tuple[str, ...] = ()) -> Storyboard:
    """The same words make the same storyboard, on every machine."""
    told = camera.find_motion(" ".join(concepts).replace("_", " "))
    motion = told or camera.find_motion(prompt)
    spoken = camera.strip_motions(prompt) or prompt.strip()
    captions = _captions(prompt, max(1, int(seconds / _SECONDS_A_SCENE)))
    if expand and len(captions) < len(_SHOTS):
        captions = (captions * len(_SHOTS))[: len(_SHOTS)]
    place = _Place(spoken)
    scenes = tuple(
        Scene(
            caption=camera.strip_motions(caption) or caption,
            shot=_SHOTS[number % len(_SHOTS)] if expand else None,
            motion=camera.find_motion(caption) or motion or camera.default_motion(number),
            seconds=seconds / len(captions),
            time=place.time(caption),
            ground=place.ground(caption),
            weather=place.weather(caption),
            seed=_seed(f"{number} {caption}"),
        )
        for number, caption in enumerate(captions)
    )
    return Storyboard(_title(spoken), scenes)


class _Place:
    """What the whole prompt says holds for a scene that says nothing else."""

    def __init__(self, prompt: str) -> None:
        self._prompt = prompt

    def time(self, caption: str) -> Time:
        return _first(_TIMES, caption) or _first(_TIMES, self._prompt) or "day"

    def ground(self, caption: str) -> Ground:
        time = self.time(caption)
        if time == "underwater":
            return "reef"
        found = _earliest(_GROUNDS, caption) or _earliest(_GROUNDS, self._prompt)
        if time == "space":
            return "desert" if found in {"desert", "mountains"} else "stars"
        return found or "hills"

    def weather(self, caption: str) -> Weather:
        if self.time(caption) == "underwater":
            return "bubbles"
        if self.time(caption) == "space":
            return "clear"
        return _first(_WEATHERS, caption) or _first(_WEATHERS, self._prompt) or "clear"


def _first(table: Sequence[tuple[Name, str]], text: str) -> Name | None:
    """By the table's order: what changes a picture the most comes first."""
    return next((name for name, words in table if _place(words, text) is not None), None)


def _earliest(table: Sequence[tuple[Name, str]], text: str) -> Name | None:
    """By the text's order: what it names first is what it is about."""
    places = {name: place for name, words in table if (place := _place(words, text)) is not None}
    return min(places, key=places.__getitem__, default=None)


def _place(words: str, text: str) -> int | None:
    found = re.search(rf"\b(?:{words})\b", text, re.IGNORECASE)
    return None if found is None else found.start()


def _captions(prompt: str, most: int) -> list[str]:
    sentences = [part.strip(" ,;") for part in _SENTENCE.split(prompt) if part and part.strip(" ,;.!?")]
    captions = [sentence for sentence in sentences if camera.strip_motions(sentence).strip(" .!?")]
    if len(captions) == 1 and len(captions[0]) > _LONG and most > 1:
        captions = _clauses(captions[0])
    captions = captions or [prompt.strip()]
    return _joined(captions, most)


def _clauses(sentence: str) -> list[str]:
    """A long sentence cut where it breathes; pieces of a word or two stay with what is before them."""
    pieces: list[str] = []
    for piece in _CLAUSE.split(sentence):
        if pieces and len(piece) < _LONG // 4:
            pieces[-1] += f", {piece}"
        else:
            pieces.append(piece)
    return [piece for piece in pieces if piece]


def _joined(captions: list[str], most: int) -> list[str]:
    """At most `most`, none left out: neighbours share a scene, as evenly as can be."""
    if len(captions) <= most:
        return captions
    bounds = [round(number * len(captions) / most) for number in range(most + 1)]
    return [_sentence(captions[start:stop]) for start, stop in pairwise(bounds)]


def _sentence(pieces: list[str]) -> str:
    return "".join(
        piece if not number else f" {piece}" if pieces[number - 1][-1] in ".!?…" else f", {piece}"
        for number, piece in enumerate(pieces)
    )


def _title(prompt: str) -> str:
    first = re.split(r"(?<=[.!?])\s|[,;:\n]", prompt, maxsplit=1)[0].strip(" .!")
    if len(first) > _TITLE:
        first = first[:_TITLE].rsplit(" ", 1)[0].rstrip(" ,;") + "…"
    return first[:1].upper() + first[1:]


def _seed(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:6], "big")
