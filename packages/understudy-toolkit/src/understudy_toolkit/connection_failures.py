"""Why a server could not be reached, in sentences that name its address and what to do. Knows no tool."""

import os
import socket
import ssl
from typing import Final

import aiohttp

_START_HINT: Final = (
    "Start the server with `understudy serve`, or name its address with --base-url, `base_url` or UNDERSTUDY_BASE_URL."
)


def describe_connection_failure(root: str, error: Exception) -> str:
    """The sentences for a request to `root` that failed with `error` before there was an answer."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"Cannot reach a server at {root}: the host name was not found. {_START_HINT}"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return f"Cannot reach a server at {root}: {_tls_error(error)}. A server without TLS is reached by http://."
        case aiohttp.ClientConnectorError():
            return f"Cannot reach a server at {root}: {_describe_os_error(error.os_error)}. {_START_HINT}"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError() | ConnectionResetError():
            return f"The server at {root} closed the connection before its answer was complete. Its log may say why."
        case aiohttp.ClientResponseError():
            return f"What answers at {root} does not speak HTTP as expected. {_START_HINT}"
        case _:
            return f"The request to {root} failed: {_describe_os_error(error)}. {_START_HINT}"


def _tls_error(error: aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError) -> str:
    cause = error.certificate_error if isinstance(error, aiohttp.ClientConnectorCertificateError) else error.os_error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate was refused ({cause.verify_message})"
    return "the TLS handshake failed"


def _describe_os_error(error: Exception) -> str:
    """The system's own words, since those of the library differ from version to version."""
    if isinstance(error, socket.gaierror):
        return "the host name was not found"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno).lower()
    return type(error).__name__
