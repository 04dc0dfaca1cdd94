"""The provider's discovery document and keys, loaded when they are needed, and again from time to time.

Source: OpenID Connect Discovery 1.0.
"""

import asyncio
import time
from collections.abc import Coroutine, Mapping
from typing import Any, Final, TypeVar

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from understudy.net.outbound import Client, OutboundError
from understudy.oidc.errors import OidcError

_VALID_SECONDS: Final = 3600.0
# Tokens with unknown keys must not make this server load the keys again and again.
_RELOAD_SECONDS: Final = 10.0
_TIMEOUT_SECONDS: Final = 15.0
_MAX_BYTES: Final = 1 << 20
T = TypeVar("T")


class DiscoveryDocument(msgspec.Struct, frozen=True):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    authorization_response_iss_parameter_supported: bool = False
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)

    @property
    def announces_issuer(self) -> bool:
        """Whether every callback has the parameter `iss`."""
        return self.authorization_response_iss_parameter_supported

    def choose_authentication(self, secret: str | None) -> str:
        """How the client authenticates at the token endpoint."""
        if secret is None:
            return "none"
        methods = self.token_endpoint_auth_methods_supported
        return "client_secret_basic" if "client_secret_basic" in methods else "client_secret_post"


class ProviderMetadata:
    """All methods raise OidcError."""

    def __init__(self, http: Client, issuer: str) -> None:
        self._http = http
        self._issuer = issuer
        self._document: tuple[float, DiscoveryDocument] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._lock = asyncio.Lock()
        self._failure: tuple[float, OidcError] | None = None

    async def load(self) -> DiscoveryDocument:
        began = time.monotonic()
        async with self._lock:
            if self._document is None or self._document[0] < time.monotonic() - _VALID_SECONDS:
                self._document = time.monotonic(), await self._attempt(self._fetch_document(), began)
            return self._document[1]

    async def load_keys(self, *, is_fresh: bool = False) -> KeySet:
        """With `is_fresh`, keys that are at most some seconds old."""
        document = await self.load()
        began = time.monotonic()
        async with self._lock:
            age = _RELOAD_SECONDS if is_fresh else _VALID_SECONDS
            if self._keys is None or self._keys[0] < time.monotonic() - age:
                self._keys = time.monotonic(), await self._attempt(self._fetch_keys(document.jwks_uri), began)
            return self._keys[1]

    async def _attempt(self, loading: Coroutine[Any, Any, T], began: float) -> T:
        """Those who waited while another one failed fail with it, so that they do not wait for one timeout each."""
        if self._failure is not None and self._failure[0] > began:
            loading.close()
            raise OidcError(self._failure[1].code, str(self._failure[1]))
        try:
            return await loading
        except OidcError as error:
            self._failure = time.monotonic(), error
            raise

    async def _fetch_document(self) -> DiscoveryDocument:
        url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        status, reply = await read_json(self._http, "GET", url, {"accept": "application/json"})
        if status != 200:
            raise OidcError("provider_unavailable", f"{url} returned {status}")
        try:
            document = msgspec.convert(reply, DiscoveryDocument)
        except msgspec.ValidationError as error:
            raise OidcError("provider_unavailable", f"{url} is malformed: {error}") from None
        if document.issuer != self._issuer:
            raise OidcError(
                "provider_unavailable",
                f"the issuer of {url} is {document.issuer!r}, which `oidc.issuer` must equal; it is {self._issuer!r}",
            )
        return document

    async def _fetch_keys(self, url: str) -> KeySet:
        status, reply = await read_json(self._http, "GET", url, {"accept": "application/json"})
        keys = reply.get("keys")
        if status != 200 or not isinstance(keys, list):
            raise OidcError("provider_unavailable", f"{url} returned {status}, and no keys")
        # Symmetric keys have no place here, and keys of unknown kinds are for others.
        usable = [key for key in keys if isinstance(key, dict) and key.get("kty") in {"RSA", "EC", "OKP"}]
        if not usable:
            raise OidcError("provider_unavailable", f"{url} publishes no key for signatures")
        try:
            return KeySet.import_key_set({"keys": usable})
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise OidcError("provider_unavailable", f"{url} is malformed: {error}") from None


async def read_json(
    http: Client, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
) -> tuple[int, dict[str, Any]]:
    """The status and the object of a response; an empty one for a body of another kind. Raises OidcError."""
    try:
        async with (
            asyncio.timeout(_TIMEOUT_SECONDS),
            await http.request(method, url, headers=headers, body=body) as response,
        ):
            content = b"".join([part async for part in response.iter_bytes(_MAX_BYTES)])
            status = response.status
    except TimeoutError:
        raise OidcError("provider_unavailable", f"{method} {url} timed out") from None
    except OutboundError as error:
        raise OidcError("provider_unavailable", f"{method} {url} failed: {error}") from None
    try:
        reply = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return status, {}
    return status, reply if isinstance(reply, dict) else {}
