"""The cards of a provider's list of models, as far as they are sound. Knows no HTTP."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from understudy.llm import payload
from understudy.llm.chunks import MAX_TIMESTAMP
from understudy.llm.provider import ModelCard

MAX_MODELS: Final = 20_000
"""Models of one provider; a longer list is cut."""

_MAX_ID_LENGTH: Final = 512


def cards(listing: Sequence[Any], owner: str, created: Callable[[dict[str, Any]], int]) -> list[ModelCard]:
    """Leaves out what has no id that a request could name, and what was listed before. `created` reads the date."""
    found: dict[str, ModelCard] = {}
    for card in listing[:MAX_MODELS]:
        model = card.get("id") if isinstance(card, dict) else None
        if isinstance(model, str) and 0 < len(model) <= _MAX_ID_LENGTH and model.isprintable() and model not in found:
            owned_by = payload.text(card.get("owned_by"))
            found[model] = ModelCard(model, created(card), (owned_by or owner)[:_MAX_ID_LENGTH])
    return list(found.values())


def created(card: dict[str, Any]) -> int:
    """Unix seconds; 0 where the card does not say."""
    return payload.integer(card.get("created"), MAX_TIMESTAMP) or 0
