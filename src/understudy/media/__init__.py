"""Videos from prompts, behind one Protocol: the vendor's service, another server like it, or the embedded renderer."""

from understudy.media.provider import Frame, Job, Made, MediaError, Progress, VideoProvider

__all__ = ["Frame", "Job", "Made", "MediaError", "Progress", "VideoProvider"]
