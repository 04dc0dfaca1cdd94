"""Where requests go: the parts of a URL, the addresses of its host, and sockets to them. Knows no HTTP message."""

import asyncio
import socket
import ssl
from base64 import b64encode
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from aiohappyeyeballs import AddrInfoType, start_connection

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_NEXT_ADDRESS_SECONDS: Final = 0.25
"""The delay before the next address is tried beside one that does not connect; RFC 8305, section 5."""


class Origin(NamedTuple):
    """`host` is a name or an address, without brackets."""

    is_secure: bool
    host: str
    port: int


class Location(NamedTuple):
    """A parsed URL. `authority` is the value of the header `Host`, `credentials` that of `Authorization` or empty."""

    origin: Origin
    authority: bytes
    target: bytes
    credentials: bytes


@lru_cache(maxsize=256)
def parse_url(url: str) -> Location:
    """Raises ValueError for a URL that is not one of http or https, or has characters that a request cannot have."""
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError("not a URL of http or https")
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
    name = f"[{host}]" if ":" in host else host
    authority = name if port == _DEFAULT_PORTS[parts.scheme] else f"{name}:{port}"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not (authority + target).isascii() or not (authority + target).isprintable() or " " in authority + target:
        raise ValueError("a character that a URL cannot have")
    credentials = b""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        credentials = b"Basic " + b64encode(pair.encode())
    return Location(Origin(parts.scheme == "https", host, port), authority.encode(), target.encode(), credentials)


async def resolve(origin: Origin) -> list[AddrInfoType]:
    """The addresses of the host, in the order of the resolver. Raises OSError."""
    loop = asyncio.get_running_loop()
    # An address of IPv6 stands for itself, also on a machine whose only one is that of the loopback.
    flags = 0 if ":" in origin.host else socket.AI_ADDRCONFIG
    return await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM, flags=flags)  # type: ignore[return-value]


async def open_socket(addresses: list[AddrInfoType]) -> socket.socket:
    """A connected socket to one of the addresses. Raises OSError."""
    opened = await start_connection(addresses, happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return opened


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """Verifies certificates with the authorities of the system, or those of `SSL_CERT_FILE`. Reads files."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
