"""Validates the files and images of a request before any work starts."""

import asyncio
import binascii
from collections.abc import Sequence
from typing import Any, Final

from understudy import errors
from understudy.api.file_lookup import check_image_file, lookup_files
from understudy.api.parts import Parts
from understudy.engine import inline
from understudy.engine.run import summaries
from understudy.llm import remote_urls
from understudy.wire.client_items import ComputerCallOutput
from understudy.wire.error_texts import Problem
from understudy.wire.input_items import (
    InputCustomToolCallOutput,
    InputFile,
    InputFunctionCallOutput,
    InputImage,
    InputItem,
    InputMessage,
    UnsupportedItem,
)
from understudy.wire.parsing import InvalidBody, check_file_id

# Base64 characters validated on the event loop; longer data is validated in a thread.
_INLINE_CHECK_CHARACTERS: Final = 1 << 18
_SUPPORTED_FORMATS_TEXT: Final = "'image/jpeg', 'image/png', 'image/gif', 'image/webp'"
_SUPPORTED_MEDIA_TYPES: Final = frozenset({"image/jpeg", "image/jpg", "image/png", "image/gif", "image/webp"})


async def check_files(parts: Parts, project_id: str, items: Sequence[InputItem], param: str = "input") -> None:
    """Validates the files of items. Raises InvalidId, NotFound for an unknown file, InvalidBody for bad contents."""
    images: dict[str, str] = {}
    file_ids: list[str] = []
    for index, item in enumerate(items):
        _check_summary(item, f"{param}[{index}].encrypted_content")
        for path, part in _content_parts(item, f"{param}[{index}]"):
            await _check_inline_data(parts, part, path)
            if file_id := _file_id(part):
                check_file_id(f"{path}.file_id", file_id)
                file_ids.append(file_id)
                if isinstance(part, InputImage):
                    images.setdefault(file_id, f"{path}.file_id")
    await lookup_files(parts, project_id, dict.fromkeys(file_ids, param))
    for file_id, path in images.items():
        await check_image_file(parts, project_id, file_id, path)


async def _check_inline_data(parts: Parts, part: Any, path: str) -> None:
    if isinstance(part, InputImage) and part.image_url:
        check_remote_url(parts, part.image_url, f"{path}.image_url")
        await check_image_url(part.image_url, f"{path}.image_url")
    elif isinstance(part, InputFile) and part.file_data is not None:
        await check_file_data(part.file_data, f"{path}.file_data")


def _file_id(part: Any) -> str | None:
    """The part's file id, which counts only without a URL or inline data."""
    match part:
        case InputImage(image_url=None | "") | InputFile(file_data=None):
            return part.file_id
        case _:
            return None


def check_remote_url(parts: Parts, url: str, param: str) -> None:
    """Raises InvalidRequest for a URL with a private address, unless `limits.private_urls` allows it."""
    if not parts.settings.limits.private_urls and not remote_urls.is_allowed(url):
        raise errors.InvalidRequest(remote_urls.refusal_message(param, url), param=param, code="invalid_value")


async def check_image_url(url: str, param: str, *, relayed: bool = False) -> None:
    """Raises InvalidBody for a data URL whose media type or bytes are not a supported image format.

    `relayed`: the image goes unchanged to a provider, which may support other formats.
    """
    if url[:5].lower() != "data:":
        return
    media_type, encoded = inline.split(url)
    await check_image_data(media_type if ";base64" in url[:128] else "", encoded, param, relayed=relayed)


async def check_image_data(media_type: str, encoded: str, param: str, *, relayed: bool = False) -> None:
    """Raises InvalidBody as `check_image_url` does, with the data URL already split."""
    is_supported = media_type in _SUPPORTED_MEDIA_TYPES
    if not is_supported and not (relayed and media_type.startswith("image/")):
        raise InvalidBody(
            Problem(
                f"Invalid '{param}'. Expected a base64-encoded data URL with an image MIME type (e.g."
                f" 'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), but got unsupported MIME type '{media_type}'.",
                param,
                "invalid_value",
            )
        )
    await _check_base64(encoded, param, "invalid_base64_image")
    if is_supported and inline.image_kind(inline.first_bytes(encoded)) is None:
        raise InvalidBody(
            Problem(
                f"Invalid '{param}': its bytes are not an image of a supported format. Supported formats:"
                f" {_SUPPORTED_FORMATS_TEXT}.",
                param,
                "invalid_image_format",
            )
        )


async def check_file_data(data: str, param: str) -> None:
    """Raises InvalidBody for invalid or empty base64, bare or in a data URL."""
    await _check_base64(inline.split(data)[1], param, "invalid_value")


async def _check_base64(encoded: str, param: str, code: str) -> None:
    if not encoded:
        raise InvalidBody(Problem(f"Invalid '{param}': it has no bytes.", param, code))
    try:
        if len(encoded) <= _INLINE_CHECK_CHARACTERS:
            inline.check_base64(encoded)
        else:
            await asyncio.to_thread(inline.check_base64, encoded)
    except binascii.Error as fault:
        raise InvalidBody(Problem(f"Invalid '{param}': {fault}", param, code)) from None


def _check_summary(item: InputItem, param: str) -> None:
    """Raises InvalidRequest for a compaction of another server, since its conversation cannot be restored."""
    if not isinstance(item, UnsupportedItem) or item.type != "compaction":
        return
    content = item.item.get("encrypted_content")
    if not isinstance(content, str) or summaries.unpack(content) is None:
        raise errors.InvalidRequest(
            f"The encrypted content {str(content)[:16]}... could not be verified. Reason: Encrypted content could not"
            " be decrypted or parsed. This server reads only compactions that it made itself.",
            param=param,
            code="invalid_encrypted_content",
        )


def _content_parts(item: InputItem, path: str) -> list[tuple[str, Any]]:
    """The parts of an item that may have files, each with its path."""
    match item:
        case InputMessage(content=list(content)):
            return [(f"{path}.content[{number}]", part) for number, part in enumerate(content)]
        case InputFunctionCallOutput(output=list(output)) | InputCustomToolCallOutput(output=list(output)):
            return [(f"{path}.output[{number}]", part) for number, part in enumerate(output)]
        case ComputerCallOutput(output=screenshot):
            return [(f"{path}.output", InputImage(file_id=screenshot.file_id, image_url=screenshot.image_url))]
        case _:
            return []
