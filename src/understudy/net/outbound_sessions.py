"""Sessions of aiohttp for `net.outbound`, which imports this module at its first request. Knows no URL."""

import socket
from typing import Any, Final

import aiohttp

from understudy.net.outbound import FailureKind
from understudy.settings import is_public

_CONNECT_SECONDS: Final = 10.0
_READ_SECONDS: Final = 60.0
FAILURES: Final = (aiohttp.ClientError, OSError, ValueError)
"""What a request or the reading of a response raises."""


class _PrivateAddress(OSError):
    pass


def open_session(*, allow_private: bool) -> aiohttp.ClientSession:
    """A session of the running loop, without cookies, which connects to public addresses alone by default."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, socket_factory=None if allow_private else _open_public_socket),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_READ_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "understudy", "Accept-Encoding": "identity"},
    )


def _open_public_socket(info: Any) -> socket.socket:
    """Opens a socket for an address just before the connection; raises for a private one."""
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise _PrivateAddress("private address")
    return socket.socket(family, kind, protocol)


def classify(error: Exception) -> FailureKind:
    kinds: tuple[tuple[type[Exception] | tuple[type[Exception], ...], FailureKind], ...] = (
        (TimeoutError, "timeout"),
        ((aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError), "tls"),
        (aiohttp.ClientConnectorDNSError, "host_not_found"),
        (aiohttp.ClientConnectorError, "connect"),
        (ValueError, "invalid_url"),
    )
    if isinstance(getattr(error, "os_error", error), _PrivateAddress):
        return "private_address"
    return next((kind for types, kind in kinds if isinstance(error, types)), "disconnect")
