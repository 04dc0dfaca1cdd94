"""The frames of a storyboard: a gradient or a picture under a moving camera, with the prompt. Knows no file."""

import hashlib
import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from PIL import Image, ImageDraw, ImageFont, ImageOps

from understudy.media import camera
from understudy.media.storyboard.encoding import RATE

LABEL: Final = "STORYBOARD · made by Understudy's rehearsal renderer"
_OVERSCAN: Final = 1.3
_DISSOLVE_SECONDS: Final = 1.0
_MAX_LINES: Final = 3
# For scripts that Pillow's own font, which has Latin letters, lacks. Found by name where a system has them.
_WIDE_FONTS: Final = ("NotoSansCJK-Regular.ttc", "DejaVuSans.ttf", "NotoSans-Regular.ttf", "arial.ttf", "Arial.ttf")


class Keyframes(NamedTuple):
    """`start` and `end` are pictures to begin and to end with; `is_extension`: the start is an earlier video's end."""

    start: Image.Image | None = None
    end: Image.Image | None = None
    is_extension: bool = False


def draw_frames(
    prompt: str, concepts: tuple[str, ...], size: tuple[int, int], seconds: int, keyframes: Keyframes, *, loop: bool
) -> Iterator[Image.Image]:
    """`seconds` of pictures in RGB, the last like the first in a loop. The same arguments draw the same pictures."""
    motion = camera.find_motion(" ".join(concepts).replace("_", " ")) or camera.find_motion(prompt) or "Push In"
    background = None if keyframes.is_extension else keyframes.start
    scene = ImageOps.fit(
        background or _draw_gradient(prompt, size), (round(size[0] * _OVERSCAN), round(size[1] * _OVERSCAN))
    )
    caption = _draw_caption(camera.strip_motions(prompt) or prompt, size)
    count, dissolve = seconds * RATE, round(_DISSOLVE_SECONDS * RATE)
    first: Image.Image | None = None
    for number in range(count):
        frame = _crop(scene, camera.camera_view(motion, number / (count - 1)), size)
        if keyframes.end is not None:
            frame = Image.blend(frame, ImageOps.fit(keyframes.end, size), max(0.0, 2 * number / (count - 1) - 1))
        frame.paste(caption, (0, 0), caption)
        if keyframes.is_extension and keyframes.start is not None and number < dissolve:
            frame = Image.blend(ImageOps.fit(keyframes.start, size), frame, number / dissolve)
        first = first or frame
        if loop and number >= count - dissolve:
            frame = Image.blend(frame, first, (number - (count - dissolve) + 1) / dissolve)
        yield frame


def _draw_gradient(prompt: str, size: tuple[int, int]) -> Image.Image:
    """Two colours of the prompt's hash from corner to corner, with discs that make the camera's move visible."""
    digest = hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).digest()
    dark, light = tuple(value // 3 for value in digest[:3]), tuple(120 + value // 2 for value in digest[3:6])
    picture = Image.new("RGB", size, dark)
    downwards = Image.linear_gradient("L")
    picture.paste(light, (0, 0, *size), Image.blend(downwards, downwards.rotate(90), digest[6] / 256).resize(size))
    disc = Image.radial_gradient("L").point(lambda distance: max(0, 255 - distance * 255 // 180))
    for x, y, scale in zip(digest[7:12], digest[12:17], digest[17:22], strict=True):
        diameter = round(min(size) * (0.2 + scale / 400))
        place = (round(x / 256 * size[0]) - diameter // 2, round(y / 256 * size[1]) - diameter // 2)
        box = (*place, place[0] + diameter, place[1] + diameter)
        picture.paste(light if scale % 2 else dark, box, disc.resize((diameter, diameter)))
    return picture


def _crop(scene: Image.Image, view: camera.CameraView, size: tuple[int, int]) -> Image.Image:
    share = 1 / (_OVERSCAN * view.zoom)
    left = (0.5 + view.x * (1 - share) / 2 - share / 2) * scene.width
    upper = (0.5 + view.y * (1 - share) / 2 - share / 2) * scene.height
    box = (left, upper, left + share * scene.width, upper + share * scene.height)
    return scene.resize(size, Image.Resampling.BILINEAR, box)


def _draw_caption(text: str, size: tuple[int, int]) -> Image.Image:
    """The label at the upper edge and the prompt at the lower one, on dark strips."""
    unit = max(8.0, math.sqrt(size[0] * size[1]) / 36)
    picture = Image.new("RGBA", size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    lines = _wrap_text(text, unit, round(size[0] - unit * 2))
    if len(lines) > _MAX_LINES:
        lines = [*lines[: _MAX_LINES - 1], lines[_MAX_LINES - 1].rstrip(" ,.;") + "…"]
    top = size[1] - unit * 1.4 * (len(lines) + 0.6)
    draw.rectangle((0, top, *size), fill=(8, 10, 16, 170))
    draw.rectangle((0, 0, size[0], unit * 1.5), fill=(8, 10, 16, 170))
    label_height = min(unit * 0.75, unit * 0.75 * (size[0] - unit * 2) / _find_font(LABEL, unit).getlength(LABEL))
    _write_line(draw, LABEL, (unit, unit * 0.75), label_height)
    for number, line in enumerate(lines):
        _write_line(draw, line, (unit, top + unit * 1.4 * (number + 0.8)), unit)
    return picture


def _write_line(draw: ImageDraw.ImageDraw, text: str, place: tuple[float, float], height: float) -> None:
    draw.text(place, text, font=_find_font(text, height), fill=(255, 255, 255, 255), anchor="lm")


@lru_cache(maxsize=256)
def _find_font(text: str, height: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    if not all(ord(letter) < 0x250 or letter in "…–—‘’“”·" for letter in text):  # noqa: RUF001
        for name in _WIDE_FONTS:
            try:
                return ImageFont.truetype(name, round(height))
            except OSError:
                continue
    return ImageFont.load_default(round(height))


def _wrap_text(text: str, height: float, width: int) -> list[str]:
    """Lines that fit; a word that is too long for one is broken, as are words of scripts without spaces."""
    font = _find_font(text, height)
    lines = [""]
    for word in text.split():
        if font.getlength(f"{lines[-1]} {word}") > width:
            lines.append("")
        for letter in f" {word}" if lines[-1] else word:
            if font.getlength(lines[-1] + letter) > width:
                lines.append("")
            lines[-1] += letter
    return [line for line in lines if line] or [""]
