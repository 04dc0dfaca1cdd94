"""Links that download one file once, without a key. A token itself is never stored, only its SHA-256."""

import hashlib
from dataclasses import dataclass

from understudy.store.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class LinkedFile:
    project_id: str
    file_id: str


class DownloadLinks:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, token: str, file: LinkedFile, now: int, expires_at: int) -> None:
        """Times are in Unix seconds. Links that have expired are removed."""
        await self._database.write(_insert_link, _hash_token(token), file, now, expires_at)

    async def find(self, token: str, now: int) -> LinkedFile | None:
        """The file of a valid link, which stays valid."""
        return await self._database.read(_select_link, _hash_token(token), now)

    async def redeem(self, token: str, now: int) -> LinkedFile | None:
        """The file of a valid link, for one caller; None for every other one."""
        return await self._database.write(_delete_link, _hash_token(token), now)


def _hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _insert_link(digest: str, file: LinkedFile, now: int, expires_at: int) -> Transaction[None]:
    yield "DELETE FROM download_links WHERE expires_at <= $1", (now,)
    sql = "INSERT INTO download_links (hash, project_id, file_id, expires_at) VALUES ($1, $2, $3, $4)"
    yield sql, (digest, file.project_id, file.file_id, expires_at)


def _select_link(digest: str, now: int) -> Transaction[LinkedFile | None]:
    sql = "SELECT project_id, file_id FROM download_links WHERE hash = $1 AND expires_at > $2"
    rows = yield sql, (digest, now)
    return LinkedFile(*rows[0]) if rows else None


def _delete_link(digest: str, now: int) -> Transaction[LinkedFile | None]:
    sql = "DELETE FROM download_links WHERE hash = $1 AND expires_at > $2 RETURNING project_id, file_id"
    rows = yield sql, (digest, now)
    return LinkedFile(*rows[0]) if rows else None
