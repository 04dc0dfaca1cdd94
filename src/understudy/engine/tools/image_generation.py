"""Image generation in a run: the provider's request, its partial images, its cost, and the item of each call."""

import asyncio
import binascii
import io
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final

import msgspec

from understudy import ids
from understudy.engine import inline
from understudy.engine.accounting import Accounting
from understudy.engine.item_images import ItemImages
from understudy.engine.run import events
from understudy.engine.run.cancellation import Interruption
from understudy.engine.run.checkpoint import RunWriter
from understudy.engine.run.spec import RunSpec
from understudy.engine.run.turn import ToolCall
from understudy.engine.tools.base import CALL_LIMIT_ERROR, BuiltInTool, CallResult, OfferedFunction
from understudy.engine.tools.names import function_name
from understudy.errors import RateLimitExceeded, UpstreamError
from understudy.errors.objects import storage_limit_exceeded
from understudy.llm.messages import ImagePart, Message, ToolMessage, UserMessage
from understudy.llm.prices import Tokens
from understudy.llm.relay import FormBody, FormFile, JsonBody, RelayBody, Relayed
from understudy.llm.router import Models
from understudy.llm.usage import parse_usage
from understudy.net import sse
from understudy.store.item_images import StoredImage
from understudy.store.run_state import ImageOptions, NewItem, PendingCall
from understudy.tools import image_generation
from understudy.tools.image_generation import EDITS, GENERATIONS, Arguments, MadeImage, Picture
from understudy.wire.items import ImageGenerationCallItem

_MAX_EVENT_BYTES: Final = 64 * 1024 * 1024
_MAX_IMAGES: Final = 16
_MASK: Final = "mask"
# They return base64 always, and refuse the member that requests it.
_BASE64_MODELS: Final = ("gpt-image", "chatgpt-image")


class _ImageError(Exception):
    """The call fails; the text is a sentence for the model and the log."""


class ImageGenerationTool(BuiltInTool):
    def __init__(
        self,
        writer: RunWriter,
        interruption: Interruption,
        models: Models,
        accounting: Accounting,
        load_image: Callable[[str, str], Awaitable[str | None]],
        images: ItemImages,
    ) -> None:
        """`load_image` is that of `Tools`: from a project's id and a File's to a data URL."""
        self._writer = writer
        self._interruption = interruption
        self._models = models
        self._accounting = accounting
        self._load_image = load_image
        self._item_images = images
        self._images: Sequence[str | MadeImage] = ()

    async def prepare(self) -> None:
        """It needs nothing."""

    def offer(self) -> Sequence[OfferedFunction]:
        return offer_image_generation(self._writer.spec)

    def observe(self, messages: Sequence[Message], made: Mapping[str, MadeImage]) -> None:
        """Notes the newest images of a prompt, which an edit changes: those of one message, or one made by a call.

        `made` maps the ids of calls to their images.
        """
        if self._writer.spec.image_generation is None:
            return
        for message in reversed(messages):
            if isinstance(message, ToolMessage) and (image := made.get(message.tool_call_id or "")) is not None:
                self._images = [image]
                return
            if isinstance(message, UserMessage) and (urls := _image_urls(message)):
                self._images = urls[:_MAX_IMAGES]
                return

    def open(self, call: ToolCall) -> events.Event:
        call.item_id = ids.image_generation_call()
        call.has_streamed_arguments = False
        return events.ImageCallOpened(call.index, call.id, call.item_id)

    async def execute(self, call: PendingCall) -> CallResult:
        options = self._writer.spec.image_generation or ImageOptions("")
        arguments = image_generation.parse_arguments(call.arguments, options.action)
        self._writer.publish(events.ImageCallRunning(call.index))
        picture: Picture | None = None
        error: str | None = None
        try:
            with self._interruption.waiting():
                picture = await self._make_image(call, arguments, options)
        except (UpstreamError, RateLimitExceeded, _ImageError) as failed:
            # The model reads of the failure, and may continue without the image.
            error = str(failed)
        self._interruption.check()
        stored = None if picture is None else await self._item_images.save(call.item_id, picture.data)
        return self._completed_call(call, picture, error, stored)

    def refuse(self, call: PendingCall) -> CallResult:
        return self._completed_call(call, None, CALL_LIMIT_ERROR)

    async def _make_image(self, call: PendingCall, arguments: Arguments, options: ImageOptions) -> Picture:
        """Raises UpstreamError, RateLimitExceeded and _ImageError."""
        if not arguments.prompt:
            raise _ImageError("The call has no prompt.")
        await self._check_storage()
        members = {**options.members, "prompt": arguments.prompt, "n": 1}
        if not options.model.rpartition("/")[2].startswith(_BASE64_MODELS):
            members["response_format"] = "b64_json"
        if options.partial_images:
            members |= {"stream": True, "partial_images": options.partial_images}
        operation, body = await self._build_body(members, arguments, options)
        limits = self._writer.tokens
        reserved = None if limits is None else await limits.reserve_image(options.model)
        picture: Picture | None = None
        try:
            response = await self._models.relay(operation, body)
            raw = await self._read_response(call, response)
            picture = image_generation.parse_picture(_decode(raw))
        finally:
            if reserved is not None:
                reserved.settle(int(picture is not None))
        if picture is None:
            raise _ImageError("The provider returned no image as base64.")
        await self._charge(call, options.model, raw)
        return picture

    async def _check_storage(self) -> None:
        """Raises _ImageError for a project that stores as many bytes as it may: the image could not be stored."""
        limits = self._writer.tokens
        limit = None if limits is None else await limits.stored_bytes()
        if limit is None:
            return
        size = await self._writer.store.project_sizes.get(self._writer.project_id)
        if size.bytes >= limit:
            raise _ImageError(str(storage_limit_exceeded(limit, size.bytes, 1)))

    async def _build_body(
        self, members: dict[str, Any], arguments: Arguments, options: ImageOptions
    ) -> tuple[str, RelayBody]:
        if not (arguments.edits or options.mask):
            members.pop("input_fidelity", None)
            return GENERATIONS, JsonBody({"model": options.model, **members})
        urls = [await self._to_url(image) for image in self._images]
        files = [await self._to_file(f"image{number}", "image[]", url) for number, url in enumerate(urls)]
        if not files:
            raise _ImageError("The conversation has no image to change.")
        if options.mask:
            files.append(await self._to_file(_MASK, _MASK, await self._load_mask(options.mask)))
        fields = {name: str(value).lower() if value is True else str(value) for name, value in members.items()}
        fields.pop("moderation", None)
        return EDITS, FormBody(options.model, fields, tuple(files))

    async def _to_url(self, image: str | MadeImage) -> str:
        """The image as a URL, with its bytes where a call has made it."""
        if isinstance(image, str):
            return image
        data = await (
            self._item_images.load(image.item_id) if image.data is None else self._item_images.load_sent(image.data)
        )
        if data is None:
            raise _ImageError("The image to change does not exist any more.")
        return f"data:image/{image.kind};base64,{data}"

    async def _load_mask(self, mask: str) -> str:
        """The mask as a data URL; it is one already, or the id of a File."""
        if mask.startswith("data:"):
            return mask
        loaded = await self._load_image(self._writer.project_id, mask)
        if loaded is None:
            raise _ImageError(f"The mask {mask!r} does not exist or is not an image.")
        return loaded

    async def _to_file(self, name: str, field: str, url: str) -> FormFile:
        split = image_generation.split_data_url(url)
        if split is None:
            raise _ImageError("An image at a URL cannot be changed: send its bytes, or the id of a file.")
        kind, encoded = split
        decoded = io.BytesIO()
        try:
            await asyncio.to_thread(inline.decode_into, decoded, encoded)
        except binascii.Error as error:
            raise _ImageError(f"An image cannot be changed: {error}") from None
        data = decoded.getvalue()
        return FormFile(field, f"{name}.{kind.rpartition('/')[2]}", kind, data)

    async def _read_response(self, call: PendingCall, response: Relayed) -> bytes:
        """The JSON of the response, or of the last event of a stream, whose partial images are published."""
        if response.whole is not None:
            return response.whole
        if not response.is_event_stream:
            response.close()
            raise _ImageError("The provider returned neither JSON nor a stream of events.")
        last = b""
        reader = sse.Reader(_MAX_EVENT_BYTES)
        async with aclosing(response.chunks) as chunks:
            async for chunk in chunks:
                for event in reader.feed(chunk):
                    last = self._read_event(call, response, event) or last
        for event in reader.close():
            last = self._read_event(call, response, event) or last
        if not last:
            raise _ImageError("The stream of the provider ended without an image.")
        return last

    def _read_event(self, call: PendingCall, response: Relayed, event: sse.Event) -> bytes:
        """The data of the last event; empty for another one. Raises _ImageError, and UpstreamError for an error."""
        if event.data == b"[DONE]":
            return b""
        if (error := response.find_error(event)) is not None:
            raise error
        value = _decode(event.data)
        kind = str(value.get("type"))
        if kind.endswith(".completed"):
            return event.data
        if kind.endswith(".partial_image") and (picture := image_generation.parse_picture(value)) is not None:
            number = value.get("partial_image_index")
            self._writer.publish(
                events.ImagePartReceived(
                    call.index, number if isinstance(number, int) else 0, picture.data, dict(picture.members)
                )
            )
        return b""

    async def _charge(self, call: PendingCall, model: str, raw: bytes) -> None:
        progress = self._writer.progress
        usage = await self._accounting.usage(
            f"{self._writer.spec.id}/{call.item_id}",
            "image",
            model,
            parse_usage(raw) or Tokens(),
            key_id=progress.key_id,
            units=1,
            batch=progress.in_batch,
        )
        self._writer.add_usage(usage)

    def _completed_call(
        self, call: PendingCall, picture: Picture | None, error: str | None, stored: StoredImage | None = None
    ) -> CallResult:
        members = {} if picture is None else dict(picture.members)
        item = ImageGenerationCallItem(
            id=call.item_id or ids.image_generation_call(),
            call_id=call.id,
            function=call.name,
            arguments=call.arguments,
            result=None if picture is None or stored is not None else picture.data,
            members=members,
            error=error,
            stored=stored is not None,
        )
        result = None if picture is None else picture.data
        usage = {} if picture is None else dict(picture.usage)
        done = events.ImageCallDone(call.index, result, members, usage, error)
        return CallResult([done], NewItem(item.id, "image_generation", msgspec.json.encode(item).decode(), stored))


def offer_image_generation(spec: RunSpec) -> list[OfferedFunction]:
    """The function of image generation; none where the run has no such tool."""
    options = spec.image_generation
    if options is None:
        return []
    name = function_name("image_generation", spec)
    definition = image_generation.definition(name, may_edit=options.action == "auto")
    return [OfferedFunction(name, "image_generation", definition, frozenset({name, image_generation.NAME}))]


def _decode(raw: bytes) -> dict[str, Any]:
    """A JSON object. Raises _ImageError for anything else."""
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        raise _ImageError("The provider returned malformed JSON.") from None


def _image_urls(message: UserMessage) -> list[str]:
    content: Iterable[Any] = () if isinstance(message.content, str) else message.content
    return [part.image_url.url for part in content if isinstance(part, ImagePart)]
