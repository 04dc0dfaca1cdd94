"""The provider that the settings name."""

from collections.abc import Callable

from understudy.errors import SettingsError
from understudy.media.aimlapi import DEFAULT_BASE_URL, AimlApi, HttpClient
from understudy.media.download import Downloader
from understudy.media.provider import VideoProvider
from understudy.media.rehearsal import RehearsalRenderer
from understudy.media.waiting import PollInterval
from understudy.settings import VideoSettings

_REQUEST_SECONDS = 60.0


def open_provider(settings: VideoSettings, download: Downloader, connect: Callable[[str], HttpClient]) -> VideoProvider:
    """Raises SettingsError. `connect` makes the client of a service that has the given key."""
    if settings.provider == "rehearsal":
        return RehearsalRenderer(memory=settings.memory_mb << 20, seconds=settings.seconds)
    if settings.provider == "aimlapi":
        if settings.api_key is None:
            raise SettingsError(
                "`video.provider` 'aimlapi' needs a key: set `video.api_key`, or `UNDERSTUDY_VIDEO__API_KEY`."
            )
        base_url = settings.base_url or DEFAULT_BASE_URL
        return AimlApi(connect(settings.api_key), base_url, download, limit=settings.video_bytes, pace=PollInterval())
    from understudy.media.luma import Luma  # noqa: PLC0415 - only who uses it needs the extra

    return Luma(
        settings.api_key,
        settings.base_url,
        download,
        seconds=_REQUEST_SECONDS,
        limit=settings.video_bytes,
        pace=PollInterval(),
    )
