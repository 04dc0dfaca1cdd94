"""Sessions of browsers in requests: a cookie counts only on this server's own pages, and never beside a key.

A page of another origin cannot use the cookie: it is `SameSite=Strict`, and a request needs `Sec-Fetch-Site:
same-origin` or the `Origin` of the settings, which pages cannot set.
"""

from typing import Any, Final

from starlette.types import Scope

from understudy.api.request_head import Fields
from understudy.engine.sign_in import SignIn
from understudy.store.audit_logs import Actor
from understudy.store.principals import Principal
from understudy.store.user_sessions import BrowserSession

SESSION_COOKIE: Final = "__Host-understudy-session"
LOGIN_COOKIE: Final = "__Host-understudy-login-"
"""The beginning of the name, which ends with the beginning of the state: each tab has a sign-in of its own."""

_PROJECT: Final = b"openai-project"
_ATTRIBUTES: Final = "Path=/; Secure; HttpOnly"
# Their handlers read the cookie where they need it.
AUTH_PATHS: Final = frozenset({"/auth/login", "/auth/callback", "/auth/config", "/auth/logout"})


def read_cookies(fields: Fields) -> dict[str, str]:
    """All cookies by name. Malformed ones, which other programs of this host may have set, are skipped."""
    pairs = (part.strip().partition("=") for part in fields.get(b"cookie", b"").decode("latin-1").split(";"))
    return {name: value for name, _, value in pairs if name}


def is_same_origin(fields: Fields, origin: str) -> bool:
    """Whether a page of `origin`, which is this server's, sends the request."""
    sender = fields.get(b"origin")
    if sender is not None and sender.decode("latin-1").lower() != origin:
        return False
    site = fields.get(b"sec-fetch-site")
    return sender is not None if site is None else site == b"same-origin"


async def authenticate(sign_in: SignIn, scope: Scope, fields: Fields) -> Principal | None:
    """The person who sends the request; None without a session. Raises PermissionDenied for a foreign project."""
    project = fields.get(_PROJECT, b"").decode("latin-1").strip()
    session = await find_session(sign_in, scope, fields, project or None)
    if session is None:
        return None
    # Administration is of no project, unless the request names one.
    is_organization = session.person.is_owner and not project
    project_id = "" if is_organization and scope["path"].startswith("/organization/") else session.project_id
    return Principal(project_id, session.user.id, person=session.person)


async def find_session(
    sign_in: SignIn, scope: Scope, fields: Fields, project: str | None = None
) -> BrowserSession | None:
    """The session of the request's cookie, in a project. A replaced cookie is sent with the response.

    Raises PermissionDenied for a project that is not the user's.
    """
    if b"cookie" not in fields or not is_same_origin(fields, sign_in.origin):
        return None
    cookie = read_cookies(fields).get(SESSION_COOKIE)
    found = None if cookie is None else await sign_in.authenticate(cookie, project)
    if found is None:
        return None
    session, replacement = found
    if replacement is not None:
        scope["state"]["cookie"] = session_cookie(replacement, session.seconds_left)
    return session


def session_cookie(value: str, seconds: int) -> bytes:
    """The header that sets the session's cookie for some seconds; 0 removes it."""
    return f"{SESSION_COOKIE}={value}; {_ATTRIBUTES}; SameSite=Strict; Max-Age={seconds}".encode()


def login_cookie(name: str, value: str, seconds: int) -> str:
    """`Lax`, since the provider's redirect comes from another site."""
    return f"{name}={value}; {_ATTRIBUTES}; SameSite=Lax; Max-Age={seconds}"


def actor_of(principal: Principal | None, scope: Scope) -> Actor:
    """Who makes the changes of a request."""
    person = None if principal is None else principal.person
    if person is None:
        return Actor("api_key", scope["state"]["key_id"])
    return Actor("session", person.user_id, address_of(scope), person.email)


def address_of(scope: Scope) -> str:
    client: Any = scope.get("client")
    return str(client[0]) if client else ""
