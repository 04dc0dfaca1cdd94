"""A model's reasoning as an item that a later request can return to the model. Pure.

The hosted service encrypts reasoning, so that clients cannot read it. Here the models are the operator's own, so it is
only encoded: this preserves the text on its way through stateless clients, and is not secret.
"""

import base64
import binascii
import zlib
from typing import Any, Final

_SEAL_VERSION: Final = "us1."
# Above any real reasoning; limits memory for a malicious input that decompresses to more.
_MAX_SEALED_LENGTH: Final = 1 << 22


def reasoning_item(item_id: str, text: str) -> dict[str, Any]:
    """A reasoning item; the view shows a summary only to clients that requested one."""
    return {"id": item_id, "type": "reasoning", "summary": [], "encrypted_content": seal_reasoning(text)}


def seal_reasoning(text: str) -> str:
    return _SEAL_VERSION + base64.urlsafe_b64encode(zlib.compress(text.encode())).decode()


def unseal_reasoning(content: str | None) -> str | None:
    """None for content of another server."""
    if not content or not content.startswith(_SEAL_VERSION):
        return None
    try:
        unpacking = zlib.decompressobj()
        text = unpacking.decompress(base64.urlsafe_b64decode(content[len(_SEAL_VERSION) :]), _MAX_SEALED_LENGTH)
        # Truncated input, unless the limit cut it.
        return text.decode() if unpacking.eof or unpacking.unconsumed_tail else None
    except (binascii.Error, zlib.error, UnicodeDecodeError):
        return None
