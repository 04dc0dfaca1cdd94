"""A storyboard's frames, one after another: places under a moving camera, dissolves, words. Knows no file, no codec."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageDraw, ImageOps

from understudy.media import camera
from understudy.media.storyboard import lettering, scenery
from understudy.media.storyboard.plan import Scene, Storyboard, Weather

RATE: Final = 24
"""Frames a second."""

_OVERSCAN: Final = 1.32
_OVERSCAN_OF_IMAGES: Final = 1.12
_DISSOLVE: Final = 0.4
_TITLE_FROM: Final = 0.15
_TITLE_UNTIL: Final = 1.7
_CAPTION_FADES: Final = 0.3
# How long a film holds the picture that it goes on from, before it dissolves.
_HOLD: Final = 0.35
_AMBER: Final = (255, 178, 72)


@dataclass(frozen=True, slots=True)
class Ends:
    """`start` and `end` are pictures to begin and to end with; `goes_on`: the start is a frame of an earlier film."""

    start: Image.Image | None = None
    end: Image.Image | None = None
    goes_on: bool = False


def frames(board: Storyboard, size: tuple[int, int], seconds: int, ends: Ends, *, loop: bool) -> Iterator[Image.Image]:
    """`seconds` of pictures in RGB, the last like the first where the film is a loop."""
    film = _Film(board, size, seconds, ends)
    count = seconds * RATE
    first = film.frame(0) if loop else None
    turn = round(_DISSOLVE * 1.5 * RATE)
    for number in range(count):
        frame = film.frame(number)
        if first is not None and number >= count - turn:
            frame = Image.blend(frame, first, (number - (count - turn) + 1) / turn)
        yield frame


class _Film:
    def __init__(self, board: Storyboard, size: tuple[int, int], seconds: int, ends: Ends) -> None:
        self._size = size
        self._seconds = seconds
        self._ends = ends
        self._held = None if ends.start is None else ImageOps.fit(ends.start, size)
        self._panels = [_Panel(scene, size, None if ends.goes_on else ends.start) for scene in board.scenes]
        self._end = None if ends.end is None else _Panel(board.scenes[-1], size, ends.end)
        self._label = lettering.label(size)
        self._title = lettering.title(board.title, size)
        count = len(board.scenes)
        self._captions = [
            lettering.caption(scene.caption, _heading(scene, number, count), size)
            for number, scene in enumerate(board.scenes)
        ]
        self._starts = [sum(scene.seconds for scene in board.scenes[:number]) for number in range(count)]

    def frame(self, number: int) -> Image.Image:
        now = number / RATE
        frame = self._picture(now)
        self._write(frame, now)
        if self._held is not None and self._ends.goes_on and now < _HOLD + _DISSOLVE * 2:
            frame = Image.blend(self._held, frame, min(1.0, max(0.0, (now - _HOLD) / (_DISSOLVE * 2))))
        return frame

    def _picture(self, now: float) -> Image.Image:
        current = self._scene_at(now)
        frame = self._panels[current].frame(self._moment(current, now), now)
        into = now - self._starts[current]
        if current and into < _DISSOLVE:
            before = self._panels[current - 1].frame(self._moment(current - 1, now), now)
            frame = Image.blend(before, frame, into / _DISSOLVE)
        if self._end is not None:
            # The second half turns into the picture that it is to end with.
            share = (now / (self._seconds - 1 / RATE) - 0.45) / 0.5
            if share > 0:
                frame = Image.blend(frame, self._end.frame(0.0, now), min(1.0, share))
        return frame

    def _write(self, frame: Image.Image, now: float) -> None:
        current = self._scene_at(now)
        into, left = now - self._starts[current], self._end_of(current) - now
        shown = min(1.0, into / _CAPTION_FADES if current else 1.0, left / _CAPTION_FADES)
        if current == len(self._panels) - 1:
            shown = min(1.0, into / _CAPTION_FADES if current else 1.0)
        _put(frame, self._captions[current], shown)
        if not self._ends.goes_on and _TITLE_FROM < now < _TITLE_UNTIL:
            _put(frame, self._title, min(1.0, (now - _TITLE_FROM) / 0.3, (_TITLE_UNTIL - now) / 0.4))
        _put(frame, self._label, 1.0)
        thick = max(2, self._size[1] // 180)
        done = round(self._size[0] * (now + 1 / RATE) / self._seconds)
        ImageDraw.Draw(frame).rectangle((0, self._size[1] - thick, done, self._size[1]), fill=_AMBER)

    def _scene_at(self, now: float) -> int:
        return max(number for number, start in enumerate(self._starts) if start <= now + 1e-9)

    def _end_of(self, scene: int) -> float:
        return self._starts[scene + 1] if scene + 1 < len(self._starts) else float(self._seconds)

    def _moment(self, scene: int, now: float) -> float:
        """How far the scene is, from 0 to 1, its dissolve into the next one included."""
        last = self._end_of(scene) + (_DISSOLVE if scene + 1 < len(self._starts) else 0.0)
        return min(1.0, (now - self._starts[scene]) / (last - self._starts[scene]))


class _Panel:
    """One scene's place, or the picture that stands for it."""

    def __init__(self, scene: Scene, size: tuple[int, int], image: Image.Image | None) -> None:
        self._scene = scene
        self._size = size
        if image is None:
            self._overscan = _OVERSCAN
            room = (round(size[0] * _OVERSCAN), round(size[1] * _OVERSCAN))
            self._layers: Sequence[scenery.Layer] = scenery.paint(
                scene.time, scene.ground, room, scene.seed, snowy=scene.weather == "snow"
            )
        else:
            self._overscan = 1.0 if scene.motion == "Static" else _OVERSCAN_OF_IMAGES
            fitted = ImageOps.fit(image, (round(size[0] * self._overscan), round(size[1] * self._overscan)))
            self._layers = (scenery.Layer(fitted, 1.0, fitted.height),)
        self._weather = _Weather(scene.weather if image is None else "clear", scene.seed)

    def frame(self, moment: float, now: float) -> Image.Image:
        view = camera.camera_view(self._scene.motion, moment)
        frame = Image.new("RGB", self._size)
        for layer in self._layers:
            self._put(frame, layer, view)
        self._weather.draw(frame, now)
        return frame

    def _put(self, frame: Image.Image, layer: scenery.Layer, view: camera.CameraView) -> None:
        nearness = 1 - view.parallax + view.parallax * layer.depth
        share = 1 / (self._overscan * (1 + (view.zoom - 1) * nearness))
        room = 1 - share
        across = 0.5 + (view.x * nearness + view.swing * (layer.depth * 2 - 1)) * room / 2
        down = 0.5 + view.y * nearness * room / 2
        left = min(max(across - share / 2, 0.0), room) * layer.picture.width
        upper = min(max(down - share / 2, 0.0), room) * layer.height
        right, lower = left + share * layer.picture.width, upper + share * layer.height
        # Whole rows of the frame, or what is cut off above would tremble while the camera moves.
        row = (lower - upper) / self._size[1]
        first = max(0, math.ceil((layer.top - upper) / row))
        if first >= self._size[1]:
            return
        box = (left, upper + first * row - layer.top, right, lower - layer.top)
        size = (self._size[0], self._size[1] - first)
        picture = layer.picture.resize(size, Image.Resampling.BILINEAR, box)
        mask = None if layer.mask is None else layer.mask.resize(size, Image.Resampling.BILINEAR, box)
        frame.paste(picture, (0, first), mask)


@dataclass(frozen=True, slots=True)
class _Speck:
    """Shares of the picture, and how near it is."""

    x: float
    y: float
    near: float


class _Weather:
    """What falls or rises in front of everything."""

    def __init__(self, kind: Weather, seed: int) -> None:
        self._kind = kind
        chance = random.Random(seed + 1)  # noqa: S311 - it paints and guards nothing
        self._specks = [_Speck(chance.random(), chance.random(), chance.uniform(0.5, 1.0)) for _ in range(110)]

    def draw(self, frame: Image.Image, now: float) -> None:
        if self._kind == "clear":
            return
        draw = ImageDraw.Draw(frame, "RGBA")
        for speck in self._specks:
            if self._kind == "rain":
                self._fall(draw, speck, frame.size, now)
            else:
                self._float(draw, speck, frame.size, now)

    def _fall(self, draw: ImageDraw.ImageDraw, speck: _Speck, size: tuple[int, int], now: float) -> None:
        unit = size[1] / 260
        x, y = speck.x * size[0], ((speck.y + now * 1.5 * speck.near) % 1.1 - 0.05) * size[1]
        line = (x, y, x - unit * 2, y + unit * 11 * speck.near)
        draw.line(line, fill=(220, 230, 240, 110), width=max(1, round(unit * 0.6)))

    def _float(self, draw: ImageDraw.ImageDraw, speck: _Speck, size: tuple[int, int], now: float) -> None:
        """Snow comes down, sparks and bubbles go up."""
        unit = size[1] / 260
        rises = self._kind != "snow"
        along = (speck.y + (-1 if rises else 1) * now * 0.13 * speck.near) % 1.0
        sway = 0.012 * ((along * 9 + speck.x * 7) % 2 - 1)
        x, y, radius = (speck.x + sway) * size[0], along * size[1], unit * speck.near
        if self._kind == "bubbles":
            box = (x - radius * 1.5, y - radius * 1.5, x + radius * 1.5, y + radius * 1.5)
            draw.ellipse(box, outline=(225, 250, 255, 150), width=max(1, round(unit * 0.4)))
        else:
            box = (x - radius, y - radius, x + radius, y + radius)
            draw.ellipse(box, fill=(255, 200, 110, 210) if rises else (255, 255, 255, 200))


def _put(frame: Image.Image, plate: lettering.Plate, share: float) -> None:
    if share > 0:
        picture = lettering.faded(plate, share)
        frame.paste(picture, plate.place, picture)


def _heading(scene: Scene, number: int, count: int) -> str:
    parts = [f"SCENE {number + 1} OF {count}", scene.shot or "", f"camera: {scene.motion}"]
    return "  ·  ".join(part for part in parts if part)
