"""Loads the images and documents that messages name, as far as one request of a model has room for them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from understudy.llm.messages import (
    DocumentReference,
    ImagePart,
    ImageReference,
    ImageUrl,
    Message,
    Part,
    TextPart,
    UserMessage,
)
from understudy.pacing import Pace
from understudy.store.item_images import MARKER_START

LoadImage = Callable[[str], Awaitable[str | None]]
"""From a File's id to a `data:` URL; None if the image does not exist."""

LoadDocument = Callable[[Mapping[str, Any]], Awaitable[list[Part]]]
"""From an `input_file` part to the document's content parts: its text, and pages as images."""

LoadData = Callable[[str], Awaitable[str | None]]
"""From a stored URL or base64 to the same with the bytes that a marker in it stands for; None without these."""

MAX_LOADED: Final = 50 * 1024 * 1024
"""Characters of all images and documents of a request, as at the hosted API. A message can name a File many times."""

_NO_IMAGE: Final = TextPart("[The image is not available.]")


async def load_contents(
    messages: Sequence[Message], load: LoadImage | None, read: LoadDocument | None, load_data: LoadData | None = None
) -> None:
    """Replaces references by the bytes of images and the text of documents, the newest messages first.

    A note replaces what does not exist, and what exceeds the limit.
    """
    loader, pace = _Loader(load or _load_no_image, read or _load_no_document, load_data or _return), Pace()
    for message in reversed(messages):
        if type(message) is UserMessage and not isinstance(message.content, str):
            loaded: list[Part] = []
            for part in message.content:
                await pace.step()
                loaded += await loader.load_part(part)
            message.content = loaded


class _Loader:
    """Loads each File once."""

    def __init__(self, load: LoadImage, read: LoadDocument, load_data: LoadData) -> None:
        self._load = load
        self._read = read
        self._load_data = load_data
        self._room = MAX_LOADED
        self._loaded: dict[tuple[type[Part], str], list[Part]] = {}

    async def load_part(self, part: Part) -> list[Part]:
        match part:
            case ImageReference(file_id=name):
                is_file = True
            case DocumentReference(source=source):
                name, is_file = str(source.get("file_id") or source.get("filename")), bool(source.get("file_id"))
            case ImagePart(image_url=image) if MARKER_START in image.url:
                url = await self._load_data(image.url)
                return [_NO_IMAGE if url is None else ImagePart(ImageUrl(url, image.detail))]
            case _:
                return [part]
        key = type(part), name
        parts = self._loaded.get(key) if is_file else None
        if parts is None:
            parts = await self._read_part(part) if self._room > 0 else None
        if parts is None or (size := sum(map(_count_characters, parts))) > self._room:
            return [TextPart(f"[The file {name} is left out: there are too many bytes of images and files.]")]
        self._room -= size
        if is_file:
            self._loaded[key] = parts
        return [_with_detail(one, part) for one in parts]

    async def _read_part(self, part: ImageReference | DocumentReference) -> list[Part]:
        if isinstance(part, DocumentReference):
            source = part.source
            if MARKER_START in (data := str(source.get("file_data") or "")):
                if (filled := await self._load_data(data)) is None:
                    return await _load_no_document(source)
                source = {**source, "file_data": filled}
            return await self._read(source)
        url = await self._load(part.file_id)
        return [TextPart(f"[The image {part.file_id} is not available.]") if url is None else ImagePart(ImageUrl(url))]


def _count_characters(part: Part) -> int:
    match part:
        case TextPart(text=text):
            return len(text)
        case ImagePart(image_url=image):
            return len(image.url)
    return 0


def _with_detail(part: Part, reference: ImageReference | DocumentReference) -> Part:
    if isinstance(part, ImagePart) and isinstance(reference, ImageReference):
        return ImagePart(ImageUrl(part.image_url.url, reference.detail))
    return part


async def _return(text: str) -> str:
    return text


async def _load_no_image(_: str) -> None:
    return None


async def _load_no_document(part: Mapping[str, Any]) -> list[Part]:
    name = part.get("filename") or part.get("file_id")
    return [TextPart(f"[The file {name} is not available.]")]
