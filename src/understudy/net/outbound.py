"""HTTP to addresses that clients choose: no redirect, no cookie, no proxy, and nothing of this machine's networks.

What a name resolves to is checked for each connection at the moment it is made, so that no name can change its mind
in between.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from understudy.settings import is_public

_PRIVATE_ADDRESS_TEXT: Final = "its address is private"
_LOCAL_NAMES: Final = (".localhost", ".local", ".internal")  # of names, those that no public server has


@dataclass(frozen=True, slots=True)
class PostResult:
    """`status` of the answer, or in `error` the reason why none came."""

    status: int | None = None
    error: str | None = None


class PrivateAddress(OSError):
    pass


class Client:
    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> PostResult:
        """What is answered beside the status is not read."""
        if refusal := url_problem(url, allow_private=self._allow_private):
            return PostResult(error=refusal)
        try:
            async with asyncio.timeout(seconds):
                answer = self._get_session().post(url, data=body, headers=headers, allow_redirects=False)
                async with answer as response:
                    return PostResult(status=response.status)
        except TimeoutError:
            return PostResult(error=f"There was no answer within {seconds:g} seconds.")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return PostResult(error=f"There was no answer: {_describe_failure(error)}.")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _get_session(self) -> aiohttp.ClientSession:
        # Lazily, since a session belongs to the loop that runs when it is made.
        if self._session is None:
            opened = None if self._allow_private else _public_socket
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, socket_factory=opened),
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "understudy"},
            )
        return self._session


def url_problem(url: str, *, allow_private: bool) -> str | None:
    """Why a URL cannot be one to send to, as far as it says itself: a sentence without its subject, or None."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # raises for a port that is no number
    except ValueError:
        return "It is not a URL."
    if parts.scheme not in ({"http", "https"} if allow_private else {"https"}) or not host:
        return f"It has to begin with {'http:// or ' if allow_private else ''}https:// and a host."
    if parts.username is not None or parts.fragment or not url.isprintable() or " " in url:
        return "It must not have a user, a fragment or blanks."
    if not allow_private and _is_private(host):
        return "Its host is on a private network, which `webhooks.allow_private` does not allow."
    return None


def _is_private(host: str) -> bool:
    """Whether a name or an address says by itself that it is none of the internet's; most names say nothing."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if not host.strip("0123456789."):  # an address in a form that not everybody reads the same
            return True
        return f".{host.rstrip('.')}".endswith(_LOCAL_NAMES)
    return not is_public(host)


def _public_socket(info: Any) -> socket.socket:
    """Called with every address just before it is connected to."""
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise PrivateAddress(_PRIVATE_ADDRESS_TEXT)
    return socket.socket(family, kind, protocol)


def _describe_failure(error: Exception) -> str:
    """Words for people who may not know the network that this server is in: without addresses."""
    cause = getattr(error, "os_error", error)
    if isinstance(cause, PrivateAddress):
        return f"{_PRIVATE_ADDRESS_TEXT}, which `webhooks.allow_private` does not allow"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "its TLS certificate or handshake was refused"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its host name was not found"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "it could not be connected to"
    return "the connection was closed"
