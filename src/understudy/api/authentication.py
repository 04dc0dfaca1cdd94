"""Finds who sends a request: the principal of its key, which is cached for a moment, or the person of its session."""

import math
import time
from typing import Final

from starlette.types import Scope

from understudy import ids
from understudy.api import browser_sessions
from understudy.api.access import MODEL_REQUEST
from understudy.api.browser_sessions import address_of
from understudy.api.parts import Parts
from understudy.api.request_head import Fields, find_key
from understudy.errors import Unauthenticated
from understudy.store.principals import Principal

# A key that another process revokes stays valid in this one for up to this many seconds.
_CACHE_SECONDS: Final = 2.0
_MAX_CACHED: Final = 10_000
REALTIME_PATH: Final = "/realtime"
"""The only path for client secrets."""
_MISSING_KEY_MESSAGE = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY). Create one with `understudy keys create`."
)


class KeyCache:
    """Principals by what their requests have as a key, usually the `Authorization` header as it stands.

    A client whose address has sent too many wrong keys gets 429 for the next wrong one. A valid key is never refused
    for the wrong keys of others, who may share its address.
    """

    def __init__(self) -> None:
        self._principals: dict[bytes | str | None, tuple[Principal, float]] = {}

    def find(self, fields: Fields) -> Principal | None:
        """The principal of a key that was valid a moment ago; None if `authenticate` has to find it."""
        cached = self._principals.get(_cache_key(fields))
        return cached[0] if cached is not None and cached[1] > time.monotonic() else None

    async def authenticate(self, parts: Parts, scope: Scope, fields: Fields) -> Principal:
        """The principal of the request's key or session; raises Unauthenticated, PermissionDenied, TooManyAttempts."""
        key = find_key(fields)
        if key is None:
            if parts.sign_in is not None and (
                person := await browser_sessions.authenticate(parts.sign_in, scope, fields)
            ):
                return person
            raise Unauthenticated(_MISSING_KEY_MESSAGE)
        try:
            return await self._authenticate_key(parts, scope, fields, key)
        except Unauthenticated:
            attempts, limit = parts.limiter.attempts, parts.settings.limits.rejected_keys_per_minute
            attempts.check(address_of(scope), limit)
            attempts.note_failure(address_of(scope), limit)
            raise

    async def _authenticate_key(self, parts: Parts, scope: Scope, fields: Fields, key: str) -> Principal:
        """Raises Unauthenticated."""
        now, wall = time.monotonic(), parts.clock.now()
        keys = parts.store.admin_keys if key.startswith(ids.ADMIN_KEY_PREFIX) else parts.store.keys
        principal = await keys.authenticate(key)
        if principal is None and key.startswith(ids.CLIENT_SECRET_PREFIX):
            return await _authenticate_secret(parts, scope, key)
        if principal is None or _has_expired(principal, wall):
            raise _rejected_key_error(key, principal)
        if len(self._principals) >= _MAX_CACHED:
            self._principals.clear()
        left = math.inf if principal.expires_at is None else principal.expires_at - wall
        self._principals[_cache_key(fields)] = (principal, now + min(_CACHE_SECONDS, left))
        parts.key_uses.note(principal, int(wall))
        return principal


async def _authenticate_secret(parts: Parts, scope: Scope, value: str) -> Principal:
    """The principal of a client secret, which is left in the scope's state. Raises Unauthenticated."""
    if scope["path"] != REALTIME_PATH:
        raise Unauthenticated(
            "This is a client secret, which opens realtime sessions only. Use an API key here.", code="invalid_api_key"
        )
    secret = await parts.store.client_secrets.find(value)
    if secret is None:
        raise _rejected_key_error(value, None)
    if secret.expires_at <= parts.clock.now():
        raise Unauthenticated(
            "This client secret has expired. Make another one at POST /v1/realtime/client_secrets.",
            code="invalid_api_key",
        )
    if not await parts.active_keys((secret.key_id,)):
        raise Unauthenticated("The API key that has made this client secret is not valid.", code="invalid_api_key")
    scope["state"]["client_secret"] = secret
    return Principal(secret.project_id, secret.key_id, frozenset({MODEL_REQUEST}), secret.expires_at)


def _cache_key(fields: Fields) -> bytes | str | None:
    """The header `Authorization` if no other one can have a key, so that it is not parsed for each request.

    Raises Unauthenticated for two different keys.
    """
    if b"api-key" in fields or b"x-api-key" in fields:
        return find_key(fields)
    return fields.get(b"authorization")


def _has_expired(principal: Principal, now: float) -> bool:
    return principal.expires_at is not None and principal.expires_at <= now


def _rejected_key_error(key: str, principal: Principal | None) -> Unauthenticated:
    """`principal` is that of an expired key."""
    if principal is not None:
        reason = "was rotated, and this is its old secret" if principal.is_old else "has expired"
        return Unauthenticated(f"This API key {reason}: {_mask_key(key)}. Use a new key.", code="invalid_api_key")
    return Unauthenticated(
        f"Incorrect API key provided: {_mask_key(key)}. You can list the keys with `understudy keys list`.",
        code="invalid_api_key",
    )


def _mask_key(key: str) -> str:
    return "*" * len(key) if len(key) <= 12 else f"{key[:8]}{'*' * (len(key) - 12)}{key[-4:]}"
