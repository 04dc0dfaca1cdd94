"""Base64 that clients send within items, messages and stored chats: bytes in the blob store, a marker in the row.

Readers get the same base64 back, character by character. Base64 below `MIN_CHARACTERS`, or not in the plain form,
stays in the row, as does that of earlier versions. Knows members by their names alone, and so those of any dialect.
"""

import asyncio
import base64
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import msgspec

from understudy.blobs import Blobs
from understudy.engine import inline
from understudy.engine.files import Files
from understudy.engine.limits.limiter import RateLimiter
from understudy.errors import BlobMissing, StoreError
from understudy.errors.objects import storage_limit_exceeded
from understudy.pacing import Pace, call_in_thread_if_large
from understudy.store import Store
from understudy.store.item_data import MARKER_PATTERN, NO_DATA, SavedData, new_marker
from understudy.store.item_images import MARKER_START, StoredImage
from understudy.store.messages import Item
from understudy.store.pages import Page
from understudy.wire.input_items import InputItem, InputMessage, InputOutputText, InputRefusal, InputText
from understudy.wire.messages import MessageContentImageUrlObject, MessageObject

MIN_CHARACTERS: Final = 32 * 1024
"""The least length of base64 that becomes a blob. Shorter base64 stays in the row, which is read faster."""
# Members of items, messages and parts that may be base64 or a data URL.
_MEMBERS: Final = frozenset({"image_url", "url", "file_data", "data", "result"})
# Members that lead to those. What a tool was called with is any JSON, of which models get each character.
_CONTAINERS: Final = frozenset(
    {
        *("", "item", "content", "content_parts", "output", "outputs"),
        *("image_url", "input_audio", "file", "choices", "message", "audio"),
    }
)
_TEXTS: Final = frozenset({InputText, InputOutputText, InputRefusal})
# A marker is the end of a string: texts with any number of others cost no query of the database.
_iterate_markers = re.compile(rf"{MARKER_PATTERN}(?=\"|\Z)").finditer
_MARKER_LENGTH: Final = len(MARKER_START) + 32
# Without the colon, which JSON is full of: such a text is searched in half of the time.
_MARKER_HINT: Final = MARKER_START.removesuffix(":")
_SCANNED: Final = 256 * 1024
"""Characters of a stored text that are searched for markers in one step."""
logger = logging.getLogger(__name__)
T = TypeVar("T")


class ItemData:
    def __init__(self, store: Store, blobs: Blobs, files: Files, limiter: RateLimiter) -> None:
        self._store = store
        self._blobs = blobs
        self._files = files
        self._limiter = limiter

    @asynccontextmanager
    async def saving(self, project_id: str, value: T, param: str) -> AsyncIterator[tuple[T, SavedData]]:
        """Yields the value with markers in place of its base64, and the blobs, which the caller stores together.

        `value` consists of structs, lists and JSON objects, and is not changed itself; errors call it `param`. Blobs
        that the caller has not stored are released. If the blob store fails, base64 stays in the value.
        """
        texts = await call_in_thread_if_large(value, _list_texts, value)
        if not texts:
            yield value, NO_DATA
            return
        limit = await self._limiter.size_limit(project_id, "stored_bytes")
        replaced, blobs = await self._save_all(value, texts)
        try:
            yield replaced, SavedData(blobs, limit, param)
        finally:
            for blob in blobs:
                await self._files.release_hold(blob.blob)

    async def save_imported(self, encoded: str) -> tuple[str, Sequence[StoredImage]]:
        """As `saving`, for encoded JSON and without a limit. Holds of blobs that are not stored expire."""
        value = await asyncio.to_thread(msgspec.json.decode, encoded)
        texts = await call_in_thread_if_large(value, _list_texts, value)
        replaced, blobs = await self._save_all(value, texts)
        return (msgspec.json.encode(replaced).decode() if blobs else encoded), blobs

    async def check_storage(self, project_id: str, value: object, param: str) -> None:
        """Checked before the model is called, since its answer is stored together with `value`.

        Raises InvalidRequest if the project would store more bytes than it may.
        """
        limit = await self._limiter.size_limit(project_id, "stored_bytes")
        if limit is None:
            return
        texts = await call_in_thread_if_large(value, _list_texts, value)
        if not texts:
            return
        added = sum(len(inline.split(text)[1]) * 3 // 4 for text in texts)
        size = await self._store.project_sizes.get(project_id)
        if size.bytes + added > limit:
            raise storage_limit_exceeded(limit, size.bytes, added, param)

    async def fill(self, text: str) -> str:
        """Returns a stored text with base64 in place of its markers."""
        return text if _MARKER_HINT not in text else (await self.fill_all([text]))[0]

    async def load(self, stored: str) -> str | None:
        """A stored URL or base64 with its bytes; None where its row was deleted meanwhile, or its blob is missing."""
        filled = await self.fill(stored)
        encoded = inline.split(filled)[1]
        return None if not encoded or encoded.startswith(MARKER_START) else filled

    async def fill_all(self, texts: Sequence[str]) -> Sequence[str]:
        """Stored texts with their base64; the same texts where none has any."""
        pace = Pace()
        places = [await _find_markers(text, pace) if _MARKER_HINT in text else () for text in texts]
        markers = {text[at : at + _MARKER_LENGTH] for text, found in zip(texts, places, strict=True) for at in found}
        blobs = await self._store.item_data.find(sorted(markers)) if markers else {}
        if not blobs:
            return texts
        loaded = {marker: await self._read_data(marker, blob) for marker, blob in blobs.items()}
        return [_fill(text, found, loaded) if found else text for text, found in zip(texts, places, strict=True)]

    async def fill_page(self, page: Page) -> Page:
        """A page of stored texts with their base64."""
        for _, text in page.rows:
            if _MARKER_HINT in text:
                break
        else:
            return page
        texts = await self.fill_all([text for _, text in page.rows])
        return Page([(row[0], text) for row, text in zip(page.rows, texts, strict=True)], page.has_more)

    async def fill_items(self, items: Sequence[Item]) -> Sequence[Item]:
        """Stored items with their base64."""
        stored = [item.body for item in items]
        bodies = await self.fill_all(stored)
        if bodies is stored:
            return items
        return [msgspec.structs.replace(item, body=body) for item, body in zip(items, bodies, strict=True)]

    async def _save_all(self, value: T, texts: Sequence[str]) -> tuple[T, Sequence[StoredImage]]:
        replaced: dict[int, str] = {}
        blobs: list[StoredImage] = []
        try:
            for text in texts:
                encoded = inline.split(text)[1]
                blob = await self._save(encoded)
                if blob is not None:
                    blobs.append(blob)
                    replaced[id(text)] = text[: len(text) - len(encoded)] + blob.item_id
        except StoreError as error:
            logger.warning("base64 of a client is stored in the database, since the blob store failed: %s", error)
        if not replaced:
            return value, blobs
        return await call_in_thread_if_large(value, _map, value, "", lambda text: replaced.get(id(text), text)), blobs

    async def _save(self, encoded: str) -> StoredImage | None:
        """Returns None for base64 that cannot be restored exactly from its bytes."""
        data = await asyncio.to_thread(inline.decode_plain, encoded)
        if data is None:
            return None
        async with self._files.open_draft() as draft:
            await draft.write(data)
            blob = await draft.commit()
            draft.detach()
        return StoredImage(new_marker(), blob.name, blob.size)

    async def _read_data(self, marker: str, blob: str) -> str:
        try:
            return await read_base64(self._blobs, blob)
        except BlobMissing:
            logger.warning("base64 of a client: the blob %s of %s is missing", blob, marker)
            return ""


async def read_base64(blobs: Blobs, name: str) -> str:
    """Reads a blob as base64, encoded chunk by chunk, so that no step blocks the event loop. Raises BlobMissing."""
    parts: list[str] = []
    rest = b""
    async with blobs.reading(name) as chunks:
        async for chunk in chunks:
            data = rest + chunk
            end = len(data) - len(data) % 3
            rest = data[end:]
            parts.append(base64.b64encode(data[:end]).decode())
    return "".join([*parts, base64.b64encode(rest).decode()])


def may_have_data(items: Sequence[InputItem]) -> bool:
    """Whether items may contain base64; nearly all are messages with only text."""
    for item in items:
        if type(item) is not InputMessage:
            return True
        for part in item.content:
            if type(part) not in _TEXTS:
                return True
    return False


def have_data(messages: Iterable[MessageObject]) -> bool:
    """Whether messages of the Assistants API contain data URLs that `saving` would store."""
    for message in messages:
        for part in message.content:
            if type(part) is MessageContentImageUrlObject and len(part.image_url.url) >= MIN_CHARACTERS:
                return True
    return False


async def _find_markers(text: str, pace: Pace) -> list[int]:
    """The positions of the markers in an encoded text, each of which ends a string of base64 or a data URL."""
    found: list[int] = []
    for start in range(0, len(text), _SCANNED):
        await pace.step()
        end = start + _SCANNED
        for match in _iterate_markers(text, start, end + _MARKER_LENGTH + 1):
            at = match.start()
            if at < end and (at == 0 or text[at - 1] in '",'):
                found.append(at)
    return found


def _fill(text: str, places: Sequence[int], loaded: dict[str, str]) -> str:
    parts: list[str] = []
    start = 0
    for at in places:
        marker = text[at : at + _MARKER_LENGTH]
        parts += (text[start:at], loaded.get(marker, marker))
        start = at + _MARKER_LENGTH
    return "".join([*parts, text[start:]])


def _list_texts(value: object) -> list[str]:
    """The long texts of a value that may be data URLs or base64."""
    found: list[str] = []

    def collect(text: str) -> str:
        if text[:5].lower() != "data:" or ";base64" in text[:128]:
            found.append(text)
        return text

    _map(value, "", collect)
    return found


def _map(value: Any, name: str, change: Callable[[str], str]) -> Any:
    """The value of the member `name`, with `change` applied to long texts of known members; itself if none changes."""
    if isinstance(value, str):
        return change(value) if name in _MEMBERS and len(value) >= MIN_CHARACTERS else value
    if name not in _CONTAINERS:
        return value
    if isinstance(value, list | tuple):
        changed = [_map(one, name, change) for one in value]
        return changed if any(one is not before for one, before in zip(changed, value, strict=True)) else value
    if isinstance(value, msgspec.Struct):
        members = {
            member: _map(one, member, change) for member in value.__struct_fields__ if (one := getattr(value, member))
        }
        different = {member: one for member, one in members.items() if one is not getattr(value, member)}
        return msgspec.structs.replace(value, **different) if different else value
    if isinstance(value, dict):
        filled = {member: _map(one, member, change) for member, one in value.items()}
        return filled if any(filled[member] is not one for member, one in value.items()) else value
    return value
