"""The sockets of a server. Bound before anything else is opened, so that a port in use fails at once."""

import contextlib
import errno
import fcntl
import logging
import os
import socket
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from understudy.settings import Settings, is_any, unix_path

_Address = tuple[Any, ...]
_BACKLOG = 2048
_CONNECT_SECONDS = 1.0
# Errors of a machine or a container without IPv6.
_NO_SUCH_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
_log = logging.getLogger("understudy.server")


@dataclass(frozen=True, slots=True)
class Listeners:
    """The sockets of a server; `files` are those of Unix sockets."""

    sockets: Sequence[socket.socket]
    files: list[Path]

    @property
    def port(self) -> int | None:
        """The port of all internet sockets; None without any."""
        return next((bound.getsockname()[1] for bound in self.sockets if bound.family != socket.AF_UNIX), None)

    def unlink(self) -> None:
        """Deletes the files of Unix sockets, once.

        Call it while the sockets still listen: the file of a socket that does not may be replaced by another server.
        """
        while self.files:
            self.files.pop().unlink(missing_ok=True)


@contextlib.contextmanager
def open_listeners(settings: Settings) -> Iterator[Listeners]:
    """The sockets of all configured addresses, closed at the end. Raises ClickException."""
    with contextlib.ExitStack() as stack:
        listeners = bind(settings.hosts, settings.port, int(settings.socket_mode, 8))
        for bound in listeners.sockets:
            stack.enter_context(bound)
        stack.callback(listeners.unlink)
        yield listeners


def bind(hosts: Sequence[str], port: int, mode: int = 0o600, advice: str = "--host or --port") -> Listeners:
    """Binds sockets for every address of every host, internet ones on one port and not listening yet.

    An address that this machine does not have (often the IPv6 one of `localhost`) is skipped if another one of the host
    works; so is `::` without IPv6. Raises ClickException, which advises to change `advice`.
    """
    sockets: list[socket.socket] = []
    files: list[Path] = []
    with contextlib.ExitStack() as opened:
        for host in hosts:
            try:
                if (path := unix_path(host)) is not None:
                    sockets.append(opened.enter_context(_bind_unix(path, mode)))
                    files.append(path)
                    opened.callback(path.unlink, missing_ok=True)
                    continue
                added = _bind_host(host, port, sockets)
            except OSError as error:
                if is_any(host) and error.errno in _NO_SUCH_ADDRESS and len(hosts) > 1:
                    _log.warning("not listening on %s: %s", host, error.strerror)
                    continue
                raise click.ClickException(_describe_problem(host, port, error, advice)) from None
            for bound in added:
                sockets.append(opened.enter_context(bound))
                port = bound.getsockname()[1]
        if not sockets:
            raise click.ClickException("This machine has none of the addresses to listen on. Choose --host.")
        opened.pop_all()
    return Listeners(sockets, files)


def _describe_problem(host: str, port: int, error: OSError, advice: str) -> str:
    reason = error.strerror or str(error)
    if unix_path(host) is not None:
        return f"Cannot listen on {host}: {reason}. Choose --host."
    return f"Cannot listen on {host}:{port}: {reason}. Choose {advice}."


def _bind_host(host: str, port: int, bound_before: Sequence[socket.socket]) -> list[socket.socket]:
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    known = {(bound.family, bound.getsockname()[0]) for bound in bound_before if bound.family != socket.AF_UNIX}
    sockets: list[socket.socket] = []
    last_error: OSError | None = None
    with contextlib.ExitStack() as opened:
        for family, *_, address in dict.fromkeys(addresses):
            if (family, address[0]) in known:
                continue
            try:
                listener = opened.enter_context(_bind_internet(family, (address[0], port, *address[2:])))
            except OSError as error:
                if error.errno not in _NO_SUCH_ADDRESS:
                    raise
                last_error = error
            else:
                sockets.append(listener)
                port = listener.getsockname()[1]
        if last_error is not None and not sockets:
            raise last_error
        opened.pop_all()
    return sockets


def _bind_internet(family: int, address: _Address) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # `::` and `0.0.0.0` can both be named then.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.setblocking(False)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def _bind_unix(path: Path, mode: int) -> socket.socket:
    """A listening socket whose file has the mode. Replaces the file of a server that was killed.

    It listens at once, so that another start knows that the file is in use; clients wait until the server is ready.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        with _directory_lock(path.parent):
            _remove_stale_file(path)
            before = os.umask(0o777 & ~mode)
            try:
                listener.bind(str(path))
            finally:
                os.umask(before)
            listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


@contextlib.contextmanager
def _directory_lock(directory: Path) -> Iterator[None]:
    """Locks the directory: of two servers that start at once, one waits for the other."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_stale_file(path: Path) -> None:
    """Raises OSError if the path is in use, or is not a socket."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise OSError(errno.EEXIST, "the file exists, and is not a socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(_CONNECT_SECONDS)
        try:
            client.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except TimeoutError:
            pass  # its queue is full
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
