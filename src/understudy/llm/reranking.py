"""Scores in responses of `POST /rerank`. Knows no provider.

The dialect is that of Cohere, Jina and vLLM: `results` of `index` and `relevance_score`; Voyage's list is `data`.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from understudy.errors import UpstreamError
from understudy.llm import faults, payload


class _Result(msgspec.Struct):
    index: Annotated[int, Meta(ge=0)]
    relevance_score: float


class _Results(msgspec.Struct):
    results: list[_Result] | None = None
    data: list[_Result] | None = None
    error: Any = None


class _TokenCount(msgspec.Struct):
    total_tokens: Annotated[int, Meta(ge=0)] | None = None
    input_tokens: Annotated[int, Meta(ge=0)] | None = None


class _CohereMeta(msgspec.Struct):
    tokens: _TokenCount | None = None


class _Usage(msgspec.Struct):
    usage: _TokenCount | None = None
    meta: _CohereMeta | None = None


@dataclass(frozen=True, slots=True)
class Reranking:
    """The scores of documents in order, from 0 to 1. `tokens` were read; None if the provider does not report them."""

    scores: list[float]
    tokens: int | None = None


_decode = msgspec.json.Decoder(_Results).decode
_decode_usage = msgspec.json.Decoder(_Usage).decode


def parse_reranking(data: bytes, count: int, *, secret: faults.ProviderSecrets | None = None) -> Reranking:
    """The body of a 2xx response for `count` documents. Raises what `parse_scores` does."""
    return Reranking(parse_scores(data, count, secret=secret), _parse_tokens(data))


def _parse_tokens(data: bytes) -> int | None:
    try:
        reported = _decode_usage(data)
    except payload.DECODE_ERRORS:
        return None
    counted = reported.usage or (reported.meta and reported.meta.tokens)
    if not counted:
        return None
    return counted.input_tokens if counted.total_tokens is None else counted.total_tokens


def parse_scores(data: bytes, count: int, *, secret: faults.ProviderSecrets | None = None) -> list[float]:
    """The scores of `count` documents in the body of a 2xx response, from 0 to 1.

    Some servers return the outputs of the model, which may be any numbers: they pass through a sigmoid.
    Raises UpstreamError: the error in the body, or malformed if a document has no score or several.
    """
    try:
        decoded = _decode(data)
    except payload.DECODE_ERRORS:
        raise payload.malformed("a body that is not a list of reranked documents") from None
    results = decoded.results if decoded.results is not None else decoded.data
    if results is None:
        if decoded.error is not None:
            raise faults.from_payload(payload.decode(data), secret=secret, status=200)
        raise payload.malformed("a body that is not a list of reranked documents")
    scores = {result.index: result.relevance_score for result in results}
    if len(results) != count or set(scores) != set(range(count)) or not all(map(math.isfinite, scores.values())):
        raise UpstreamError("malformed", f"The upstream did not return one score for each of {count} documents.")
    ordered = [scores[index] for index in range(count)]
    return ordered if all(0 <= score <= 1 for score in ordered) else [_squash(score) for score in ordered]


def _squash(score: float) -> float:
    return 0.5 * (1 + math.tanh(score / 2))
