"""Films as tests look at them: what is in a file, frame by frame, and how much two pictures differ."""

import io

import av
from PIL import Image, ImageChops, ImageStat


class Film:
    """The frames of an MP4 as pictures, and what the file says of itself."""

    def __init__(self, data):
        with av.open(io.BytesIO(data)) as container:
            stream = container.streams.video[0]
            self.codec, self.rate = stream.codec_context.name, stream.average_rate
            self.metadata = dict(container.metadata)
            self.frames = [frame.to_image() for frame in container.decode(video=0)]
            self.seconds = float(stream.duration * stream.time_base)
        self.size = self.frames[0].size


def difference(one, other):
    """From 0 for the same picture to 255."""
    small = [picture.convert("RGB").resize((64, 64)) for picture in (one, other)]
    return sum(ImageStat.Stat(ImageChops.difference(*small)).mean) / 3


def variety(picture):
    """How much a picture's brightness varies; nothing for a blank one."""
    return ImageStat.Stat(picture.convert("L")).stddev[0]


def picture(colour, size=(320, 180), kind="PNG"):
    """The bytes of a picture of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind)
    return buffer.getvalue()


def colour(picture):
    """The colour in the middle, where nothing is written."""
    return picture.convert("RGB").getpixel((picture.width // 2, picture.height // 2))
