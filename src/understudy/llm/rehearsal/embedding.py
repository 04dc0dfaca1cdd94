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

_MAX_INPUTS: Final = 4096
_INPUT_LIMIT: Final = 8192
_TOTAL_LIMIT: Final = 300_000
_BATCH_CHARACTERS: Final = 10_000
_MIN_DIMENSIONS: Final = 16


async def embed(body: dict[str, Any]) -> bytes:
    """The encoded list of embeddings. Raises UpstreamError(invalid_request)."""
    texts = _input_texts(body["input"])
    if sum(map(len, texts)) <= _BATCH_CHARACTERS and len(texts) <= _MIN_DIMENSIONS:
        return _render_list(texts, body)
    return await asyncio.to_thread(_render_list, texts, body)


def _render_list(texts: list[str], body: dict[str, Any]) -> bytes:
    counts = [tokens.count(text) for text in texts]
    _check_token_counts(counts)
    # Encoded one by one: a thread that encodes them all at once lets nobody else run.
    data = [Raw(one) for one in _embed_texts(texts, _dimensions(body), body.get("encoding_format") == "base64")]
    usage = {"prompt_tokens": sum(counts), "total_tokens": sum(counts)}
    return msgspec.json.encode({"object": "list", "data": data, "model": body["model"], "usage": usage})


def _input_texts(given: Any) -> list[str]:
    texts = given if isinstance(given, list) else [given]
    if not all(isinstance(text, str) for text in texts):
        raise UpstreamError(
            "invalid_request",
            "Invalid 'input': the built-in embedding takes texts, not tokens, since it has no vocabulary. Send the text"
            " itself, or use the model of a provider.",
            param="input",
        )
    return texts


def _check_token_counts(counts: list[int]) -> None:
    longest, total = max(counts), sum(counts)
    if longest > _INPUT_LIMIT:
        raise UpstreamError(
            "invalid_request",
            f"Invalid 'input': maximum context length is {_INPUT_LIMIT} tokens, but an input has {longest}. Split it.",
            param="input",
        )
    if total > _TOTAL_LIMIT:
        raise UpstreamError(
            "invalid_request",
            f"Invalid 'input': maximum request size is {_TOTAL_LIMIT} tokens, but the inputs have {total}. Send fewer.",
            param="input",
            code="max_tokens_per_request",
        )


def _dimensions(body: dict[str, Any]) -> int:
    wanted = body.get("dimensions")
    if wanted is None:
        return _DIMENSIONS.get(str(body["model"]).rpartition("/")[2], builtin.DIMENSIONS)
    if not 1 <= wanted <= _MAX_INPUTS:
        raise UpstreamError(
            "invalid_request",
            f"Invalid 'dimensions': {wanted!r} is not between 1 and {_MAX_INPUTS}, as the built-in embedding allows.",
            param="dimensions",
        )
    return int(wanted)


def _embed_texts(texts: list[str], dimensions: int, encoded: bool) -> list[bytes]:
    return [
        msgspec.json.encode(
            {
                "object": "embedding",
                "index": index,
                "embedding": _encode_vector(builtin.embed_text(text, dimensions), encoded),
            }
        )
        for index, text in enumerate(texts)
    ]


def _encode_vector(vector: bytes, encoded: bool) -> str | tuple[float, ...]:
    if encoded:
        return base64.b64encode(vector).decode()
    return struct.unpack(f"<{len(vector) // 4}f", vector)
