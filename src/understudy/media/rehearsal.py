"""The embedded renderer as a provider: a child process for each video, limited, killable, out of everybody's way."""

import asyncio
import importlib.util
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

import msgspec

from understudy.media.frame_sizes import frame_size
from understudy.media.provider import Frame, Job, MediaError, Progress, VideoFiles
from understudy.media.storyboard.messages import Answer, Order, Picture

_MODULE: Final = "understudy.media.storyboard.studio"
_INHERITED_VARIABLES: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "SYSTEMROOT")
_REQUIRED_MODULES: Final = ("av", "PIL")
_MISSING_MODULES_MESSAGE: Final = (
    "The rehearsal renderer needs packages that are not installed. Run `pip install 'understudy[video]'` and start the"
    " server again, or set `video.provider`."
)


class RehearsalRenderer:
    name = "rehearsal"
    takes: frozenset[Literal["file", "url"]] = frozenset({"file"})

    def __init__(self, *, memory: int, seconds: float) -> None:
        """What one video may take: bytes of memory, and seconds, also of processor time."""
        self._memory = memory
        self._seconds = seconds

    def missing(self) -> str | None:
        """What has to be done before anything can be rendered."""
        return None if all(importlib.util.find_spec(name) for name in _REQUIRED_MODULES) else _MISSING_MODULES_MESSAGE

    async def generate(self, job: Job, folder: Path, progress: Progress) -> VideoFiles:
        width, height = frame_size(job.aspect_ratio, job.resolution)
        video, thumbnail = folder / "video.mp4", folder / "thumbnail.jpg"
        await progress.dreaming()
        answer = await self._request(
            Order(
                prompt=job.prompt,
                seconds=job.seconds,
                width=width,
                height=height,
                loop=job.loop,
                expand=job.expand,
                concepts=job.concepts,
                start=_load_picture(job.start, "last"),
                end=_load_picture(job.end, "first"),
                video=str(video),
                thumbnail=str(thumbnail),
                memory=self._memory,
                cpu_seconds=max(1, round(self._seconds)),
            )
        )
        if answer.refused is not None:
            raise MediaError(answer.refused)
        return VideoFiles(video, thumbnail, width, height)

    async def close(self) -> None:
        pass

    async def _request(self, order: Order) -> Answer:
        process = await _start_process()
        try:
            async with asyncio.timeout(self._seconds):
                said, _ = await process.communicate(msgspec.json.encode(order))
            return msgspec.json.decode(said, type=Answer)
        except TimeoutError:
            raise MediaError(f"Drawing the storyboard took longer than {self._seconds:g} seconds.") from None
        except (OSError, msgspec.DecodeError):
            # Killed by the kernel, for its memory or its time: the next attempt may find more of them.
            raise MediaError("The process that draws the storyboard died.", passing=True) from None
        finally:
            await _kill_process(process)


async def _start_process() -> Process:
    """Without this server's secrets; in a session of its own, since a Ctrl+C is the server's to deal with."""
    environment = {name: os.environ[name] for name in _INHERITED_VARIABLES if name in os.environ}
    arguments = ("-P", "-X", "utf8", "-m", _MODULE, str(os.getpid()))
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env=environment,
        start_new_session=True,
    )


async def _kill_process(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())


def _load_picture(frame: Frame | None, which: Literal["first", "last"]) -> Picture | None:
    if frame is None:
        return None
    assert frame.path is not None
    return Picture("image" if frame.kind == "image" else which, str(frame.path))
