"""Videos from prompts, behind one Protocol: the vendor's service, another server like it, or the embedded renderer."""

from understudy.media.provider import Frame, Job, MediaError, Progress, VideoFiles, VideoProvider

__all__ = ["Frame", "Job", "MediaError", "Progress", "VideoFiles", "VideoProvider"]
