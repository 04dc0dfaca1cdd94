"""Sign-in of people to the console: from the provider's claims to a session, which is checked with each request."""

import base64
import logging
import secrets
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import msgspec

from understudy.clock import Clock
from understudy.engine.cookie_signer import CookieSigner
from understudy.errors import PermissionDenied
from understudy.errors.objects import sign_in_refused
from understudy.oidc.errors import OidcError
from understudy.oidc.identity import find_policy, may_enter, read_identity
from understudy.oidc.login import Callback, LoginClient, PendingLogin
from understudy.settings import OidcSettings
from understudy.store import Store
from understudy.store.audit_logs import Actor, Change
from understudy.store.sign_ins import Identity
from understudy.store.user_sessions import BrowserSession

logger = logging.getLogger(__name__)

LOGIN_SECONDS: Final = 600
"""How long a sign-in at the provider may take."""

_decode_login = msgspec.json.Decoder(PendingLogin).decode


@dataclass(frozen=True, slots=True)
class SignedIn:
    """`cookie` is the value of the session's cookie, which is valid for `seconds`."""

    cookie: str
    seconds: int
    return_to: str


class SignInFailed(Exception):
    """`code` is for the sign-in page."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class SignIn:
    def __init__(self, settings: OidcSettings, client: LoginClient, store: Store, clock: Clock) -> None:
        assert settings.public_url is not None
        self._settings = settings
        self._client = client
        self._store = store
        self._clock = clock
        self._signer = CookieSigner(store, clock)
        url = urlsplit(settings.public_url)
        self.origin = f"{url.scheme}://{url.netloc}".lower()
        self.public_url = settings.public_url.rstrip("/")
        self.provider_name = settings.name

    async def start(self, return_to: str) -> tuple[str, str, str]:
        """The URL at the provider, the state, and the value of the cookie of this sign-in. Raises SignInFailed."""
        try:
            url, login = await self._client.start(return_to, int(self._clock.now()))
        except OidcError as error:
            raise self._failed(error) from None
        text = base64.urlsafe_b64encode(msgspec.json.encode(login)).decode()
        return url, login.state, await self._signer.sign("login", text)

    async def finish(self, callback: Callback, cookie: str | None, address: str) -> SignedIn:
        """Raises SignInFailed."""
        now = int(self._clock.now())
        login = None if cookie is None else await self._read_login(cookie)
        if login is None or not 0 <= now - login.started_at <= LOGIN_SECONDS:
            raise self._failed(OidcError("state_mismatch", "the callback belongs to no sign-in of this browser"))
        try:
            claims = await self._client.finish(callback, login)
        except OidcError as error:
            raise self._failed(error) from None
        identity = read_identity(self._settings, claims)
        try:
            if not may_enter(self._settings, identity):
                raise sign_in_refused()
            user = await self._store.sign_ins.enter(identity, find_policy(self._settings, claims), now, address)
        except PermissionDenied as error:
            await self._record_refusal(identity, address, error, now)
            raise SignInFailed("sign_in_refused") from None
        seconds = int(self._settings.session_hours * 3600)
        token = secrets.token_urlsafe(32)
        await self._store.user_sessions.open(user.id, token, now, now + seconds)
        return SignedIn(await self._signer.sign("session", token), seconds, login.return_to)

    async def authenticate(self, cookie: str, project: str | None) -> tuple[BrowserSession, str | None] | None:
        """The session of a cookie, and the value to replace it with, if any; None for an invalid cookie.

        Raises PermissionDenied for a project that is not the user's.
        """
        token = await self._signer.check("session", cookie)
        if token is None:
            return None
        now, idle = int(self._clock.now()), int(self._settings.idle_minutes * 60)
        session = await self._store.user_sessions.find(token, now, idle, project)
        if session is None:
            return None
        if not session.needs_rotation:
            return session, None
        new_token = secrets.token_urlsafe(32)
        is_rotated = await self._store.user_sessions.rotate(session.id, token, new_token, now)
        return session, await self._signer.sign("session", new_token) if is_rotated else None

    async def sign_out(self, session: BrowserSession, address: str) -> None:
        actor = Actor("session", session.user.id, address, session.user.email)
        await self._store.user_sessions.end(session.id, Change(actor, int(self._clock.now())))

    async def find_logout_url(self) -> str | None:
        """The URL that ends the provider's own session; None if it has none, or is unavailable."""
        try:
            return await self._client.logout_url(f"{self.public_url}/console/")
        except OidcError as error:
            logger.warning("OpenID provider: %s", error)
            return None

    async def _read_login(self, cookie: str) -> PendingLogin | None:
        text = await self._signer.check("login", cookie)
        return None if text is None else _decode_login(base64.urlsafe_b64decode(text))

    async def _record_refusal(self, identity: Identity, address: str, error: PermissionDenied, now: int) -> None:
        change = Change(Actor("session", "", address, identity.email), now)
        details = {"error_code": error.code or "", "error_message": error.message}
        await self._store.audit_logs.add(change, "login.failed", "", details, None)

    @staticmethod
    def _failed(error: OidcError) -> SignInFailed:
        logger.warning("Sign-in failed (%s): %s", error.code, error)
        return SignInFailed(error.code)
