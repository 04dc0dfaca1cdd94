"""People who sign in, without an OpenID provider: what the server stores at the end of a sign-in."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from serving import Server
from understudy.clock import SystemClock
from understudy.engine.cookie_signer import CookieSigner
from understudy.store import Store, open_existing_store
from understudy.store.sign_ins import EntryPolicy, Identity
from understudy.store.users import UserRecord

T = TypeVar("T")
ANYONE = EntryPolicy(uninvited_role="reader")
LATER = 2_000_000_000
ORIGIN = "https://understudy.example"
OIDC: dict[str, Any] = {
    "oidc__issuer": "http://127.0.0.1:9",
    "oidc__client_id": "understudy",
    "oidc__public_url": ORIGIN,
}
"""Settings of a server on which people may have sessions; its provider is unreachable."""


def sign_in(
    server: Server,
    email: str,
    policy: EntryPolicy = ANYONE,
    now: int = LATER,
    subject: str | None = None,
    name: str = "Ada",
) -> UserRecord:
    """The user of a sign-in with a verified address."""

    identity = Identity("https://login.example.com", subject or email, email.upper(), name)
    return _use_store(server, lambda store: store.sign_ins.enter(identity, policy, now, "192.0.2.1"))


def open_session(server: Server, user: UserRecord) -> dict[str, str]:
    """The headers with which a page of the console sends the requests of a signed-in user."""

    async def open_signed(store: Store) -> str:
        token, clock = secrets.token_urlsafe(32), SystemClock()
        now = int(clock.now())
        await store.user_sessions.open(user.id, token, now, now + 3600)
        return await CookieSigner(store, clock).sign("session", token)

    return {"Cookie": f"__Host-understudy-session={_use_store(server, open_signed)}", "Origin": ORIGIN}


def _use_store(server: Server, work: Callable[[Store], Awaitable[T]]) -> T:
    async def use() -> T:
        store = await open_existing_store(server.data, server.environ.get("UNDERSTUDY_DATABASE"))
        try:
            return await work(store)
        finally:
            await store.close()

    with ThreadPoolExecutor(1) as thread:  # since a browser has an event loop of its own
        return thread.submit(asyncio.run, use()).result()
