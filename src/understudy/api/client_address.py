"""The address of the client of a request, which trusted proxies state in headers. Knows no route.

A header is read from its end, where the nearest proxy has written: the client is the first address that is not a
trusted proxy's. What clients have written stands before that, and counts for nothing.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from starlette.types import Scope

from understudy.api.request_head import Headers
from understudy.errors import SettingsError

_UNIX: Final = "unix"
"""Stands for proxies that connect over a Unix socket."""
_FORWARDED: Final = b"forwarded"
_FORWARDED_FOR: Final = b"x-forwarded-for"
_FOR: Final = re.compile(r'(?:^|;)\s*for="?([^";]*)', re.IGNORECASE)
_PORT: Final = re.compile(r":\d{1,5}$")


def check_proxies(trusted: tuple[str, ...]) -> None:
    """Raises SettingsError for an entry that is neither an address nor a network."""
    try:
        _parse_networks(trusted)
    except ValueError as error:
        raise SettingsError(f"`trusted_proxies`: {error}. Use addresses, networks like 10.0.0.0/8, or unix.") from None


def apply_proxies(scope: Scope, trusted: tuple[str, ...]) -> None:
    """Sets the scope's client to the one that trusted proxies state."""
    peer = scope.get("client")
    address = peer[0] if peer else ""
    if not _is_trusted(address, trusted):
        return
    forwarded, forwarded_for = (_join(scope["headers"], name) for name in (_FORWARDED, _FORWARDED_FOR))
    chains = (_parse_forwarded(forwarded), forwarded_for.split(","))
    clients = [_find_client(hops, trusted) for hops in chains if any(hops)]
    # A proxy that writes one of the headers passes on what a client has written into the other.
    if clients and clients[0] and len(set(clients)) == 1:
        scope["client"] = (clients[0], 0)


def _find_client(hops: Sequence[str], trusted: tuple[str, ...]) -> str | None:
    """The last address that is not a trusted proxy's, or the first of all; None if one before it cannot be read."""
    client = None
    for hop in reversed(hops):
        client = _parse_address(hop)
        if client is None or not _is_trusted(client, trusted):
            return client
    return client


def _parse_forwarded(header: str) -> list[str]:
    matches = [_FOR.search(element) for element in header.split(",")]
    return [match[1] if match else "" for match in matches]


def _join(headers: Headers, name: bytes) -> str:
    """All values of a header: some proxies append to it, some repeat it."""
    return ",".join(value.decode("latin-1") for one, value in headers if one == name)


def _parse_address(text: str) -> str | None:
    """The plain address of `192.0.2.1:80` or `[2001:db8::1]:80`; None for anything else, such as a hidden one."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = _PORT.sub("", text)
    try:
        return str(ip_address(text))
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def _is_trusted(address: str, trusted: tuple[str, ...]) -> bool:
    """`address` is empty for a connection over a Unix socket."""
    if not address:
        return _UNIX in trusted
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in _parse_networks(trusted))


@lru_cache(maxsize=4)
def _parse_networks(trusted: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(one, strict=False) for one in trusted if one != _UNIX)
