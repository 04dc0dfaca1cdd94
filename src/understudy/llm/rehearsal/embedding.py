"""The built-in embedding as a model of the embeddings dialect. Knows no network and keeps no state."""

import asyncio
import base64
import struct
from typing import Any, Final

import msgspec
from msgspec import Raw

from understudy.errors import UpstreamError
from understudy.llm import tokens
from understudy.retrieval import builtin

_DIMENSIONS: Final = {"text-embedding-3-large": 3072, "text-embedding-3-small": 1536, "text-embedding-ada-002": 1536}
"""What stands in for a hosted model gives vectors as long as that model's, for tables made for those."""

_MOST: Final = 4096
_TOKENS: Final = 8192
_ALL_TOKENS: Final = 300_000
_AT_ONCE: Final = 10_000
_FEW: Final = 16


async def embed(body: dict[str, Any]) -> bytes:
    """The encoded list of embeddings. Raises UpstreamError(invalid_request)."""
    texts = _texts(body["input"])
    if sum(map(len, texts)) <= _AT_ONCE and len(texts) <= _FEW:
        return _list(texts, body)
    return await asyncio.to_thread(_list, texts, body)


def _list(texts: list[str], body: dict[str, Any]) -> bytes:
    counts = [tokens.count(text) for text in texts]
    _check(counts)
    # Encoded one by one: a thread that encodes them all at once lets nobody else run.
    data = [Raw(one) for one in _data(texts, _dimensions(body), body.get("encoding_format") == "base64")]
    usage = {"prompt_tokens": sum(counts), "total_tokens": sum(counts)}
    return msgspec.json.encode({"object": "list", "data": data, "model": body["model"], "usage": usage})


def _texts(given: Any) -> list[str]:
    texts = given if isinstance(given, list) else [given]
    if not all(isinstance(text, str) for text in texts):
        raise UpstreamError(
            "invalid_request",
            "Invalid 'input': the built-in embedding takes texts, not tokens, since it has no vocabulary. Send the text"
            " itself, or use the model of a provider.",
            param="input",
        )
    return texts


def _check(counts: list[int]) -> None:
    longest, total = max(counts), sum(counts)
    if longest > _TOKENS:
        raise UpstreamError(
            "invalid_request",
            f"Invalid 'input': maximum context length is {_TOKENS} tokens, but an input has {longest}. Split it.",
            param="input",
        )
    if total > _ALL_TOKENS:
        raise UpstreamError(
            "invalid_request",
            f"Invalid 'input': maximum request size is {_ALL_TOKENS} tokens, but the inputs have {total}. Send fewer.",
            param="input",
            code="max_tokens_per_request",
        )


def _dimensions(body: dict[str, Any]) -> int:
    wanted = body.get("dimensions")
    if wanted is None:
        return _DIMENSIONS.get(str(body["model"]).rpartition("/")[2], builtin.DIMENSIONS)
    if not 1 <= wanted <= _MOST:
        raise UpstreamError(
            "invalid_request",
            f"Invalid 'dimensions': {wanted!r} is not between 1 and {_MOST}, as the built-in embedding allows.",
            param="dimensions",
        )
    return int(wanted)


def _data(texts: list[str], dimensions: int, encoded: bool) -> list[bytes]:
    return [
        msgspec.json.encode(
            {"object": "embedding", "index": index, "embedding": _shown(builtin.vector(text, dimensions), encoded)}
        )
        for index, text in enumerate(texts)
    ]


def _shown(vector: bytes, encoded: bool) -> str | tuple[float, ...]:
    if encoded:
        return base64.b64encode(vector).decode()
    return struct.unpack(f"<{len(vector) // 4}f", vector)
