"""What must not be shown, and what is shown in its place. Knows settings by their names and nothing of their use."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from understudy.settings.model import Settings

# To the last `@`, since a password that is not percent-encoded may hold others.
_USERINFO: Final = re.compile(r"(://[^:/@\s]*:)(.*)@", re.DOTALL)
_IN_QUERY: Final = re.compile(r"([?&]password=)([^&\s]*)")


def mask_secret(secret: str) -> str:
    """Enough of a key to tell it from another one: `sk-…9f2c`; a short one shows nothing."""
    if len(secret) < 16:
        return "…"
    return ("sk-" if secret.startswith("sk-") else "") + "…" + secret[-4:]


def mask_setting(path: tuple[str, ...], value: object) -> object:
    """The value of a setting as people may see it."""
    if path[-1] in {"api_key", "token", "secret_key", "secret"} and value is not None:
        return mask_secret(str(value))
    return _masked_url(value) if isinstance(value, str) else value


def list_secrets(settings: Settings) -> Iterator[str]:
    """Every secret among the settings, for those who must keep them out of what they write."""
    if settings.api_key:
        yield settings.api_key
    yield from _passwords(settings.database or "")
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


def _masked_url(text: str) -> str:
    """The text with the password of a URL masked, also where characters in it break the URL."""
    return _IN_QUERY.sub(r"\1…", _USERINFO.sub(r"\1…@", text))


def _passwords(url: str) -> Iterator[str]:
    """As they are written in the URL, and as the server gets them."""
    found = [match[2] for match in (*_USERINFO.finditer(url), *_IN_QUERY.finditer(url)) if match[2]]
    yield from dict.fromkeys([*found, *map(unquote, found)])
