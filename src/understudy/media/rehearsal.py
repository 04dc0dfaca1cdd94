"""The embedded renderer as a provider: one child process per video, with limits and a low priority."""

import asyncio
import importlib.util
import os
from asyncio.subprocess import Process
from pathlib import Path
from typing import Final, Literal

import msgspec

from understudy.child_processes import kill, start_python
from understudy.media.frame_sizes import frame_size
from understudy.media.provider import Frame, Job, MediaError, Progress, VideoFiles
from understudy.media.storyboard.messages import Picture, RenderRequest, RenderResponse

_MODULE: Final = "understudy.media.storyboard.child"
_INHERITED_VARIABLES: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "SYSTEMROOT")
_REQUIRED_MODULES: Final = ("av", "PIL")
_MISSING_MODULES_MESSAGE: Final = (
    "The rehearsal renderer needs packages that are not installed. Run `pip install 'understudy[video]'` and start the"
    " server again, or set `video.provider`."
)


class RehearsalRenderer:
    name = "rehearsal"
    takes: frozenset[Literal["file", "url"]] = frozenset({"file"})
    lengths: tuple[int, ...] | None = None

    def __init__(self, *, memory: int, seconds: float) -> None:
        """The limits of one video: bytes of memory, and seconds, also of processor time."""
        self._memory = memory
        self._seconds = seconds

    def missing(self) -> str | None:
        """The error text where packages are missing, else None."""
        return None if all(importlib.util.find_spec(name) for name in _REQUIRED_MODULES) else _MISSING_MODULES_MESSAGE

    async def generate(self, job: Job, folder: Path, progress: Progress) -> VideoFiles:
        width, height = frame_size(job.aspect_ratio, job.resolution)
        video, thumbnail = folder / "video.mp4", folder / "thumbnail.jpg"
        await progress.dreaming()
        response = await self._run_child(
            RenderRequest(
                prompt=job.prompt,
                seconds=job.seconds,
                size=(width, height),
                loop=job.loop,
                concepts=job.concepts,
                start=_select_picture(job.start, "last"),
                end=_select_picture(job.end, "first"),
                video=str(video),
                thumbnail=str(thumbnail),
                memory=self._memory,
                cpu_seconds=max(1, round(self._seconds)),
            )
        )
        if response.error is not None:
            raise MediaError(response.error)
        return VideoFiles(video, thumbnail, width, height)

    async def close(self) -> None:
        pass

    async def _run_child(self, request: RenderRequest) -> RenderResponse:
        process = await _start_process()
        try:
            async with asyncio.timeout(self._seconds):
                output, _ = await process.communicate(msgspec.json.encode(request))
            return msgspec.json.decode(output, type=RenderResponse)
        except TimeoutError:
            raise MediaError(f"Drawing the storyboard timed out after {self._seconds:g} s.") from None
        except (OSError, msgspec.DecodeError):
            # The kernel killed it for its memory or its time: a retry may find more of them.
            raise MediaError("The process that draws the storyboard died.", passing=True) from None
        finally:
            await kill(process)


async def _start_process() -> Process:
    """Without this server's secrets."""
    environment = {name: os.environ[name] for name in _INHERITED_VARIABLES if name in os.environ}
    return await start_python("-P", "-X", "utf8", "-m", _MODULE, str(os.getpid()), environment=environment)


def _select_picture(frame: Frame | None, which: Literal["first", "last"]) -> Picture | None:
    if frame is None:
        return None
    assert frame.path is not None
    return Picture("image" if frame.kind == "image" else which, str(frame.path))
