"""The valid model cards of a provider's list. Knows no HTTP."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from understudy.llm import payload
from understudy.llm.chunks import MAX_TIMESTAMP
from understudy.llm.provider import ModelCard

MAX_MODELS: Final = 20_000
"""Models of one provider; a longer list is truncated."""

_MAX_ID_LENGTH: Final = 512


def cards(listing: Sequence[Any], owner: str, created: Callable[[dict[str, Any]], int]) -> list[ModelCard]:
    """Skips cards without a usable id, and duplicates. `created` reads the date of a card."""
    by_id: dict[str, ModelCard] = {}
    for card in listing[:MAX_MODELS]:
        model = card.get("id") if isinstance(card, dict) else None
        if isinstance(model, str) and 0 < len(model) <= _MAX_ID_LENGTH and model.isprintable() and model not in by_id:
            owned_by = payload.text(card.get("owned_by"))
            by_id[model] = ModelCard(model, created(card), (owned_by or owner)[:_MAX_ID_LENGTH])
    return list(by_id.values())


def created(card: dict[str, Any]) -> int:
    """Unix seconds; 0 without a valid date."""
    return payload.integer(card.get("created"), MAX_TIMESTAMP) or 0
