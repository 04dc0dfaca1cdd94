"""The program of the child process that draws a storyboard: one order from its input, one answer to its output.

It limits itself before it opens anything of a stranger's, and yields to everything else on the machine.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from understudy.media.storyboard.messages import Answer, Order, Picture
from understudy.parent_death import die_with_parent

_NICE: Final = 10
_LARGEST_PICTURE: Final = 60_000_000
_THUMBNAIL: Final = 640
_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
# Larger films are drawn at this size and enlarged.
_DRAWN: Final = 1080


class _Refused(Exception):
    pass


def main() -> None:
    die_with_parent(int(sys.argv[1]))
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not speak in our place
    _limit(order)
    try:
        _draw(order)
        answer = Answer()
    except _Refused as refusal:
        answer = Answer(str(refusal))
    sink.write(msgspec.json.encode(answer))
    sink.close()


def _limit(order: Order) -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 - not everywhere

        os.nice(_NICE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (order.cpu_seconds, order.cpu_seconds))
        resource.setrlimit(resource.RLIMIT_AS, (order.memory, order.memory))


def _draw(order: Order) -> None:
    from PIL import Image  # noqa: PLC0415 - after the limits

    from understudy.media.storyboard import film, panels  # noqa: PLC0415 - likewise
    from understudy.media.storyboard.plan import plan  # noqa: PLC0415 - likewise

    Image.MAX_IMAGE_PIXELS = _LARGEST_PICTURE
    size = (order.width, order.height)
    ends = panels.Ends(
        None if order.start is None else _picture(order.start),
        None if order.end is None else _picture(order.end),
        goes_on=order.start is not None and order.start.kind != "image",
    )
    board = plan(order.prompt, order.seconds, expand=order.expand, concepts=order.concepts)
    drawn = panels.frames(board, _drawn(size), order.seconds, ends, loop=order.loop)

    def watched() -> Iterator[Image.Image]:
        for number, frame in enumerate(drawn):
            if number == panels.RATE:
                small = frame.copy()
                small.thumbnail((_THUMBNAIL, _THUMBNAIL))
                small.save(order.thumbnail, "JPEG", quality=85)
            yield frame

    film.write(watched(), size, board.title, Path(order.video))


def _drawn(size: tuple[int, int]) -> tuple[int, int]:
    share = min(1.0, _DRAWN / min(size))
    return (round(size[0] * share), round(size[1] * share))


def _picture(picture: Picture):  # type: ignore[no-untyped-def]  # noqa: ANN202 - its type is of the extra
    from PIL import Image, ImageOps  # noqa: PLC0415 - after the limits

    from understudy.media.storyboard import film  # noqa: PLC0415 - likewise

    path = Path(picture.path)
    try:
        if picture.kind != "image":
            return film.frame_of(path, last=picture.kind == "last")
        with Image.open(path, formats=_FORMATS) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except Image.DecompressionBombError:
        raise _Refused(f"A keyframe has more than {_LARGEST_PICTURE} pixels. Send a smaller one.") from None
    except (OSError, ValueError, SyntaxError) as error:
        kinds = ", ".join(_FORMATS)
        raise _Refused(f"A keyframe is no picture that can be read ({error}). Send one of {kinds}.") from None


if __name__ == "__main__":
    main()
