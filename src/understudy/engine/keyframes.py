"""Keyframes of a video: a URL, a data: URL, a file, or an earlier video.

Validated in the request, so that the client gets an error, and stored with the generation, so that deleting the file
afterwards does not affect it.
"""

import base64
import binascii
import re
from contextlib import AsyncExitStack
from typing import Final, Literal
from urllib.parse import unquote_to_bytes

from understudy.engine.files import Files
from understudy.errors import InvalidRequest, NotFound
from understudy.errors.objects import file_without_content
from understudy.media import VideoProvider
from understudy.settings import VideoSettings
from understudy.store import Store
from understudy.store.video_rows import Keyframe, VideoFile
from understudy.wire.parsing import check_uuid
from understudy.wire.videos import GenerationReference, KeyframeReference

_FILE_ID: Final = re.compile(r"file-[A-Za-z0-9]{1,64}")
_DATA_URL: Final = re.compile(r"data:(image/[a-z0-9.+-]{1,40})?(;[a-z0-9=-]{1,40})*?(;base64)?,", re.IGNORECASE)


class Keyframes:
    def __init__(self, store: Store, files: Files, provider: VideoProvider, settings: VideoSettings) -> None:
        self._store = store
        self._files = files
        self._provider = provider
        self._settings = settings

    async def resolve(
        self,
        project_id: str,
        reference: KeyframeReference,
        role: Literal["start", "end"],
        param: str,
        base: str,
        stack: AsyncExitStack,
    ) -> tuple[Keyframe, VideoFile | None]:
        """The keyframe and its file; keep `stack` open until both are stored.

        Raises InvalidRequest, and NotFound for an unknown file or generation.
        """
        if isinstance(reference, GenerationReference):
            return await self._from_generation(project_id, reference.id, role, param)
        url = reference.url
        file_id = _own_file_id(url, base)
        if file_id is not None:
            self._check_support(takes="file", param=param, source=f"the file {file_id!r}")
            try:
                file = await self._store.files.find(project_id, file_id)
            except NotFound as missing:
                raise NotFound(missing.message, param=param) from None
            if not file.has_content:
                raise file_without_content(file_id)
            return Keyframe(kind="image", shown={"type": "image", "url": url}), VideoFile(role, file.blob, file.bytes)
        if url[:5].lower() == "data:":
            self._check_support(takes="file", param=param, source="a data: URL")
            piece = await self._store_image(_decode_image(url, param, self._settings.image_bytes), role, stack)
            return Keyframe(kind="image", shown={"type": "image", "url": f"{url.partition(',')[0]},…"}), piece
        self._check_url(url, param)
        return Keyframe(kind="image", shown={"type": "image", "url": url}, url=url), None

    async def _from_generation(
        self, project_id: str, generation_id: str, role: Literal["start", "end"], param: str
    ) -> tuple[Keyframe, VideoFile | None]:
        check_uuid(param, generation_id)
        earlier = await self._store.videos.get(project_id, generation_id)
        if earlier.state != "completed":
            raise InvalidRequest(
                f"Invalid '{param}': the generation {generation_id!r} is {earlier.state}. Use one that is completed.",
                param=param,
                code="invalid_value",
            )
        rendered = {"type": "generation", "id": earlier.id}
        if "file" in self._provider.takes and self._provider.name == "rehearsal":
            video = (await self._store.videos.list_files(earlier.id)).get("video")
            if video is None:
                raise InvalidRequest(
                    f"Invalid '{param}': the generation {generation_id!r} has no video file.",
                    param=param,
                    code="invalid_value",
                )
            return Keyframe(kind="generation", shown=rendered), VideoFile(role, video.blob, video.bytes)
        if earlier.provider != self._provider.name or earlier.upstream_id is None:
            raise InvalidRequest(
                f"Invalid '{param}': the generation {generation_id!r} was made by {earlier.provider!r}, and"
                f" {self._provider.name!r}, which makes videos now, cannot continue it.",
                param=param,
                code="invalid_value",
            )
        return Keyframe(kind="generation", shown=rendered, upstream_id=earlier.upstream_id), None

    async def _store_image(self, data: bytes, role: Literal["start", "end"], stack: AsyncExitStack) -> VideoFile:
        draft = await stack.enter_async_context(self._files.open_draft())
        await draft.write(data)
        blob = await draft.commit()
        return VideoFile(role, blob.name, blob.size)

    def _check_support(self, *, takes: Literal["file", "url"], param: str, source: str) -> None:
        if takes not in self._provider.takes:
            raise InvalidRequest(
                f"Invalid '{param}': {source} cannot be sent to {self._provider.name!r}, which fetches pictures"
                " itself. Send an http or https URL that it can reach.",
                param=param,
                code="invalid_value",
            )

    def _check_url(self, url: str, param: str) -> None:
        if not re.match(r"https?://[^/\s]+", url, re.IGNORECASE) or not url.isprintable() or " " in url:
            raise InvalidRequest(
                f"Invalid '{param}': {url[:256]!r} is not an image URL. Pass an http or https URL, a data: URL, or"
                " the id of a file.",
                param=param,
                code="invalid_value",
            )
        if "url" not in self._provider.takes and not self._settings.fetch_images:
            raise InvalidRequest(
                f"Invalid '{param}': pictures are not fetched from other servers. Send the picture as a data:"
                " URL or upload it as a file; an operator can set `video.fetch_images`.",
                param=param,
                code="invalid_value",
            )


def _own_file_id(url: str, base: str) -> str | None:
    """The file id in a reference to a file of this server: the id itself, or the URL of its content."""
    if _FILE_ID.fullmatch(url):
        return url
    match = re.fullmatch(rf"{re.escape(base)}/files/({_FILE_ID.pattern})/content", url)
    return None if match is None else match[1]


def _decode_image(url: str, param: str, limit: int) -> bytes:
    head = _DATA_URL.match(url)
    if head is None:
        raise InvalidRequest(
            f"Invalid '{param}': {url[:64]!r} is not a data: URL of an image, like 'data:image/png;base64,…'.",
            param=param,
            code="invalid_value",
        )
    text = url[head.end() :]
    try:
        data = base64.b64decode(text, validate=True) if head[3] else unquote_to_bytes(text)
    except (binascii.Error, ValueError):
        raise InvalidRequest(
            f"Invalid '{param}': what follows {head[0]!r} is not base64.", param=param, code="invalid_value"
        ) from None
    if not data or len(data) > limit:
        raise InvalidRequest(
            f"Invalid '{param}': the picture has {len(data)} bytes. Send one of 1 to {limit} bytes.",
            param=param,
            code="invalid_value",
        )
    return data
