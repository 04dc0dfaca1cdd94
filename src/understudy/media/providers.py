"""Builds the video provider that the settings select."""

from collections.abc import Callable

from understudy.errors import SettingsError
from understudy.media.aimlapi import DEFAULT_BASE_URL, AimlApi, HttpClient
from understudy.media.download import Downloader
from understudy.media.polling import PollInterval
from understudy.media.provider import VideoProvider
from understudy.media.rehearsal import RehearsalRenderer
from understudy.settings import VideoSettings

_REQUEST_SECONDS = 60.0


def open_provider(settings: VideoSettings, download: Downloader, connect: Callable[[str], HttpClient]) -> VideoProvider:
    """Raises SettingsError. `connect` builds the client of a service for a key."""
    if settings.provider == "rehearsal":
        return RehearsalRenderer(memory=settings.memory_mb << 20, seconds=settings.seconds)
    if settings.provider == "aimlapi":
        if settings.api_key is None:
            raise SettingsError(
                "`video.provider` 'aimlapi' needs a key: set `video.api_key`, or `UNDERSTUDY_VIDEO__API_KEY`."
            )
        base_url = settings.base_url or DEFAULT_BASE_URL
        return AimlApi(connect(settings.api_key), base_url, download, limit=settings.video_bytes, pace=PollInterval())
    from understudy.media.luma import Luma  # noqa: PLC0415 - an extra

    return Luma(
        settings.api_key,
        settings.base_url,
        download,
        seconds=_REQUEST_SECONDS,
        limit=settings.video_bytes,
        pace=PollInterval(),
    )
