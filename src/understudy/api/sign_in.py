"""Sign-in to the console with an OpenID provider, over HTTP: two redirects of the browser, the options and the end."""

import re
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from understudy.api.browser_sessions import (
    LOGIN_COOKIE,
    address_of,
    find_session,
    is_same_origin,
    login_cookie,
    read_cookies,
    session_cookie,
)
from understudy.api.operations import EXTENSIONS, OperationGroup
from understudy.api.parts import parts_of
from understudy.api.requests import struct_response
from understudy.engine.sign_in import LOGIN_SECONDS, SignIn, SignInFailed
from understudy.errors import NotFound, PermissionDenied
from understudy.oidc.login import Callback
from understudy.wire.session import SignedOut, SignInOptions, SignInProvider

operations = OperationGroup(EXTENSIONS, base="/")

# A path of this server alone: no scheme, no host (`//host`, `/\host`), and nothing that a browser would drop.
_CONSOLE_PATH: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,2000}")
_STATE_LENGTH: Final = 12
_MAX_LOGINS: Final = 4


@operations.add(
    "getSignInOptions",
    "GET",
    "/auth/config",
    summary="Retrieve how people sign in to the console. Needs no key. An extension of the hosted API.",
    response=SignInOptions,
    authenticated=False,
)
async def get_sign_in_options(request: Request) -> Response:
    sign_in = parts_of(request).sign_in
    return struct_response(
        SignInOptions(provider=None if sign_in is None else SignInProvider(name=sign_in.provider_name))
    )


@operations.add(
    "signOut",
    "POST",
    "/auth/logout",
    summary="End the session of this browser. Only pages of this server may call it. An extension of the hosted API.",
    response=SignedOut,
    authenticated=False,
)
async def sign_out(request: Request) -> Response:
    sign_in, fields = _enabled(request), request.scope["state"]["fields"]
    if not is_same_origin(fields, sign_in.origin):
        raise PermissionDenied("Only a page of this server may sign out its visitor.", code="cross_origin_request")
    session = await find_session(sign_in, request.scope, fields)
    if session is not None:
        await sign_in.sign_out(session, address_of(request.scope))
    response = struct_response(SignedOut(redirect_url=await sign_in.find_logout_url()))
    request.scope["state"].pop("cookie", None)
    response.raw_headers.append((b"set-cookie", session_cookie("", 0)))
    return response


async def start_sign_in(request: Request) -> Response:
    """Redirects the browser to the provider, and back to `return_to` in the end."""
    sign_in = _enabled(request)
    _check_attempts(request)
    cookies = read_cookies(request.scope["state"]["fields"])
    try:
        url, state, value = await sign_in.start(_return_path(sign_in, request.query_params.get("return_to", "")))
    except SignInFailed as error:
        return _redirect_with_error(sign_in, error)
    # One that is not finished counts as well: each is a request to the provider.
    _note_attempt(request)
    response = _redirect(url)
    response.headers.append("set-cookie", login_cookie(_cookie_name(state), value, LOGIN_SECONDS))
    unfinished = [name for name in cookies if name.startswith(LOGIN_COOKIE)]
    for name in unfinished[: max(0, len(unfinished) - _MAX_LOGINS + 1)]:
        response.headers.append("set-cookie", login_cookie(name, "", 0))
    return response


async def finish_sign_in(request: Request) -> Response:
    """Where the provider redirects the browser to: opens a session, and redirects to the console."""
    sign_in, query = _enabled(request), request.query_params
    callback = Callback(*(query.get(name, "") for name in ("code", "state", "iss", "error")))
    _check_attempts(request)
    name = _cookie_name(callback.state)
    cookie = read_cookies(request.scope["state"]["fields"]).get(name)
    try:
        signed_in = await sign_in.finish(callback, cookie, address_of(request.scope))
    except SignInFailed as error:
        _note_attempt(request)
        response = _redirect_with_error(sign_in, error)
    else:
        response = _redirect(_return_url(sign_in, signed_in.return_to))
        response.raw_headers.append((b"set-cookie", session_cookie(signed_in.cookie, signed_in.seconds)))
    if cookie is not None:
        response.headers.append("set-cookie", login_cookie(name, "", 0))
    return response


def _check_attempts(request: Request) -> None:
    """Raises TooManyAttempts."""
    parts = parts_of(request)
    parts.limiter.attempts.check(address_of(request.scope), parts.settings.limits.rejected_keys_per_minute)


def _note_attempt(request: Request) -> None:
    parts = parts_of(request)
    parts.limiter.attempts.note_failure(address_of(request.scope), parts.settings.limits.rejected_keys_per_minute)


def _enabled(request: Request) -> SignIn:
    """Raises NotFound without an OpenID provider."""
    sign_in = parts_of(request).sign_in
    if sign_in is None:
        raise NotFound("Sign-in with an OpenID provider is off. Set `oidc.issuer`.")
    return sign_in


def _cookie_name(state: str) -> str:
    return LOGIN_COOKIE + re.sub(r"[^A-Za-z0-9_-]", "", state)[:_STATE_LENGTH]


def _return_path(sign_in: SignIn, path: str) -> str:
    """A path of the console; its start page if `path` is another one, or does not belong to this server."""
    home = f"{_mount_of(sign_in)}/console/"
    return path if _CONSOLE_PATH.fullmatch(path) and path.startswith(home) and "/.." not in path else home


def _return_url(sign_in: SignIn, path: str) -> str:
    return sign_in.origin + _return_path(sign_in, path)


def _mount_of(sign_in: SignIn) -> str:
    """The path below which a proxy serves this server; usually empty."""
    return sign_in.public_url[len(sign_in.origin) :]


def _redirect_with_error(sign_in: SignIn, error: SignInFailed) -> Response:
    return _redirect(f"{sign_in.public_url}/console/?{urlencode({'sign_in_error': error.code})}")


def _redirect(url: str) -> Response:
    return RedirectResponse(url, 302, headers={"cache-control": "no-store", "referrer-policy": "no-referrer"})
