"""The sockets that a server listens on. Bound before anything else is opened, so that a taken port costs nothing."""

import contextlib
import errno
import socket
from typing import Any

_Address = tuple[Any, ...]


def bind(host: str, port: int) -> list[socket.socket]:
    """A socket for every address of `host`, not listening yet; all on one port. Raises OSError.

    An address that this machine does not have (often the IPv6 one of `localhost`) is left out if another is there.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    with contextlib.ExitStack() as opened:
        for family, *_, address in dict.fromkeys(found):
            try:
                bound = opened.enter_context(_bind(family, (address[0], port, *address[2:])))
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise
                missing = error
            else:
                sockets.append(bound)
                port = bound.getsockname()[1]
        if missing is not None and not sockets:
            raise missing
        opened.pop_all()
    return sockets


def _bind(family: int, address: _Address) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.setblocking(False)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound
