"""What must not be shown, and what is shown in its place. Knows settings by their names and nothing of their use."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from understudy.settings.model import Settings


def masked(secret: str) -> str:
    """Enough of a key to tell it from another one: `sk-…9f2c`; a short one shows nothing."""
    if len(secret) < 16:
        return "…"
    return ("sk-" if secret.startswith("sk-") else "") + "…" + secret[-4:]


def shown(path: tuple[str, ...], value: object) -> object:
    """The value of a setting as people may see it."""
    if path[-1] in {"api_key", "token", "secret_key", "secret"} and value is not None:
        return masked(str(value))
    if isinstance(value, str) and (password := _password(value)):
        return value.replace(f":{password}@", ":…@")
    return value


def secrets(settings: Settings) -> Iterator[str]:
    """Every secret among the settings, for those who must keep them out of what they write."""
    if settings.api_key:
        yield settings.api_key
    if password := _password(settings.database or ""):
        yield password
    if settings.sandbox.token:
        yield settings.sandbox.token
    if settings.blobs.secret_key:
        yield settings.blobs.secret_key
    if settings.webhooks.secret:
        yield settings.webhooks.secret
    if settings.video.api_key:
        yield settings.video.api_key
    for provider in settings.providers.values():
        if provider.api_key:
            yield provider.api_key


def _password(text: str) -> str | None:
    try:
        return urlsplit(text).password
    except ValueError:  # not a URL that could hold one
        return None
