"""The check of `understudy doctor` for the sign-in of people: the provider's discovery document and keys."""

from understudy.cli.node_checks import CheckResult
from understudy.errors import SettingsError
from understudy.oidc.errors import OidcError
from understudy.settings import OidcSettings


async def check_sign_in(settings: OidcSettings) -> CheckResult:
    """`[oidc]` must be set."""
    try:
        from understudy.oidc.client import OidcClient
    except ImportError as error:
        return CheckResult("sign-in", "broken", f"{error}; run `pip install 'understudy[oidc]'`")
    redirect_uri = f"{(settings.public_url or '').rstrip('/')}/auth/callback"
    try:
        client = OidcClient(settings, redirect_uri)
    except SettingsError as error:
        return CheckResult("sign-in", "broken", str(error))
    try:
        await client.check()
    except OidcError as error:
        return CheckResult("sign-in", "broken", str(error))
    finally:
        await client.close()
    return CheckResult("sign-in", "ok", f"{settings.issuer} is available; its redirect URI is {redirect_uri}")
