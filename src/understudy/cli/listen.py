"""The sockets of a server. Bound before anything else is opened, so that a port in use fails at once."""

import contextlib
import errno
import socket
from typing import Any

import click

from understudy.settings import Settings

_Address = tuple[Any, ...]


def open_sockets(settings: Settings) -> list[socket.socket]:
    """The sockets of the configured address. Raises ClickException."""
    try:
        return bind(settings.host, settings.port)
    except OSError as error:
        place = f"{settings.host}:{settings.port}"
        raise click.ClickException(f"Cannot listen on {place}: {error.strerror}. Choose --host or --port.") from None


def bind(host: str, port: int) -> list[socket.socket]:
    """Binds a socket for every address of `host`, all on one port, not listening yet. Raises OSError.

    An address that this machine does not have (often the IPv6 one of `localhost`) is skipped if another one works.
    """
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    last_error: OSError | None = None
    with contextlib.ExitStack() as opened:
        for family, *_, address in dict.fromkeys(addresses):
            try:
                listener = opened.enter_context(_bind(family, (address[0], port, *address[2:])))
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise
                last_error = error
            else:
                sockets.append(listener)
                port = listener.getsockname()[1]
        if last_error is not None and not sockets:
            raise last_error
        opened.pop_all()
    return sockets


def _bind(family: int, address: _Address) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.setblocking(False)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener
