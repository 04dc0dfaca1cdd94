"""The moderation of one side of a response: its requests to a provider, and what their results say together. Pure.

Source: operation createModeration, and the schema Moderation of a response.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from understudy.errors import UpstreamError
from understudy.llm.relay import JsonBody
from understudy.wire.moderations import ModeratedSide

OPERATION: Final = "moderations"
MAX_IMAGES: Final = 100
"""Each is a request of its own, since moderation models take one image at a time."""


class _Result(Struct):
    flagged: bool
    categories: dict[str, bool | None] = {}
    category_scores: dict[str, float | None] = {}
    category_applied_input_types: dict[str, list[str]] = {}


class _Reply(Struct):
    results: list[_Result]
    model: str = ""


_decode: Final = msgspec.json.Decoder(_Reply, strict=False).decode


def build_requests(model: str, text: str, images: Sequence[str]) -> list[JsonBody]:
    """The requests for a text and images as URLs; the first has the text and an image, each other one an image."""
    if not images:
        return [JsonBody({"model": model, "input": text})]
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in images]
    first = [{"type": "text", "text": text}, parts[0]] if text else parts[:1]
    return [JsonBody({"model": model, "input": one}) for one in (first, *([part] for part in parts[1:]))]


def parse_result(raw: bytes, model: str) -> ModeratedSide:
    """What a provider's response says. Raises UpstreamError for a malformed one."""
    try:
        reply = _decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        raise _malformed() from None
    if not reply.results:
        raise _malformed()
    return merge_results([_render(one, reply.model or model) for one in reply.results])


def merge_results(results: Sequence[ModeratedSide]) -> ModeratedSide:
    """One result for all: what any of them flags is flagged, and the highest score of a category counts."""
    first, *others = results
    if not others:
        return first
    categories, scores = dict(first.categories), dict(first.category_scores)
    applied = dict(first.category_applied_input_types)
    for one in others:
        for name, flagged in one.categories.items():
            categories[name] = flagged or categories.get(name, False)
        for name, score in one.category_scores.items():
            scores[name] = max(score, scores.get(name, 0.0))
        for name, kinds in one.category_applied_input_types.items():
            known = applied.get(name, [])
            applied[name] = [*known, *(kind for kind in kinds if kind not in known)]
    return ModeratedSide(
        model=first.model,
        flagged=any(one.flagged for one in results),
        categories=categories,
        category_scores=scores,
        category_applied_input_types=applied,
    )


def _render(result: _Result, model: str) -> ModeratedSide:
    # Categories that a model does not have are null in some replies.
    scores: dict[str, Any] = {name: score or 0.0 for name, score in result.category_scores.items()}
    return ModeratedSide(
        model=model,
        flagged=result.flagged,
        categories={name: bool(flagged) for name, flagged in result.categories.items()},
        category_scores=scores,
        category_applied_input_types=result.category_applied_input_types,
    )


def _malformed() -> UpstreamError:
    return UpstreamError("malformed", "The upstream returned no result of the moderation.")
