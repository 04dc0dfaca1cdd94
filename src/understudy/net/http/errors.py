"""What goes wrong with a request that this client sends. Their texts are clauses without addresses."""

import os
import ssl
from typing import Literal

Wait = Literal["connect", "response", "data", "total"]
"""What took too long: the connection, the head of the response, its next bytes, or the whole of it."""


class HttpError(Exception):
    """The base of all errors of requests and responses."""


class ConnectionFailed(HttpError):
    """No connection was made."""


class ConnectionLost(HttpError):
    """The connection has ended before the response, or what came could not be read."""


class MalformedResponse(HttpError):
    """What the server sent has no head of an HTTP/1.1 response."""


class TimedOut(HttpError):
    """`wait` is what took too long."""

    def __init__(self, wait: Wait) -> None:
        super().__init__(f"{wait} timed out")
        self.wait: Wait = wait


def connection_failed(error: Exception) -> ConnectionFailed:
    """The error for an exception of the resolver, the socket or the handshake."""
    if isinstance(error, ssl.SSLError | ssl.CertificateError):
        return ConnectionFailed("TLS certificate or handshake rejected")
    return ConnectionFailed(_describe_os_error(error))


def connection_lost(error: BaseException | None) -> ConnectionLost:
    return ConnectionLost(_describe_os_error(error))


def _describe_os_error(error: BaseException | None) -> str:
    number = getattr(error, "errno", None)
    return os.strerror(number) if isinstance(number, int) and number > 0 else "connection closed"
