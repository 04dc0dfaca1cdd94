"""Who a key stands for, whether it is valid, and when it was used last: what requests need of keys."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from understudy.store.database import Transaction
from understudy.store.roles import Person
from understudy.store.sql import compose_sql, padded_batches, sql_parameters

_decode_scopes = msgspec.json.Decoder(tuple[str, ...]).decode


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a request: a key of a project, with an empty `project_id` an admin key, or a person.

    `scopes` None is all of a project. `expires_at` is in Unix seconds; `is_old`: the secret before a rotation. The
    `key_id` of a person is the user's id; without a project, a person who owns the organization is as an admin key.
    """

    project_id: str
    key_id: str
    scopes: frozenset[str] | None = None
    expires_at: int | None = None
    is_old: bool = False
    person: Person | None = None

    @property
    def is_admin(self) -> bool:
        return not self.project_id and (self.person is None or self.person.is_owner)


@dataclass(frozen=True, slots=True)
class KeyUse:
    key_id: str
    is_old: bool


def hash_key(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


_AUTHENTICATE = (
    "SELECT keys.project_id, keys.id, scopes, {expiry} FROM keys JOIN projects ON projects.id = keys.project_id"
    " WHERE {hash} = $1 AND revoked_at IS NULL AND archived_at IS NULL"
)
_BY_HASH = _AUTHENTICATE.format(hash="hash", expiry="expires_at")
_BY_OLD_HASH = _AUTHENTICATE.format(hash="old_hash", expiry="old_expires_at")


def authenticate_key(digest: str) -> Transaction[Principal | None]:
    """`digest` is the hash of a key. None for an unknown or revoked key, and for one of an archived project."""
    rows = yield _BY_HASH, (digest,)
    is_old = not rows
    if is_old:
        rows = yield _BY_OLD_HASH, (digest,)
    if not rows:
        return None
    project_id, key_id, scopes, expires_at = rows[0]
    allowed = None if scopes is None else frozenset(_decode_scopes(scopes))
    return Principal(project_id, key_id, allowed, expires_at, is_old)


_ACTIVE_KEYS = (
    "SELECT keys.id FROM keys JOIN projects ON projects.id = keys.project_id WHERE keys.id IN ({ids})"
    " AND revoked_at IS NULL AND archived_at IS NULL AND (expires_at IS NULL OR expires_at > {now})"
    " UNION ALL SELECT id FROM admin_keys WHERE id IN ({ids})"
    " AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > {now})"
    " UNION ALL SELECT user_id FROM user_sessions WHERE user_id IN ({ids}) AND expires_at > {now}"
)


def filter_active_keys(key_ids: Sequence[str], now: int) -> Transaction[set[str]]:
    """The ids of keys and admin keys that are valid, and of users who are signed in."""
    active: set[str] = set()
    for batch in padded_batches(key_ids):
        sql = _ACTIVE_KEYS.format(ids=sql_parameters(1, len(batch)), now=f"${len(batch) + 1}")
        active.update(row[0] for row in (yield sql, (*batch, now)))
    return active


_USE = "SET last_used_at = $2 WHERE id = $1 AND COALESCE(last_used_at, 0) < $2"
_OLD_USE = "UPDATE keys SET old_last_used_at = $2 WHERE id = $1 AND COALESCE(old_last_used_at, 0) < $2"


def record_key_uses(uses: Mapping[KeyUse, int]) -> Transaction[None]:
    """Stores the time of the last use of each key and admin key, in Unix seconds."""
    for use, at in uses.items():
        if use.is_old:
            yield _OLD_USE, (use.key_id, at)
        else:
            yield compose_sql("UPDATE keys", _USE), (use.key_id, at)
            yield compose_sql("UPDATE admin_keys", _USE), (use.key_id, at)
