"""The program of the child process that draws a storyboard: one request on its input, one response on its output.

It limits itself before it opens a client's file, and has the lowest priority on the machine.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from understudy.media.storyboard.messages import Picture, RenderRequest, RenderResponse
from understudy.parent_death import die_with_parent

_NICE: Final = 10
_MAX_PIXELS: Final = 60_000_000
_THUMBNAIL: Final = 640
_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
_MAX_DRAWN: Final = 1080  # larger videos are drawn at this size and enlarged


class _KeyframeError(Exception):
    pass


def main() -> None:
    die_with_parent(int(sys.argv[1]))
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=RenderRequest)
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not write into the response
    _limit_resources(request)
    with sink:
        try:
            _render_video(request)
            sink.write(msgspec.json.encode(RenderResponse()))
        except _KeyframeError as error:
            sink.write(msgspec.json.encode(RenderResponse(str(error))))


def _limit_resources(request: RenderRequest) -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 - not everywhere

        os.nice(_NICE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (request.cpu_seconds, request.cpu_seconds))
        resource.setrlimit(resource.RLIMIT_AS, (request.memory, request.memory))


def _render_video(request: RenderRequest) -> None:
    from understudy.media.storyboard import card, encoding  # noqa: PLC0415 - after the limits

    scale = min(1.0, _MAX_DRAWN / min(request.size))
    start = None if request.start is None else _load_picture(request.start)
    end = None if request.end is None else _load_picture(request.end)
    keyframes = card.Keyframes(start, end, is_extension=bool(request.start and request.start.kind != "image"))
    drawn = (round(request.size[0] * scale), round(request.size[1] * scale))
    frames = card.draw_frames(request.prompt, request.concepts, drawn, request.seconds, keyframes, loop=request.loop)

    def with_thumbnail() -> Iterator[Any]:
        for number, frame in enumerate(frames):
            if number == encoding.RATE:
                thumbnail = frame.copy()
                thumbnail.thumbnail((_THUMBNAIL, _THUMBNAIL))
                thumbnail.save(request.thumbnail, "JPEG", quality=85)
            yield frame

    encoding.write_video(with_thumbnail(), request.size, request.prompt[:100], Path(request.video))


def _load_picture(picture: Picture) -> Any:
    from PIL import Image, ImageOps  # noqa: PLC0415 - after the limits

    from understudy.media.storyboard import encoding  # noqa: PLC0415 - likewise

    Image.MAX_IMAGE_PIXELS = _MAX_PIXELS
    try:
        if picture.kind != "image":
            return encoding.read_frame(Path(picture.path), last=picture.kind == "last")
        with Image.open(picture.path, formats=_FORMATS) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except Image.DecompressionBombError:
        raise _KeyframeError(f"A keyframe has more than {_MAX_PIXELS} pixels. Send a smaller one.") from None
    except (OSError, ValueError, SyntaxError) as error:
        raise _KeyframeError(f"Unreadable keyframe ({error}). Send one of {', '.join(_FORMATS)}.") from None


if __name__ == "__main__":
    main()
