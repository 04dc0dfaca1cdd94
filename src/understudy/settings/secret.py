"""Secrets among the settings: which they are, and how they are masked. Knows nothing of their use."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from understudy.settings.model import Settings

# To the last `@`, since a password that is not percent-encoded may hold others.
_USERINFO: Final = re.compile(r"(://[^:/@\s]*:)(.*)@", re.DOTALL)
_QUERY_PASSWORD: Final = re.compile(r"([?&](?:sentinel_)?password=)([^&\s]*)")


def mask_secret(secret: str) -> str:
    """The end of a key, to distinguish it from another one: `sk-…9f2c`; nothing of a short one."""
    if len(secret) < 16:
        return "…"
    return ("sk-" if secret.startswith("sk-") else "") + "…" + secret[-4:]


def mask_setting(path: tuple[str, ...], value: object) -> object:
    """The value of a setting with secrets masked."""
    if path[-1] in {"api_key", "token", "secret_key", "secret", "client_secret"} and value is not None:
        return mask_secret(str(value))
    if path == ("tracing", "headers") and isinstance(value, dict):
        return {name: mask_secret(str(header)) for name, header in value.items()}
    return _masked_url(value) if isinstance(value, str) else value


def list_secrets(settings: Settings) -> Iterator[str]:
    """Every secret among the settings, for redaction."""
    if settings.api_key:
        yield settings.api_key
    yield from _passwords(settings.database or "")
    yield from _passwords(settings.broker)
    single = (
        *(settings.sandbox.token, settings.metrics.token, settings.blobs.secret_key, settings.webhooks.secret),
        *(settings.oidc.client_secret, settings.video.api_key, settings.web_search.api_key),
    )
    yield from (secret for secret in single if secret)
    yield from (value for value in settings.tracing.headers.values() if value)
    for provider in settings.providers.values():
        if provider.api_key:
            yield provider.api_key


def _masked_url(text: str) -> str:
    """The text with the password of a URL masked, even if its characters make the URL malformed."""
    return _QUERY_PASSWORD.sub(r"\1…", _USERINFO.sub(r"\1…@", text))


def _passwords(url: str) -> Iterator[str]:
    """The passwords of the URL, encoded and decoded."""
    passwords = [match[2] for match in (*_USERINFO.finditer(url), *_QUERY_PASSWORD.finditer(url)) if match[2]]
    yield from dict.fromkeys([*passwords, *map(unquote, passwords)])
