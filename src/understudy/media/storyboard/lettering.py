"""Words in the picture: the label that is always there, the title, and the caption of a scene. Knows no film."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from PIL import Image, ImageDraw, ImageFont

LABEL: Final = "STORYBOARD · made by Understudy's rehearsal renderer"

# For what the font inside of Pillow, which has Latin letters, cannot write. Found by name where a system has them.
_WIDER: Final = (
    "NotoSansCJK-Regular.ttc",
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "Arial Unicode.ttf",
    "arial.ttf",
    "Arial.ttf",
)
_LINES: Final = 3

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class Plate:
    """A picture with transparency, and where its upper left corner belongs."""

    picture: Image.Image
    place: tuple[int, int]


def label(size: tuple[int, int]) -> Plate:
    """What says, on every picture, that this is a storyboard and who made it."""
    unit = _unit(size)
    margin = round(unit * 0.6)
    height = unit * 0.8
    font = _font(LABEL, height)
    while _width(LABEL, font) > size[0] - margin * 4 and height > 7:
        height *= 0.9
        font = _font(LABEL, height)
    pad = round(height * 0.45)
    across, down = _width(LABEL, font) + pad * 2, round(height * 1.15) + pad * 2
    plate = _rounded((across, down), pad, (0, 0, 0, 150))
    ImageDraw.Draw(plate).text((pad, down / 2), LABEL, font=font, fill=(255, 255, 255, 235), anchor="lm")
    return Plate(plate, (margin, margin))


def title(text: str, size: tuple[int, int]) -> Plate:
    unit = _unit(size)
    height = unit * 2.1
    lines = _wrapped(text, height, round(size[0] * 0.84))
    while len(lines) > _LINES and height > unit:
        height *= 0.85
        lines = _wrapped(text, height, round(size[0] * 0.84))
    picture = Image.new("RGBA", (size[0], round(height * 1.25 * len(lines) + unit * 2)), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        place = (size[0] / 2, unit + height * 1.25 * (number + 0.5))
        draw.text(
            place,
            line,
            font=_font(line, height),
            fill=(255, 255, 255, 255),
            anchor="mm",
            stroke_width=max(1, round(height / 18)),
            stroke_fill=(0, 0, 0, 170),
        )
    return Plate(picture, (0, round(size[1] * 0.42 - picture.height / 2)))


def caption(text: str, heading: str, size: tuple[int, int]) -> Plate:
    """A dark strip along the lower edge: `heading` in small letters, then the text in up to three lines."""
    unit = _unit(size)
    height = unit * 1.15
    margin = round(unit * 1.2)
    lines = _wrapped(text, height, size[0] - margin * 2)
    if len(lines) > _LINES:
        lines = [*lines[: _LINES - 1], lines[_LINES - 1].rstrip(" ,.;") + "…"]
    top = round(unit * 1.9)
    across, down = size[0], round(top + height * 1.3 * len(lines) + unit * 1.3)
    picture = Image.new("RGBA", (across, down), (0, 0, 0, 0))
    fade = Image.linear_gradient("L").resize((across, down)).point(lambda value: min(190, round(value * 1.25)))
    picture.paste(Image.new("RGBA", (across, down), (8, 10, 16, 255)), (0, 0), fade)
    picture.putalpha(fade)
    draw = ImageDraw.Draw(picture)
    draw.text((margin, unit * 1.25), heading, font=_font(heading, unit * 0.72), fill=(255, 205, 120, 255), anchor="lm")
    for number, line in enumerate(lines):
        place = (margin, top + height * 1.3 * (number + 0.5))
        draw.text(place, line, font=_font(line, height), fill=(255, 255, 255, 255), anchor="lm")
    return Plate(picture, (0, size[1] - down))


def faded(plate: Plate, share: float) -> Image.Image:
    """The plate's picture with that share of its strength."""
    if share >= 1:
        return plate.picture
    picture = plate.picture.copy()
    picture.putalpha(plate.picture.getchannel("A").point(lambda value: round(value * share)))
    return picture


def _unit(size: tuple[int, int]) -> float:
    """What sizes of letters are counted in: the same look at every size and aspect."""
    return max(8.0, math.sqrt(size[0] * size[1]) / 40)


@lru_cache(maxsize=256)
def _font(text: str, height: float) -> Font:
    own = ImageFont.load_default(round(height))
    if all(ord(letter) < 0x250 or letter in "…–—‘’“”·" for letter in text):  # noqa: RUF001
        return own
    for name in _WIDER:
        try:
            return ImageFont.truetype(name, round(height))
        except OSError:
            continue
    return own


def _width(text: str, font: Font) -> int:
    return round(font.getlength(text))


def _wrapped(text: str, height: float, room: int) -> list[str]:
    """Lines that fit; a word that is too long for one is broken, as are words of scripts without spaces."""
    font = _font(text, height)
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if _width(longer, font) <= room:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if _width(lines[-1] + letter, font) > room:
                lines.append("")
            lines[-1] += letter
    return [line for line in lines if line] or [""]


def _rounded(size: tuple[int, int], radius: int, colour: tuple[int, int, int, int]) -> Image.Image:
    plate = Image.new("RGBA", size, (0, 0, 0, 0))
    ImageDraw.Draw(plate).rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), radius, fill=colour)
    return plate
