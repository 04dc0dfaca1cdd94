"""Frames into an MP4 that browsers play, and frames out of one. Knows nothing of what is to be seen."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from av.video.stream import VideoStream
from PIL import Image

from understudy.media.storyboard.panels import RATE

COMMENT: Final = "A storyboard drawn by Understudy's rehearsal renderer; no video model was involved."

# One thread, nothing of the moment in the file, and without the one analysis of x264 that does not always come to the
# same result: the same frames are the same bytes.
_CODEC: Final = {
    "preset": "veryfast",
    "crf": "21",
    "threads": "1",
    "flags": "+bitexact",
    "x264-params": "mbtree=0",
}
_CONTAINER: Final = {"movflags": "+faststart", "fflags": "+bitexact"}


def write(frames: Iterable[Image.Image], size: tuple[int, int], title: str, path: Path) -> None:
    with av.open(str(path), "w", format="mp4", options=_CONTAINER) as container:
        container.metadata["title"] = title
        container.metadata["comment"] = COMMENT
        stream = container.add_stream("libx264", rate=RATE, options=dict(_CODEC))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, RATE)
        for number, image in enumerate(frames):
            fitted = image if image.size == size else image.resize(size, Image.Resampling.BICUBIC)
            frame = av.VideoFrame.from_image(fitted)  # type: ignore[no-untyped-call]
            frame.pts = number
            frame.time_base = Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def frame_of(path: Path, *, last: bool) -> Image.Image:
    """The first or the last frame of a video. Raises ValueError where there is none."""
    try:
        with av.open(str(path)) as container:
            found = None
            for frame in container.decode(video=0):
                found = frame
                if not last:
                    break
            if found is not None:
                image: Image.Image = found.to_image()  # type: ignore[no-untyped-call]
                return image
    except (av.FFmpegError, IndexError):
        pass
    raise ValueError("there is no picture in it")
