"""The built-in embedder as a model of the embeddings dialect. Knows no network and has no state."""

import asyncio
import base64
import struct
from typing import Any, Final

import msgspec
from msgspec import Raw

from understudy.llm import tokens
from understudy.llm.rehearsal.request import invalid_request
from understudy.retrieval import builtin

# A stand-in for a hosted model returns vectors of that model's length, for tables made for those.
_HOSTED_DIMENSIONS: Final = {"3-large": 3072, "3-small": 1536, "ada-002": 1536}
_MAX_DIMENSIONS: Final = 4096
_MAX_INPUT_TOKENS: Final = 8192
_MAX_TOTAL_TOKENS: Final = 300_000
_INLINE_CHARACTERS, _INLINE_INPUTS = 10_000, 16  # more is embedded in a thread


async def embed(body: dict[str, Any]) -> bytes:
    """The encoded list of embeddings. Raises UpstreamError(invalid_request)."""
    texts = _input_texts(body["input"])
    if sum(map(len, texts)) <= _INLINE_CHARACTERS and len(texts) <= _INLINE_INPUTS:
        return _render_list(texts, body)
    return await asyncio.to_thread(_render_list, texts, body)


def _render_list(texts: list[str], body: dict[str, Any]) -> bytes:
    counts = [tokens.count(text) for text in texts]
    _check_token_counts(counts)
    dimensions, is_base64 = _requested_dimensions(body), body.get("encoding_format") == "base64"
    # Encoded one by one: encoding all at once would hold the interpreter lock too long.
    data = [Raw(_render_embedding(i, text, dimensions, is_base64=is_base64)) for i, text in enumerate(texts)]
    usage = {"prompt_tokens": sum(counts), "total_tokens": sum(counts)}
    return msgspec.json.encode({"object": "list", "data": data, "model": body["model"], "usage": usage})


def _input_texts(value: Any) -> list[str]:
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise invalid_request(
            "Invalid 'input': the built-in embedding takes texts, not tokens, since it has no vocabulary. Send the text"
            " itself, or use the model of a provider.",
            "input",
        )
    return texts


def _check_token_counts(counts: list[int]) -> None:
    longest, total = max(counts), sum(counts)
    if longest > _MAX_INPUT_TOKENS:
        limit = f"maximum context length is {_MAX_INPUT_TOKENS} tokens, but an input has {longest}. Split it."
        raise invalid_request(f"Invalid 'input': {limit}", "input")
    if total > _MAX_TOTAL_TOKENS:
        limit = f"maximum request size is {_MAX_TOTAL_TOKENS} tokens, but the inputs have {total}. Send fewer."
        raise invalid_request(f"Invalid 'input': {limit}", "input", "max_tokens_per_request")


def _requested_dimensions(body: dict[str, Any]) -> int:
    requested = body.get("dimensions")
    if requested is None:
        return _HOSTED_DIMENSIONS.get(str(body["model"]).rpartition("text-embedding-")[2], builtin.DIMENSIONS)
    if not 1 <= requested <= _MAX_DIMENSIONS:
        bounds = f"between 1 and {_MAX_DIMENSIONS}, as the built-in embedding allows"
        raise invalid_request(f"Invalid 'dimensions': {requested!r} is not {bounds}.", "dimensions")
    return int(requested)


def _render_embedding(index: int, text: str, dimensions: int, *, is_base64: bool) -> bytes:
    vector = builtin.embed_text(text, dimensions)
    values = base64.b64encode(vector).decode() if is_base64 else struct.unpack(f"<{len(vector) // 4}f", vector)
    return msgspec.json.encode({"object": "embedding", "index": index, "embedding": values})
