"""Whether a PostgreSQL database can store vectors: pgvector exists there, or can be created. Changes nothing."""

import re
from typing import Final

from understudy.store.database import Transaction

_FIND: Final = (
    "SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'vector'),"
    " (SELECT bool_or(trusted) FROM pg_available_extension_versions WHERE name = 'vector'),"
    " has_database_privilege(current_database(), 'CREATE'),"
    " (SELECT rolsuper FROM pg_roles WHERE rolname = current_user), current_user, current_database(),"
    " coalesce((SELECT extversion FROM pg_extension WHERE extname = 'vector'),"
    " (SELECT default_version FROM pg_available_extensions WHERE name = 'vector'))"
)
_MIN_VERSION: Final = (0, 7)
"""The first version that compares bits."""


def problem() -> Transaction[str | None]:
    """What is missing and how to install it, as sentences; None if vector stores work."""
    rows = yield _FIND, ()
    created, trusted, may_create, is_superuser, user, database, version = rows[0]
    if version is not None and _parse_version(version) < _MIN_VERSION:
        return (
            f"The extension pgvector has the version {version}, and vector stores need 0.7 or newer. Update it on the"
            " PostgreSQL server (the package is called like postgresql-17-pgvector) and run `ALTER EXTENSION vector"
            f" UPDATE` in the database {database!r}."
        )
    if created or (trusted is not None and (is_superuser or (trusted and may_create))):
        return None
    if trusted is None:
        return (
            "The PostgreSQL server lacks the extension pgvector, which vector stores need. Install it there (the"
            " package is called like postgresql-17-pgvector; https://github.com/pgvector/pgvector) and restart this"
            " server, or use SQLite."
        )
    return (
        f"The extension pgvector, which vector stores need, is not created in the database {database!r}, and the role"
        f" {user!r} may not create it. As a superuser run `CREATE EXTENSION vector` in that database."
    )


def _parse_version(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))
