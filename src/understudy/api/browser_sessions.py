"""Sessions of browsers in requests: a cookie counts only on this server's own pages, and never beside a key.

A page of another origin cannot use the cookie: it is `SameSite=Strict`, and a request needs `Sec-Fetch-Site:
same-origin` or the `Origin` of the settings, which pages cannot set.
"""

from http.cookies import CookieError, SimpleCookie
from typing import Any, Final

from starlette.types import Scope

from understudy.api.request_head import Fields
from understudy.engine.sign_in import SignIn
from understudy.store.audit_logs import Actor
from understudy.store.keys import Principal
from understudy.store.user_sessions import BrowserSession

SESSION_COOKIE: Final = "__Host-understudy-session"
LOGIN_COOKIE: Final = "__Host-understudy-login-"
"""The beginning of the name, which ends with the beginning of the state: each tab has a sign-in of its own."""

_PROJECT: Final = b"openai-project"
_ATTRIBUTES: Final = "Path=/; Secure; HttpOnly"
# Their handlers read the cookie where they need it.
AUTH_PATHS: Final = frozenset({"/auth/login", "/auth/callback", "/auth/config", "/auth/logout"})


def read_cookies(fields: Fields) -> dict[str, str]:
    try:
        cookie = SimpleCookie(fields.get(b"cookie", b"").decode("latin-1"))
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in cookie.items()}


def is_same_origin(fields: Fields, origin: str) -> bool:
    """Whether a page of `origin`, which is this server's, sends the request."""
    sender = fields.get(b"origin")
    if sender is not None and sender.decode("latin-1").lower() != origin:
        return False
    site = fields.get(b"sec-fetch-site")
    return sender is not None if site is None else site == b"same-origin"


async def authenticate(sign_in: SignIn, scope: Scope, fields: Fields) -> Principal | None:
    """The person who sends the request; None without a session. Raises PermissionDenied for a foreign project."""
    session = await find_session(sign_in, scope, fields)
    if session is None:
        return None
    # Administration is of no project, unless the request names one.
    is_organization = session.person.is_owner and _PROJECT not in fields
    project_id = "" if is_organization and scope["path"].startswith("/organization/") else session.project_id
    return Principal(project_id, session.user.id, person=session.person)


async def find_session(sign_in: SignIn, scope: Scope, fields: Fields) -> BrowserSession | None:
    """The session of the request's cookie. A replaced cookie is sent with the response."""
    if b"cookie" not in fields or not is_same_origin(fields, sign_in.origin):
        return None
    cookie = read_cookies(fields).get(SESSION_COOKIE)
    project = fields.get(_PROJECT)
    name = None if project is None else project.decode("latin-1").strip() or None
    found = None if cookie is None else await sign_in.authenticate(cookie, name)
    if found is None:
        return None
    session, replacement = found
    if replacement is not None:
        scope["state"]["cookie"] = session_cookie(replacement, None)
    return session


def session_cookie(value: str, seconds: int | None) -> bytes:
    """The header that sets the session's cookie; `seconds` None is until the browser closes."""
    age = "" if seconds is None else f"; Max-Age={seconds}"
    return f"{SESSION_COOKIE}={value}; {_ATTRIBUTES}; SameSite=Strict{age}".encode()


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
