"""Checks of images and documents inside a request: addresses, data URLs and base64."""

import asyncio
import binascii
from typing import Final

from understudy.engine import inline
from understudy.errors import InvalidRequest
from understudy.llm import remote_urls
from understudy.wire.error_texts import Problem
from understudy.wire.parsing import InvalidBody

# Base64 characters validated on the event loop; longer data is validated in a thread.
_INLINE_CHECK_CHARACTERS: Final = 1 << 18
_SUPPORTED_FORMATS_TEXT: Final = "'image/jpeg', 'image/png', 'image/gif', 'image/webp'"
_SUPPORTED_MEDIA_TYPES: Final = frozenset({"image/jpeg", "image/jpg", "image/png", "image/gif", "image/webp"})


def check_remote_url(url: str, param: str) -> None:
    """Raises InvalidRequest for a URL with a private address."""
    if not remote_urls.is_allowed(url):
        raise InvalidRequest(remote_urls.refusal_message(param, url), param=param, code="invalid_value")


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
