"""One sign-in at the provider: the URL to send the browser to, and the claims for the code that it comes back with.

Source: OpenID Connect Core 1.0, RFC 7636 (PKCE, always S256) and RFC 9207 (the parameter `iss`).
"""

import hmac
import secrets
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError

from understudy.errors import SettingsError
from understudy.net.outbound import Client
from understudy.oidc.errors import OidcError
from understudy.oidc.login import Callback, PendingLogin
from understudy.oidc.metadata import ProviderMetadata, read_json
from understudy.settings import OidcSettings

# Signatures that only the provider can make: with HS256, its public key could pass for a secret.
_ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
    "EdDSA",
)
_LEEWAY_SECONDS: Final = 60
_VERIFIED: Final = "email_verified"


class OidcClient:
    """Raises OidcError, whose text is for the log, in all methods that talk to the provider."""

    def __init__(self, settings: OidcSettings, redirect_uri: str) -> None:
        assert settings.issuer is not None
        assert settings.client_id is not None
        self._settings = settings
        self._client_id = settings.client_id
        self._secret = _read_secret(settings)
        self._redirect_uri = redirect_uri
        # The operator has chosen the provider, which may be in the private network.
        self._http = Client(allow_private=True, private_setting="")
        self._metadata = ProviderMetadata(self._http, settings.issuer)

    async def start(self, return_to: str, now: int) -> tuple[str, PendingLogin]:
        """The URL at the provider, and what has to come back."""
        document = await self._metadata.load()
        login = PendingLogin(
            secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), return_to, now
        )
        url = prepare_grant_uri(
            document.authorization_endpoint,
            self._client_id,
            "code",
            self._redirect_uri,
            " ".join(self._settings.scopes),
            login.state,
            nonce=login.nonce,
            code_challenge=create_s256_code_challenge(login.verifier),
            code_challenge_method="S256",
        )
        return str(url), login

    async def finish(self, callback: Callback, login: PendingLogin) -> dict[str, Any]:
        """The claims of the ID token, and those of the user information that it lacks."""
        document = await self._metadata.load()
        if not hmac.compare_digest(callback.state.encode(), login.state.encode()):
            raise OidcError("state_mismatch", "the state of the callback is that of another sign-in")
        if callback.issuer and callback.issuer != document.issuer:
            raise OidcError("provider_error", f"the callback names the issuer {callback.issuer!r}")
        if document.announces_issuer and not callback.issuer:
            raise OidcError("provider_error", "the callback lacks the parameter 'iss', which the provider announces")
        if callback.error:
            reason = f"the provider refused the sign-in: {callback.error[:100]!r}"
            raise OidcError("access_denied" if callback.error == "access_denied" else "provider_error", reason)
        tokens = await self._exchange(document.token_endpoint, callback.code, login.verifier)
        claims = await self._validate(tokens, login.nonce)
        return await self._add_user_information(document.userinfo_endpoint, tokens, claims)

    async def logout_url(self, return_url: str) -> str | None:
        """Where the browser ends the provider's own session; None if the provider has no such place."""
        endpoint = (await self._metadata.load()).end_session_endpoint
        if endpoint is None:
            return None
        query = urlencode({"client_id": self._client_id, "post_logout_redirect_uri": return_url})
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"

    async def check(self) -> None:
        """Loads the discovery document and the keys that may have signed an ID token."""
        await self._metadata.load_keys()

    async def close(self) -> None:
        await self._http.close()

    async def _exchange(self, endpoint: str, code: str, verifier: str) -> dict[str, Any]:
        body = prepare_token_request(
            "authorization_code", "", redirect_uri=self._redirect_uri, code=code, code_verifier=verifier
        )
        document = await self._metadata.load()
        auth = ClientAuth(self._client_id, self._secret, document.choose_authentication(self._secret))
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        url, headers, body = auth.prepare("POST", endpoint, headers, body)
        status, reply = await read_json(self._http, "POST", url, headers, body.encode())
        if status != 200 or not isinstance(reply.get("id_token"), str):
            reason = str(reply.get("error", "no ID token"))[:100]
            raise OidcError("provider_error", f"the token endpoint refused the code with {status}: {reason}")
        return reply

    async def _validate(self, tokens: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        """The claims of the ID token, whose signature, issuer, audience, times and nonce are right."""
        try:
            token = await self._decode(tokens["id_token"])
            parameters = {"nonce": nonce, "client_id": self._client_id, "access_token": tokens.get("access_token")}
            options = {"iss": {"essential": True, "value": self._settings.issuer}}
            options["aud"] = {"essential": True, "value": self._client_id}
            claims = CodeIDToken(token.claims, token.header, options, parameters)
            claims.validate(now=int(time.time()), leeway=_LEEWAY_SECONDS)
        except (JoseError, ValueError, TypeError) as error:
            raise OidcError("invalid_token", f"the ID token is invalid: {error}") from None
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise OidcError("invalid_token", "the ID token has no subject")
        return dict(claims)

    async def _decode(self, text: str) -> jwt.Token:
        """Loads the provider's keys again if none of the known ones fits: it may have rotated them."""
        try:
            return jwt.decode(text, await self._metadata.load_keys(), algorithms=[*_ALGORITHMS])
        except (JoseError, ValueError):
            return jwt.decode(text, await self._metadata.load_keys(is_fresh=True), algorithms=[*_ALGORITHMS])

    async def _add_user_information(
        self, endpoint: str | None, tokens: Mapping[str, Any], claims: dict[str, Any]
    ) -> dict[str, Any]:
        """Providers may leave email, name and roles out of the ID token. The ID token has precedence."""
        access_token = tokens.get("access_token")
        if endpoint is None or not isinstance(access_token, str):
            return claims
        headers = {"authorization": f"Bearer {access_token}", "accept": "application/json"}
        status, reply = await read_json(self._http, "GET", endpoint, headers)
        # Another subject is a token of someone else (OpenID Connect Core, section 5.3.2).
        return _merge_claims(reply, claims) if status == 200 and reply.get("sub") == claims["sub"] else claims


def _merge_claims(reply: Mapping[str, Any], claims: Mapping[str, Any]) -> dict[str, Any]:
    """The ID token has precedence. Whether an address is verified is what its own source states."""
    if "email" not in claims:
        claims = {name: value for name, value in claims.items() if name != _VERIFIED}
    elif reply.get("email") != claims["email"]:
        reply = {name: value for name, value in reply.items() if name != _VERIFIED}
    return {**reply, **claims}


def _read_secret(settings: OidcSettings) -> str | None:
    """Raises SettingsError if the file cannot be read."""
    if settings.client_secret_file is None:
        return settings.client_secret
    try:
        return settings.client_secret_file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"`oidc.client_secret_file` cannot be read: {error}") from None
