"""What a model thought, as an item that can be given back to it. Pure.

The service seals reasoning so that clients can carry what they cannot read. Here the models are the operator's own, and
sealing is packing: it keeps the text whole on its way through clients that store nothing, and is no secret.
"""

import base64
import binascii
import zlib
from typing import Any, Final

_VERSION: Final = "us1."
# No thought is longer; a few bytes that unpack to more were made to fill the memory.
_LONGEST: Final = 1 << 22


def item(item_id: str, text: str) -> dict[str, Any]:
    """A reasoning item; a summary is shown only to clients that asked for one, by the view."""
    return {"id": item_id, "type": "reasoning", "summary": [], "encrypted_content": sealed(text)}


def sealed(text: str) -> str:
    return _VERSION + base64.urlsafe_b64encode(zlib.compress(text.encode())).decode()


def opened(content: str | None) -> str | None:
    """None for what was sealed elsewhere."""
    if not content or not content.startswith(_VERSION):
        return None
    try:
        unpacking = zlib.decompressobj()
        text = unpacking.decompress(base64.urlsafe_b64decode(content[len(_VERSION) :]), _LONGEST)
        return text.decode()
    except (binascii.Error, zlib.error, UnicodeDecodeError):
        return None
