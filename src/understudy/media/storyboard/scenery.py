"""Places, painted in layers from far to near: a sky, what stands behind, what stands in front. Knows no text."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from understudy.media.storyboard.plan import Ground, Time

Colour = tuple[int, int, int]

# Layers are painted at half the size and softened by the enlarging, as a wash of colour is.
_SCALE: Final = 2


@dataclass(frozen=True, slots=True)
class Layer:
    """`depth` is 0 for the sky, which never moves past anything, and 1 for what is in front.

    `picture` is in RGB and has the rows from `top` on of a layer of `height`; above, nothing is to be seen. Without a
    `mask` nothing is seen through it.
    """

    picture: Image.Image
    depth: float
    height: int
    top: int = 0
    mask: Image.Image | None = None


@dataclass(frozen=True, slots=True)
class _Palette:
    """The sky from its top to the horizon, what is far, what is near, and the light."""

    top: Colour
    horizon: Colour
    far: Colour
    near: Colour
    light: Colour


_PALETTES: Final[dict[Time, _Palette]] = {
    "day": _Palette((74, 144, 205), (205, 229, 240), (122, 158, 171), (52, 94, 88), (255, 250, 226)),
    "dawn": _Palette((92, 108, 164), (250, 205, 176), (146, 130, 160), (62, 62, 94), (255, 232, 196)),
    "sunset": _Palette((70, 52, 106), (250, 150, 92), (128, 72, 96), (46, 30, 54), (255, 214, 140)),
    "night": _Palette((10, 16, 40), (44, 62, 104), (30, 42, 76), (10, 16, 32), (236, 240, 255)),
    "storm": _Palette((52, 62, 74), (142, 154, 162), (86, 98, 108), (36, 46, 54), (226, 232, 238)),
    "space": _Palette((6, 6, 20), (38, 22, 66), (96, 70, 120), (30, 22, 46), (246, 230, 255)),
    "underwater": _Palette((32, 148, 176), (8, 52, 92), (14, 82, 116), (6, 34, 62), (206, 246, 248)),
}


def paint(time: Time, ground: Ground, size: tuple[int, int], seed: int, *, snowy: bool) -> list[Layer]:
    """Layers of `size`; the same seed paints the same place."""
    chance = random.Random(seed)  # noqa: S311 - it paints and guards nothing
    palette = _PALETTES[time]
    small = (max(2, size[0] // _SCALE), max(2, size[1] // _SCALE))
    sky = _sky(time, palette, small, chance).convert("RGB").resize(size, Image.Resampling.BICUBIC)
    layers = [Layer(sky, 0.15, size[1])]
    for number, share in enumerate((0.5, 0.78, 1.0)):
        colour = _mixed(_mixed(palette.far, palette.horizon, 0.45), palette.near, number / 2)
        if snowy and ground != "city":
            colour = _mixed(colour, palette.light, 0.55 - 0.15 * number)
        picture = _ground(_Brush(ground, time, small, chance, number, colour, palette))
        if picture is not None:
            layers.append(_cut(picture.resize(size, Image.Resampling.BICUBIC), share))
    return layers


def _cut(picture: Image.Image, depth: float) -> Layer:
    """Without the rows above the ground: what is not there need not be moved."""
    alpha = picture.getchannel("A")
    bounds = alpha.getbbox() or (0, 0, *picture.size)
    rows = (0, bounds[1], picture.width, picture.height)
    return Layer(picture.convert("RGB").crop(rows), depth, picture.height, bounds[1], alpha.crop(rows))


def _sky(time: Time, palette: _Palette, size: tuple[int, int], chance: random.Random) -> Image.Image:
    width, height = size
    sky = _gradient(size, palette.top, palette.horizon).convert("RGBA")
    if time in {"night", "space"}:
        _stars(sky, chance, 260 if time == "space" else 150)
    if time == "space":
        _planet(sky, palette, chance)
    elif time == "underwater":
        _rays(sky, palette, chance)
    else:
        _glow(sky, time, palette, (chance.uniform(0.24, 0.76) * width, chance.uniform(0.2, 0.38) * height))
        _clouds(sky, time, palette, chance)
    return sky


def _ground(brush: "_Brush") -> Image.Image | None:
    """The ground in front of the sky, which covers the picture's lower edge."""
    if brush.ground == "stars" and brush.number < 2:
        return None
    layer = Image.new("RGBA", brush.size, (*brush.colour, 0))
    draw = ImageDraw.Draw(layer)
    _GROUNDS.get(brush.ground, _hills)(draw, brush)
    return _shaded(layer, brush.colour)


@dataclass(frozen=True, slots=True)
class _Brush:
    """What one layer of the ground is painted with; `number` 0 is the farthest of three."""

    ground: Ground
    time: Time
    size: tuple[int, int]
    chance: random.Random
    number: int
    colour: Colour
    palette: _Palette

    @property
    def top(self) -> float:
        """Where the ground begins."""
        return (0.56, 0.68, 0.8)[self.number] * self.size[1]


def _city(draw: ImageDraw.ImageDraw, brush: _Brush) -> None:
    lit = brush.time in {"night", "sunset", "storm", "dawn"}
    _buildings(draw, brush.size, brush.chance, brush.number, brush.colour, lit=lit)


def _sea(draw: ImageDraw.ImageDraw, brush: _Brush) -> None:
    if brush.number == 0 and brush.chance.random() < 0.7:
        _ridge(draw, brush.size, brush.chance, brush.top * 0.98, 0.05, brush.colour)
    _water(draw, brush.size, brush.chance, brush.number, brush.colour, brush.palette)


def _forest(draw: ImageDraw.ImageDraw, brush: _Brush) -> None:
    _ridge(draw, brush.size, brush.chance, brush.top + 0.04 * brush.size[1], 0.05, brush.colour)
    _trees(draw, brush.size, brush.chance, brush.number, brush.colour)


def _mountains(draw: ImageDraw.ImageDraw, brush: _Brush) -> None:
    rise, rough = ((0.2, 0.3), (0.06, 0.18), (0.0, 0.06))[brush.number]
    _ridge(draw, brush.size, brush.chance, brush.top - rise * brush.size[1], rough, brush.colour)


def _reef(draw: ImageDraw.ImageDraw, brush: _Brush) -> None:
    _ridge(draw, brush.size, brush.chance, brush.top + 0.06 * brush.size[1], 0.08, brush.colour)
    _weeds(draw, brush.size, brush.chance, brush.number, brush.colour)


def _desert(draw: ImageDraw.ImageDraw, brush: _Brush) -> None:
    _waves(draw, brush.size, brush.chance, brush.top, 0.07, brush.colour)


def _rocks(draw: ImageDraw.ImageDraw, brush: _Brush) -> None:
    _ridge(draw, brush.size, brush.chance, 0.88 * brush.size[1], 0.04, brush.colour)


def _field(draw: ImageDraw.ImageDraw, brush: _Brush) -> None:
    _waves(draw, brush.size, brush.chance, brush.top, 0.04, brush.colour)
    if brush.number == 2:
        _grass(draw, brush.size, brush.chance, brush.colour)


def _hills(draw: ImageDraw.ImageDraw, brush: _Brush) -> None:
    _waves(draw, brush.size, brush.chance, brush.top, 0.08, brush.colour)
    if brush.number == 1:
        _trees(draw, brush.size, brush.chance, 0, brush.colour)


_GROUNDS: Final[dict[Ground, Callable[[ImageDraw.ImageDraw, _Brush], None]]] = {
    "city": _city,
    "sea": _sea,
    "forest": _forest,
    "mountains": _mountains,
    "reef": _reef,
    "desert": _desert,
    "stars": _rocks,
    "field": _field,
    "hills": _hills,
}


def _gradient(size: tuple[int, int], top: Colour, bottom: Colour) -> Image.Image:
    mask = Image.linear_gradient("L").resize(size, Image.Resampling.BILINEAR)
    return Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), mask)


def _shaded(layer: Image.Image, colour: Colour) -> Image.Image:
    """Darker towards the lower edge, so that what is near stands on something."""
    shade = _gradient(layer.size, (255, 255, 255), (150, 150, 158))
    shaded = ImageChops.multiply(layer.convert("RGB"), shade)
    shaded.putalpha(layer.getchannel("A").filter(ImageFilter.GaussianBlur(0.6)))
    # Blurred edges take their colour from what is transparent beside them.
    backing = Image.new("RGBA", layer.size, (*colour, 0))
    backing.paste(shaded, (0, 0), layer.getchannel("A"))
    backing.putalpha(shaded.getchannel("A"))
    return backing


def _glow(sky: Image.Image, time: Time, palette: _Palette, place: tuple[float, float]) -> None:
    radius = min(sky.size) * (0.055 if time == "night" else 0.075)
    strength = 70 if time == "storm" else 150
    for reach, alpha in ((6.0, strength // 4), (3.2, strength // 2), (1.7, strength)):
        halo = Image.new("L", sky.size, 0)
        ImageDraw.Draw(halo).ellipse(_circle(place, radius * reach), fill=alpha)
        halo = halo.filter(ImageFilter.GaussianBlur(radius * reach / 2.2))
        sky.paste(Image.new("RGBA", sky.size, (*palette.light, 255)), (0, 0), halo)
    if time != "storm":
        disc = Image.new("L", sky.size, 0)
        draw = ImageDraw.Draw(disc)
        draw.ellipse(_circle(place, radius), fill=255)
        if time == "night":
            draw.ellipse(_circle((place[0] + radius * 0.45, place[1] - radius * 0.2), radius * 0.9), fill=40)
        sky.paste(
            Image.new("RGBA", sky.size, (*palette.light, 255)), (0, 0), disc.filter(ImageFilter.GaussianBlur(0.6))
        )


def _clouds(sky: Image.Image, time: Time, palette: _Palette, chance: random.Random) -> None:
    width, height = sky.size
    mask = Image.new("L", sky.size, 0)
    draw = ImageDraw.Draw(mask)
    for _ in range(11 if time == "storm" else 6):
        x, y = chance.uniform(-0.1, 1.1) * width, chance.uniform(0.06, 0.42) * height
        breadth = chance.uniform(0.1, 0.24) * width
        for _ in range(9):
            dx, dy = chance.uniform(-0.5, 0.5) * breadth, chance.uniform(-0.12, 0.1) * breadth
            puff = chance.uniform(0.1, 0.22) * breadth
            draw.ellipse((x + dx - puff * 1.7, y + dy - puff * 0.6, x + dx + puff * 1.7, y + dy + puff * 0.6), fill=120)
    mask = mask.filter(ImageFilter.GaussianBlur(max(1.0, height * 0.014)))
    tint = (
        _mixed(palette.horizon, palette.light, 0.6) if time != "night" else _mixed(palette.horizon, palette.light, 0.2)
    )
    sky.paste(Image.new("RGBA", sky.size, (*tint, 255)), (0, 0), mask)


def _stars(sky: Image.Image, chance: random.Random, count: int) -> None:
    draw = ImageDraw.Draw(sky)
    for _ in range(count):
        x, y = chance.uniform(0, sky.width), chance.uniform(0, sky.height * 0.85)
        radius = chance.choice((0.5, 0.5, 0.7, 1.1)) * sky.height / 420
        glow = chance.randint(130, 255)
        draw.ellipse(_circle((x, y), radius), fill=(glow, glow, min(255, glow + 18), 255))


def _planet(sky: Image.Image, palette: _Palette, chance: random.Random) -> None:
    radius = min(sky.size) * chance.uniform(0.14, 0.24)
    place = (sky.width * chance.uniform(0.28, 0.72), sky.height * chance.uniform(0.32, 0.5))
    ball = Image.new("L", sky.size, 0)
    ImageDraw.Draw(ball).ellipse(_circle(place, radius), fill=255)
    ball = ball.filter(ImageFilter.GaussianBlur(0.8))
    shadow = Image.new("L", sky.size, 0)
    ImageDraw.Draw(shadow).ellipse(_circle((place[0] - radius * 0.45, place[1] - radius * 0.4), radius), fill=255)
    shadow = shadow.filter(ImageFilter.GaussianBlur(radius * 0.28))
    bands = Image.new("RGB", sky.size, palette.far)
    draw = ImageDraw.Draw(bands)
    tint = chance.choice(((214, 150, 110), (120, 170, 210), (200, 186, 150), (150, 196, 160)))
    for number in range(14):
        y = place[1] - radius + number * radius / 7
        draw.rectangle((0, y, sky.width, y + radius / 7), fill=_mixed(tint, palette.light, chance.uniform(0.0, 0.4)))
    bands = bands.filter(ImageFilter.GaussianBlur(radius / 16))
    lit = Image.composite(bands, Image.new("RGB", sky.size, _mixed(tint, palette.top, 0.88)), shadow)
    sky.paste(lit, (0, 0), ball)


def _rays(sky: Image.Image, palette: _Palette, chance: random.Random) -> None:
    width, height = sky.size
    mask = Image.new("L", sky.size, 0)
    draw = ImageDraw.Draw(mask)
    for _ in range(8):
        x, breadth, lean = (
            chance.uniform(0, width),
            chance.uniform(0.01, 0.05) * width,
            chance.uniform(-0.2, 0.2) * width,
        )
        draw.polygon(
            [(x, 0), (x + breadth, 0), (x + breadth * 3 + lean, height), (x - breadth + lean, height)], fill=46
        )
    mask = ImageChops.multiply(mask, ImageChops.invert(Image.linear_gradient("L").resize(sky.size)))
    sky.paste(
        Image.new("RGBA", sky.size, (*palette.light, 255)), (0, 0), mask.filter(ImageFilter.GaussianBlur(width / 90))
    )


def _ridge(
    draw: ImageDraw.ImageDraw, size: tuple[int, int], chance: random.Random, top: float, rough: float, colour: Colour
) -> None:
    """A line of hills or rocks, rough by that share of the height: halved and shaken, again and again."""
    width, height = size
    heights = [chance.uniform(-1, 1) for _ in range(6)]
    shake = 0.55
    for _ in range(6):
        between = [(a + b) / 2 + chance.uniform(-shake, shake) for a, b in pairwise(heights)]
        heights = [value for pair in zip(heights, [*between, 0.0], strict=True) for value in pair][:-1]
        shake *= 0.52
    step = width / (len(heights) - 1)
    line = [(number * step, top - value * rough * height * 0.6) for number, value in enumerate(heights)]
    draw.polygon([(0, height), *line, (width, height)], fill=(*colour, 255))


def _waves(
    draw: ImageDraw.ImageDraw, size: tuple[int, int], chance: random.Random, top: float, swell: float, colour: Colour
) -> None:
    """Soft hills or dunes."""
    width, height = size
    tones = [(chance.uniform(0.6, 2.6), chance.uniform(0, math.tau), chance.uniform(0.3, 1.0)) for _ in range(3)]
    line = []
    for number in range(129):
        x = number / 128
        rise = sum(share * math.sin(math.tau * pace * x + phase) for pace, phase, share in tones)
        line.append((x * width, top - rise * swell * height * 0.5))
    draw.polygon([(0, height), *line, (width, height)], fill=(*colour, 255))


def _water(
    draw: ImageDraw.ImageDraw,
    size: tuple[int, int],
    chance: random.Random,
    number: int,
    colour: Colour,
    palette: _Palette,
) -> None:
    width, height = size
    top = (0.57, 0.7, 0.84)[number] * height
    tone = _mixed(colour, palette.top, 0.45)
    line = [
        (x, top + math.sin(x / width * math.tau * (9 - number * 2) + number) * height * 0.004 * (number + 1))
        for x in range(0, width + 8, 8)
    ]
    draw.polygon([(0, height), *line, (width, height)], fill=(*tone, 255))
    glint = (*_mixed(tone, palette.light, 0.5), 130)
    for _ in range(60):
        y = top + (height - top) * chance.random() ** 1.6
        length = chance.uniform(0.01, 0.05) * width * (0.5 + (y - top) / height * 3)
        x = chance.uniform(0, width)
        draw.line((x, y, x + length, y), fill=glint, width=max(1, round(height / 420)))


def _trees(
    draw: ImageDraw.ImageDraw, size: tuple[int, int], chance: random.Random, number: int, colour: Colour
) -> None:
    width, height = size
    base = (0.64, 0.76, 0.94)[number] * height
    tall = (0.14, 0.24, 0.46)[number] * height
    x = -0.05 * width
    while x < 1.05 * width:
        top = tall * chance.uniform(0.6, 1.15)
        half = top * 0.2
        if number < 2 or chance.random() < 0.6:
            foot = base + chance.uniform(0.0, 0.05) * height
            for tier in range(4):
                upper = foot - top + tier * top * 0.22
                reach = half * (0.4 + tier * 0.22)
                draw.polygon(
                    [(x, upper), (x - reach, upper + top * 0.36), (x + reach, upper + top * 0.36)], fill=(*colour, 255)
                )
            draw.rectangle((x - half * 0.1, foot - top * 0.1, x + half * 0.1, height), fill=(*colour, 255))
        x += half * chance.uniform(0.9, 2.4)


def _grass(draw: ImageDraw.ImageDraw, size: tuple[int, int], chance: random.Random, colour: Colour) -> None:
    width, height = size
    for _ in range(420):
        x, length, lean = (
            chance.uniform(0, width),
            chance.uniform(0.03, 0.1) * height,
            chance.uniform(-0.02, 0.02) * width,
        )
        foot = height * chance.uniform(0.82, 1.0)
        blade = (*_mixed(colour, (230, 220, 150), chance.uniform(0.0, 0.25)), 255)
        draw.line((x, foot, x + lean, foot - length), fill=blade, width=max(1, height // 260))


def _weeds(
    draw: ImageDraw.ImageDraw, size: tuple[int, int], chance: random.Random, number: int, colour: Colour
) -> None:
    width, height = size
    for _ in range(10 + 7 * number):
        x, tall, phase = chance.uniform(0, width), chance.uniform(0.1, 0.34) * height, chance.uniform(0, math.tau)
        line = [
            (x + math.sin(step / 3 + phase) * width * 0.008, height * 0.98 - step * tall / 12) for step in range(13)
        ]
        tint = (*_mixed(colour, (60, 150, 120), chance.uniform(0.0, 0.35)), 255)
        draw.line(line, fill=tint, width=max(2, int(height / 90)), joint="curve")


def _buildings(
    draw: ImageDraw.ImageDraw, size: tuple[int, int], chance: random.Random, number: int, colour: Colour, *, lit: bool
) -> None:
    width, height = size
    x = -0.02 * width
    window = (255, 214, 130, 235) if lit else (*_mixed(colour, (255, 255, 255), 0.35), 255)
    while x < width:
        breadth = chance.uniform(0.035, 0.08) * width * (1 + number * 0.25)
        top = height * (chance.uniform(0.24, 0.58) + number * 0.13)
        draw.rectangle((x, top, x + breadth, height), fill=(*_mixed(colour, (0, 0, 0), chance.uniform(0, 0.12)), 255))
        if chance.random() < 0.3:
            draw.line(
                (x + breadth / 2, top, x + breadth / 2, top - height * 0.05),
                fill=(*colour, 255),
                width=max(1, height // 300),
            )
        pane = max(2.0, breadth / 11)
        for row in range(int((height - top) / (pane * 2.6))):
            for column in range(4):
                if chance.random() < (0.42 if lit else 0.5):
                    left = x + breadth * (0.14 + column * 0.2)
                    upper = top + pane * (1.2 + row * 2.6)
                    draw.rectangle((left, upper, left + pane, upper + pane * 1.3), fill=window)
        x += breadth * chance.uniform(1.0, 1.18)


def _circle(place: tuple[float, float], radius: float) -> tuple[float, float, float, float]:
    return (place[0] - radius, place[1] - radius, place[0] + radius, place[1] + radius)


def _mixed(first: Colour, second: Colour, share: float) -> Colour:
    """`share` of the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return (red, green, blue)
