"""Classifies addresses: loopback, this server's own, or public."""

import ipaddress
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit


def is_loopback(host: str) -> bool:
    """Whether a listener on `host` is reachable only from this machine; of names, only localhost is trusted."""
    if unix_path(host) is not None:
        return True
    address = _parse_address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def is_any(host: str) -> bool:
    """Whether `host` stands for every address of this machine: `0.0.0.0` or `::`."""
    address = _parse_address(host)
    return address is not None and address.is_unspecified


def unix_path(host: str) -> Path | None:
    """The path of a Unix socket in `unix:PATH`; None for any other address."""
    scheme, _, path = host.partition(":")
    return Path(path).expanduser() if scheme == "unix" and path else None


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where this server is about to listen."""

    hosts: Sequence[str]
    port: int

    def is_own_url(self, url: str) -> bool:
        """Whether a request to `url` from this machine would come back to this server."""
        try:
            parts = urlsplit(url)
            port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
        except ValueError:
            return False
        target = parts.hostname or ""
        internet = [host for host in self.hosts if unix_path(host) is None]
        is_local = is_loopback(target) or is_any(target)
        return port == self.port and any(
            target == host or (is_local and (is_loopback(host) or is_any(host))) for host in internet
        )


def _parse_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")


def is_public(address: str) -> bool:
    """Whether an IP address is public: not of this machine or a private network.

    An IPv6 address that maps an IPv4 address is as public as that; addresses of tunnels never are.
    """
    parsed = _parse_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is None:
            tunnels = parsed.sixtofour is not None or parsed.teredo is not None
            return parsed in _GLOBAL_UNICAST and parsed.is_global and not tunnels
        parsed = parsed.ipv4_mapped
    return parsed is not None and parsed.is_global and not parsed.is_multicast


_PRIVATE_SUFFIXES: Final = (
    *(".localhost", ".local", ".localdomain", ".internal", ".intranet", ".lan", ".corp", ".home", ".home.arpa", ".svc"),
    # Public names that resolve to the address in the name, or to this machine.
    *(".nip.io", ".sslip.io", ".xip.io", ".localtest.me", ".lvh.me", ".vcap.me"),
)
_UNICODE_DOTS: Final = str.maketrans("\u3002\uff0e\uff61", "...")
_MISREAD: Final = re.compile(r"[\\\x00-\x1f]")
# Most URLs, which all clients read alike: a parser and its host's address take ten times as long as this.
_PLAIN_URL: Final = re.compile(r"https?://((?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,63})(?::[0-9]{1,4})?(?=[/?#]|\Z)")
_NUMERIC_LABEL: Final = re.compile(r"\d+|0x[0-9a-f]*")


def is_public_url(url: str) -> bool:
    """Whether an http or https URL names a public host, in any notation that HTTP clients accept.

    Names are not resolved: only the connecting client knows their addresses.
    """
    if (plain := _PLAIN_URL.match(url)) is not None and _MISREAD.search(url) is None:
        return not f".{plain[1].lower()}".endswith(_PRIVATE_SUFFIXES)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # raises for a malformed port
    except ValueError:
        return False
    # Parsers disagree on where the host ends after a backslash or a control character.
    is_clean = parts.scheme in {"http", "https"} and _MISREAD.search(url) is None
    return is_clean and bool(host) and _is_public_host(host or "")


def _is_public_host(host: str) -> bool:
    plain = unicodedata.normalize("NFKC", unquote(host).translate(_UNICODE_DOTS)).lower().rstrip(".")
    if _parse_address(plain.partition("%")[0]) is not None:
        return is_public(plain)
    labels = plain.split(".")
    # Numbers are read as addresses: 2130706433, 0x7f.1 and 127.1 are this machine.
    if len(labels) < 2 or _NUMERIC_LABEL.fullmatch(labels[-1]) or not all(labels):
        return False
    return not f".{plain}".endswith(_PRIVATE_SUFFIXES)
