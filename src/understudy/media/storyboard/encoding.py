"""Frames into an MP4 that browsers play, and frames out of one. Knows nothing of their content."""

import contextlib
from collections import deque
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from av.video.stream import VideoStream
from PIL import Image

RATE: Final = 24  # frames a second
COMMENT: Final = "A storyboard drawn by Understudy's rehearsal renderer; no video model was involved."

# One thread, no time stamps in the file, and without the one analysis of x264 whose result varies: the same frames are
# the same bytes.
_CODEC = {"preset": "veryfast", "crf": "21", "threads": "1", "flags": "+bitexact", "x264-params": "mbtree=0"}
_CONTAINER = {"movflags": "+faststart", "fflags": "+bitexact"}


def write_video(frames: Iterable[Image.Image], size: tuple[int, int], title: str, path: Path) -> None:
    with av.open(str(path), "w", format="mp4", options=_CONTAINER) as container:
        container.metadata.update(title=title, comment=COMMENT)
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


def read_frame(path: Path, *, last: bool) -> Image.Image:
    """The first or the last frame of a video. Raises ValueError for a video without frames."""
    with contextlib.suppress(av.FFmpegError, IndexError), av.open(str(path)) as container:
        frames = container.decode(video=0)
        for frame in deque(frames, maxlen=1) if last else frames:
            image: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
            return image
    raise ValueError("the video has no frame")
