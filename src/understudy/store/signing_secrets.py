"""The secrets that sign the cookies of sign-in: in the database, so that all nodes have them; replaced each month."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from understudy.store.database import Database, Transaction

_SIGNING_SECONDS: Final = 30 * 86_400
# No cookie is valid longer than a session, whose longest time is 30 days.
_CHECKING_SECONDS: Final = 2 * _SIGNING_SECONDS


@dataclass(frozen=True, slots=True)
class SigningSecrets:
    """`newest` is the id of the secret that signs; all check."""

    newest: str
    by_id: Mapping[str, bytes]


class SigningSecretStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, now: int) -> SigningSecrets:
        """Adds a secret if the newest one is missing or a month old, and deletes those that sign nothing any more."""
        rows = await self._database.read(_read_secrets)
        if not rows or rows[-1][2] <= now - _SIGNING_SECONDS:
            rows = await self._database.write(_replace_secret, now)
        return SigningSecrets(rows[-1][0], {row[0]: base64.b64decode(row[1]) for row in rows})


_Rows = list[tuple[str, str, int]]


def _read_secrets() -> Transaction[_Rows]:
    rows = yield "SELECT id, secret, created_at FROM signing_secrets ORDER BY seq", ()
    return [(row[0], row[1], row[2]) for row in rows]


def _replace_secret(now: int) -> Transaction[_Rows]:
    rows = yield from _read_secrets()
    # Another node may have added one meanwhile; if both do, the newest of both signs.
    if not rows or rows[-1][2] <= now - _SIGNING_SECONDS:
        sql = "INSERT INTO signing_secrets (id, secret, created_at) VALUES ($1, $2, $3)"
        yield sql, (secrets.token_hex(4), base64.b64encode(secrets.token_bytes(32)).decode(), now)
        yield "DELETE FROM signing_secrets WHERE created_at <= $1", (now - _CHECKING_SECONDS,)
    return (yield from _read_secrets())
