"""People who sign in, without an OpenID provider: what the server stores at the end of a sign-in."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from serving import Server
from understudy.store import open_existing_store
from understudy.store.sign_ins import EntryPolicy, Identity
from understudy.store.users import UserRecord

ANYONE = EntryPolicy(uninvited_role="reader")
LATER = 2_000_000_000


def sign_in(
    server: Server,
    email: str,
    policy: EntryPolicy = ANYONE,
    now: int = LATER,
    subject: str | None = None,
    name: str = "Ada",
) -> UserRecord:
    """The user of a sign-in with a verified address."""

    async def enter() -> UserRecord:
        store = await open_existing_store(server.data, server.environ.get("UNDERSTUDY_DATABASE"))
        try:
            identity = Identity("https://login.example.com", subject or email, email.upper(), name)
            return await store.sign_ins.enter(identity, policy, now, "192.0.2.1")
        finally:
            await store.close()

    with ThreadPoolExecutor(1) as thread:  # since a browser has an event loop of its own
        return thread.submit(asyncio.run, enter()).result()
