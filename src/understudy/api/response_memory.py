"""What one WebSocket connection remembers of its responses: those that are not stored, and warm-ups.

The latest response of each lane is remembered, until the lane has another one, a continuation of it is refused, or the
connection ends. Source of the rules: the Responses API over WebSocket.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from starlette.requests import Request

EXTENSION: Final = "understudy.response_memory"
"""The name of the memory among the extensions of a request's scope."""


@dataclass(slots=True)
class WarmUp:
    """The members of a request that made no output, which its continuation gets. `size` is in bytes of JSON.

    `follows` is the id of the response before it, which is remembered as long as the warm-up.
    """

    members: dict[str, Any]
    size: int
    follows: str | None = None


@dataclass(slots=True)
class ResponseMemory:
    """`unstored` are ids of responses that are to be erased when they are forgotten."""

    unstored: set[str] = field(default_factory=set)
    warm_ups: dict[str, WarmUp] = field(default_factory=dict)

    def knows(self, response_id: str | None) -> bool:
        return response_id in self.unstored

    def add_warm_up(self, response_id: str, warm_up: WarmUp, most: int) -> None:
        """Remembers a warm-up, and forgets the oldest ones beyond `most` bytes."""
        self.warm_ups[response_id] = warm_up
        while len(self.warm_ups) > 1 and sum(one.size for one in self.warm_ups.values()) > most:
            del self.warm_ups[next(iter(self.warm_ups))]


@dataclass(frozen=True, slots=True)
class Turn:
    """One request of a connection. `is_warm_up`: it makes no output."""

    memory: ResponseMemory
    is_warm_up: bool = False


def turn_of(request: Request) -> Turn | None:
    """The turn of a connection that the request is; None for a request of its own."""
    turn: Turn | None = request.scope.get("extensions", {}).get(EXTENSION)
    return turn
