"""Signs the values of cookies, and checks them: a changed value is refused before anything is read with it."""

import hashlib
import hmac
from typing import Final, Literal

from understudy.clock import Clock
from understudy.store import Store
from understudy.store.signing_secrets import SigningSecrets

Purpose = Literal["login", "session"]
_RELOAD_SECONDS: Final = 300.0
# Values that name an unknown secret must not make this server read the database again and again.
_UNKNOWN_SECONDS: Final = 2.0


class CookieSigner:
    """A value is `SECRET_ID.TEXT.SIGNATURE`. The secret may be newer than those that this node has loaded."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._loaded: SigningSecrets | None = None
        self._loaded_at = 0.0

    async def sign(self, purpose: Purpose, text: str) -> str:
        """`text` must have no full stop."""
        secrets = await self._load(_RELOAD_SECONDS)
        return f"{secrets.newest}.{text}.{_compute(secrets.by_id[secrets.newest], purpose, text)}"

    async def check(self, purpose: Purpose, value: str) -> str | None:
        """The text of the value; None if it was not signed here for this purpose."""
        if value.count(".") != 2 or not value.isascii():
            return None
        secret_id, text, signature = value.split(".")
        secrets = await self._load(_RELOAD_SECONDS)
        if secret_id not in secrets.by_id:
            secrets = await self._load(_UNKNOWN_SECONDS)
        secret = secrets.by_id.get(secret_id)
        if secret is None or not hmac.compare_digest(signature, _compute(secret, purpose, text)):
            return None
        return text

    async def _load(self, age: float) -> SigningSecrets:
        now = self._clock.now()
        if self._loaded is None or not 0 <= now - self._loaded_at < age:
            self._loaded = await self._store.signing_secrets.load(int(now))
            self._loaded_at = now
        return self._loaded


def _compute(secret: bytes, purpose: Purpose, text: str) -> str:
    return hmac.new(secret, f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()
