"""The images that responses make: bytes in the blob store while they are stored, base64 in what clients read.

A stored item of image generation has the image apart if `stored` is set, and its `result` is null; so is that of its
call in the output of a stored response. Items of earlier versions have their base64 themselves.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

import msgspec

from understudy.blobs import Blobs
from understudy.engine import inline
from understudy.engine.files import Files
from understudy.engine.item_data import ItemData, read_base64
from understudy.errors import BlobMissing, StoreError
from understudy.store import Store
from understudy.store.item_images import StoredImage
from understudy.store.messages import Item
from understudy.wire.items import ImageGenerationCallItem
from understudy.wire.response_items import ImageGenerationCall, encode_items
from understudy.wire.responses import ResponseObject

_KIND: Final = "image_generation"
_CALL: Final = "image_generation_call"
logger = logging.getLogger(__name__)
_decode_item = msgspec.json.Decoder(ImageGenerationCallItem).decode
_decode_response = msgspec.json.Decoder(ResponseObject).decode


class ItemImages:
    def __init__(self, store: Store, blobs: Blobs, files: Files, data: ItemData) -> None:
        self._store = store
        self._blobs = blobs
        self._files = files
        self._data = data

    async def save(self, item_id: str, encoded: str) -> StoredImage | None:
        """Writes an image as a blob with a hold, for the transaction that stores its item.

        None where the image has to stay in its item: its base64 is not in the plain form, or the blob store has failed.
        """
        data = await asyncio.to_thread(inline.decode_plain, encoded)
        if data is None:
            return None
        try:
            async with self._files.open_draft() as draft:
                await draft.write(data)
                blob = await draft.commit()
                draft.detach()
        except StoreError as error:
            logger.warning("image of %s: stored in its item, since the blob store failed: %s", item_id, error)
            return None
        return StoredImage(item_id, blob.name, blob.size)

    async def load(self, item_id: str) -> str | None:
        """The base64 of a stored item's image; None without it."""
        blob = (await self._store.item_images.find_of_items([item_id])).get(item_id)
        return None if blob is None else await self._read_image(item_id, blob)

    async def load_sent(self, stored: str) -> str | None:
        """The base64 of an image that a client sent as a call's result, from what its item has; None without it."""
        return await self._data.load(stored)

    async def fill_items(self, items: Sequence[Item]) -> Sequence[Item]:
        """The items with their images and with the data that clients sent."""
        items = await self._data.fill_items(items)
        calls = {item.seq: call for item in items if (call := _stored_call(item)) is not None}
        if not calls:
            return items
        blobs = await self._store.item_images.find_of_items([call.id for call in calls.values()])
        for call in calls.values():
            if (blob := blobs.get(call.id)) is not None:
                call.result = await self._read_image(call.id, blob)
        return [item if (call := calls.get(item.seq)) is None else _with_call(item, call) for item in items]

    async def fill_response(self, response: ResponseObject) -> ResponseObject:
        """The response, whose output gets its images."""
        calls = [one for one in response.output if isinstance(one, ImageGenerationCall) and _lacks_image(one)]
        blobs = (await self._store.item_images.find([response.id])).get(response.id, {}) if calls else {}
        for call in calls:
            if (blob := blobs.get(call.id)) is not None:
                call.result = await self._read_image(call.id, blob)
        return response

    async def fill_body(self, body: str) -> str:
        """An encoded response with its images."""
        if f'"{_CALL}"' not in body:
            return body
        return encode_items(await self.fill_response(_decode_response(body))).decode()

    async def _read_image(self, item_id: str, blob: str) -> str | None:
        try:
            return await read_base64(self._blobs, blob)
        except BlobMissing:
            logger.warning("image of %s: its blob %s is missing", item_id, blob)
            return None


def _stored_call(item: Item) -> ImageGenerationCallItem | None:
    if item.kind != _KIND:
        return None
    call = _decode_item(item.body)
    return call if call.stored else None


def _with_call(item: Item, call: ImageGenerationCallItem) -> Item:
    return Item(item.seq, item.kind, item.role, item.run_id, msgspec.json.encode(call).decode())


def _lacks_image(call: ImageGenerationCall) -> bool:
    return call.status == "completed" and call.result is None
