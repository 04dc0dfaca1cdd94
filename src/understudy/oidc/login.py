"""A sign-in under way, and the client of the provider as others see it. Imports no extra."""

from dataclasses import dataclass
from typing import Any, Protocol

import msgspec


class PendingLogin(msgspec.Struct, frozen=True):
    """What the browser brings back with the code. `started_at` is in Unix seconds."""

    state: str
    nonce: str
    verifier: str
    return_to: str
    started_at: int


@dataclass(frozen=True, slots=True)
class Callback:
    """The parameters of the URL that the provider has redirected to; empty if absent."""

    code: str = ""
    state: str = ""
    issuer: str = ""
    error: str = ""


class LoginClient(Protocol):
    """Raises OidcError in all methods that talk to the provider."""

    async def start(self, return_to: str, now: int) -> tuple[str, PendingLogin]:
        """The URL at the provider, and what has to come back."""
        ...

    async def finish(self, callback: Callback, login: PendingLogin) -> dict[str, Any]:
        """The claims of the ID token, and those of the user information that it lacks."""
        ...

    async def logout_url(self, return_url: str) -> str | None:
        """Where the browser ends the provider's own session; None if the provider has no such place."""
        ...

    async def close(self) -> None: ...
