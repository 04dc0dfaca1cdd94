"""Ephemeral keys of realtime sessions. A value itself is never stored, only its SHA-256; it has 256 random bits."""

from dataclasses import dataclass

from understudy.store.database import Database, Transaction
from understudy.store.principals import hash_key


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """`session` is the JSON of what it opens; `key_id` is the key that has made it, without which it is not valid."""

    project_id: str
    key_id: str
    session: str
    expires_at: int


class ClientSecrets:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, value: str, secret: ClientSecret, now: int) -> None:
        """Times are in Unix seconds. Those that have expired are removed."""
        await self._database.write(_insert_secret, hash_key(value), secret, now)

    async def find(self, value: str) -> ClientSecret | None:
        """None for an unknown value, and for one whose project is archived. It may have expired."""
        return await self._database.read(_select_secret, hash_key(value))


# An expired secret is refused as expired for a while.
_RETAINED_SECONDS = 3600


def _insert_secret(digest: str, secret: ClientSecret, now: int) -> Transaction[None]:
    yield "DELETE FROM client_secrets WHERE expires_at <= $1", (now - _RETAINED_SECONDS,)
    sql = "INSERT INTO client_secrets (hash, project_id, key_id, session, expires_at) VALUES ($1, $2, $3, $4, $5)"
    yield sql, (digest, secret.project_id, secret.key_id, secret.session, secret.expires_at)


def _select_secret(digest: str) -> Transaction[ClientSecret | None]:
    sql = (
        "SELECT project_id, key_id, session, expires_at FROM client_secrets JOIN projects ON projects.id = project_id"
        " WHERE hash = $1 AND archived_at IS NULL"
    )
    rows = yield sql, (digest,)
    return ClientSecret(*rows[0]) if rows else None
