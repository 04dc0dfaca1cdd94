"""Describes the database of a PostgreSQL URL, and what to do if it is unreachable. Never prints the password.

The URL is read as asyncpg reads it: `postgresql://user:password@host:port/database?host=…`.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from understudy.errors import StoreError

_DEFAULT_PORT: Final = "5432"
_ENCODING_HINT: Final = (
    "In the URL, characters like @ : / ? # % of a user or password must be percent-encoded: @ is %40, : is %3A,"
    " / is %2F, # is %23, % is %25."
)
_REACHABILITY_HINT: Final = "Check that PostgreSQL runs there and that this machine may connect to it."
_USERINFO_PASSWORD: Final = re.compile(r"://[^:/@]*:(?P<password>.*)@", re.DOTALL)
_QUERY_PASSWORD: Final = re.compile(r"[?&]password=(?P<password>[^&\s]*)")


@dataclass(frozen=True, slots=True)
class DatabaseLocation:
    """The target of a URL: its `hosts`, each with a port."""

    hosts: str
    database: str

    def __str__(self) -> str:
        return f"the PostgreSQL database {self.database!r} at {self.hosts}"


def parse_location(url: str) -> DatabaseLocation | None:
    """None if the URL is malformed, or if parts of an unencoded password could be read as a host."""
    try:
        parts = urlsplit(url)
        rest = f"{parts.path}?{parts.query}#{parts.fragment}"
        if "@" in rest or parts.fragment:
            return None
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    except ValueError:
        return None
    account, _, netloc = parts.netloc.rpartition("@")
    hosts = unquote(netloc) or query.get("host") or "localhost"
    user = unquote(account.partition(":")[0]) or query.get("user") or "the user's own"
    database = unquote(parts.path[1:]) or query.get("dbname") or query.get("database") or user
    port = query.get("port", _DEFAULT_PORT)
    addresses = ",".join(host if _has_port(host) else f"{host}:{port}" for host in hosts.split(","))
    return DatabaseLocation(addresses, database)


def describe(url: str) -> str:
    """`the PostgreSQL database 'app' at db:5432`, for sentences."""
    location = parse_location(url)
    return "the PostgreSQL database" if location is None else str(location)


def unreachable_error(url: str, error: BaseException) -> StoreError:
    """The error for a failed connection, with the most likely remedy."""
    location = parse_location(url)
    if location is None:
        return StoreError(f"The URL of the PostgreSQL database is malformed. {_ENCODING_HINT}")
    return StoreError(f"Cannot connect to {location}: {_redact_error(url, error)}. {_connection_hint(location, error)}")


def failure_error(url: str, error: BaseException) -> StoreError:
    """The error for a server that failed during a query."""
    return StoreError(f"{describe(url)[:1].upper()}{describe(url)[1:]} failed: {_redact_error(url, error)}")


def missing_schema_error(url: str) -> StoreError:
    location = describe(url)
    return StoreError(
        f"{location[:1].upper()}{location[1:]} has no tables of Understudy. Start the server with it first"
        " (`understudy serve --database …`), or name the database of a running one with --database or"
        " UNDERSTUDY_DATABASE."
    )


def _has_port(host: str) -> bool:
    return re.search(r":\d+$", host) is not None


def _redact_error(url: str, error: BaseException) -> str:
    text = (str(error) or type(error).__name__).strip().rstrip(".")
    if text.startswith("cannot switch to state"):
        # Between the message with which a server ends an idle connection and the end of that; the driver logs no more.
        text = "the server has ended the connection"
    for secret in _passwords(url):
        text = text.replace(secret, "…")
    return text


def _passwords(url: str) -> list[str]:
    encoded = [
        match["password"] for pattern in (_USERINFO_PASSWORD, _QUERY_PASSWORD) for match in pattern.finditer(url)
    ]
    return sorted({form for text in encoded for form in (text, unquote(text)) if form}, key=len, reverse=True)


def _connection_hint(location: DatabaseLocation, error: BaseException) -> str:
    match error:
        case asyncpg.InvalidPasswordError() | asyncpg.InvalidAuthorizationSpecificationError():
            return f"Check the user and the password. {_ENCODING_HINT}"
        case asyncpg.InvalidCatalogNameError():
            return f"Create it with `createdb {location.database}`, or name another one in the URL."
        case OSError() | TimeoutError():
            return f"{_REACHABILITY_HINT} {_ENCODING_HINT}"
        case _:
            return f"Check the URL. {_ENCODING_HINT}"
