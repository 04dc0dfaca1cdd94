"""Addresses: which of them mean this machine alone, and which lead back to this server."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether what listens on `host` is reached from this machine alone; of names, only localhost is trusted."""
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def is_any(host: str) -> bool:
    """Whether `host` stands for every address of this machine: `0.0.0.0` or `::`."""
    address = _address(host)
    return address is not None and address.is_unspecified


@dataclass(frozen=True, slots=True)
class Listening:
    """Where this server is about to listen."""

    host: str
    port: int

    def answers(self, url: str) -> bool:
        """Whether a request to `url` from this machine would come back to this server."""
        try:
            parts = urlsplit(url)
            port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
        except ValueError:
            return False
        target = parts.hostname or ""
        near = all(is_loopback(host) or is_any(host) for host in (target, self.host))
        return port == self.port and (near or target == self.host)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
