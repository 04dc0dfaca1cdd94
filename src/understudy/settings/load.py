"""Merges the layers: flags over environment over file over defaults, each value with its source.

Called once, at the edge; the result is frozen.
"""

import base64
import difflib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from understudy.errors import SettingsError
from understudy.settings.address import ListenAddress
from understudy.settings.layer import NAMED_TABLES, KeyPath, Setting, dotted_name, setting_paths
from understudy.settings.model import BROKER_SCHEMES, MEMORY_BROKER, Settings
from understudy.settings.provider import complete_provider, provider_tables
from understudy.settings.source import from_environment, from_file, from_flags
from understudy.settings.wellknown import from_wellknown_variables

_SettingsByPath = dict[KeyPath, Setting]


@dataclass(frozen=True, slots=True)
class EffectiveSetting:
    """One effective setting: its dotted name, its value and its source."""

    path: KeyPath
    value: Any
    source: str

    @property
    def name(self) -> str:
        return dotted_name(self.path)


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """The settings, and the source of every value that is not a default, by path.

    `reload` loads them again from the same flags, variables and file; it raises SettingsError as `load` does.
    """

    settings: Settings
    sources: Mapping[KeyPath, str]
    reload: Callable[[], "LoadedSettings"]

    def entries(self) -> Iterator[EffectiveSetting]:
        paths = [path for path in setting_paths("NAME") if path[0] not in NAMED_TABLES]
        for table in NAMED_TABLES:
            for name in getattr(self.settings, table):
                paths += [path for path in setting_paths(name) if path[0] == table]
        for path in paths:
            yield EffectiveSetting(path, _value_at(self.settings, path), self.sources.get(path, "default"))


def load(
    flags: Mapping[str, str | None] | None = None,
    environ: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> LoadedSettings:
    """The effective settings. Raises SettingsError for the first invalid one.

    `flags` are texts by the name of their setting, with `config` for the file; None is unset. `environ` defaults to
    that of the process, `directory` to the current one.
    """
    environ = os.environ if environ is None else environ
    directory = directory or _current_directory()
    settings_by_path = _read_layers(flags or {}, environ, directory)
    settings = _build_settings(settings_by_path, directory)
    settings_by_path |= _from_wellknown(settings_by_path, environ, ListenAddress(settings.hosts, settings.port))
    for name, table in provider_tables(settings_by_path).items():
        settings_by_path |= {
            ("providers", name, field): leaf for field, leaf in complete_provider(name, table, environ).items()
        }
    settings = _build_settings(settings_by_path, directory)
    _check_hosts(settings_by_path, settings)
    _check_database(settings_by_path)
    _check_broker(settings_by_path, settings)
    _check_fallbacks(settings_by_path, settings)
    _check_sandbox(settings_by_path, settings)
    _check_webhooks(settings_by_path, settings)
    _check_oidc(settings_by_path, settings)
    _check_web_search(settings_by_path, settings)
    _check_realtime(settings_by_path, settings)
    sources = {path: leaf.source for path, leaf in settings_by_path.items()}
    return LoadedSettings(settings, sources, partial(load, flags, environ, directory))


def _current_directory() -> Path:
    try:
        return Path.cwd()
    except OSError as error:
        raise SettingsError(f"The current directory cannot be used: {error.strerror}. Change to another one.") from None


def _read_layers(flags: Mapping[str, str | None], environ: Mapping[str, str], directory: Path) -> _SettingsByPath:
    rest = {name: value for name, value in flags.items() if name != "config"}
    settings_by_path = _index_by_path(from_file(flags.get("config"), environ, directory))
    settings_by_path |= _index_by_path(from_environment(environ, directory, provider_tables(settings_by_path)))
    return settings_by_path | _index_by_path(from_flags(rest, directory))


def _index_by_path(leaves: Iterable[Setting]) -> _SettingsByPath:
    return {leaf.path: leaf for leaf in leaves}


def _from_wellknown(explicit: _SettingsByPath, environ: Mapping[str, str], listening: ListenAddress) -> _SettingsByPath:
    """Providers from well-known variables, which never override an explicit URL or key."""
    added: _SettingsByPath = {}
    explicit_tables = provider_tables(explicit)
    for name, table in provider_tables(_index_by_path(from_wellknown_variables(environ, listening))).items():
        own = explicit_tables.get(name, {})
        other_kind = "kind" in own and own["kind"].value != table["kind"].value
        if not other_kind and not own.keys() & {"base_url", "api_key", "api_key_env"}:
            added |= {leaf.path: leaf for field, leaf in table.items() if field not in own}
    return added


def _build_settings(settings_by_path: _SettingsByPath, directory: Path) -> Settings:
    document: dict[str, Any] = {"data": directory / "understudy-data"}
    for path, leaf in settings_by_path.items():
        table = document
        for name in path[:-1]:
            table = table.setdefault(name, {})
        table[path[-1]] = leaf.value
    return msgspec.convert(document, Settings)


def _check_hosts(settings_by_path: _SettingsByPath, settings: Settings) -> None:
    if not settings.hosts or "unix:" in settings.hosts:
        raise settings_by_path["host",].invalid_value_error(
            "an address like '127.0.0.1', 'unix:' and a path, or a list of them"
        )


def _check_database(settings_by_path: _SettingsByPath) -> None:
    leaf = settings_by_path.get(("database",))
    if leaf is not None and urlsplit(leaf.value).scheme not in {"postgresql", "postgres"}:
        raise leaf.invalid_value_error("a 'postgresql://' URL; leave it unset for SQLite")


def _check_broker(settings_by_path: _SettingsByPath, settings: Settings) -> None:
    if settings.broker == MEMORY_BROKER:
        return
    leaf = settings_by_path["broker",]
    if urlsplit(leaf.value).scheme not in BROKER_SCHEMES:
        raise leaf.invalid_value_error(f"{MEMORY_BROKER!r} or a URL like 'redis://host:6379'")
    if settings.database is None:
        raise leaf.requirement_error("database", "a 'postgresql://' URL, since SQLite is used by one process")


def _check_fallbacks(settings_by_path: _SettingsByPath, settings: Settings) -> None:
    names = [*settings.providers, *(["rehearsal"] if settings.rehearsal.enabled else [])]
    for name, provider in settings.providers.items():
        others = [other for other in names if other != name]
        for fallback in provider.fallbacks:
            if fallback not in others:
                nearest = difflib.get_close_matches(fallback, others, n=1)
                hint = f"; {nearest[0]!r} is the nearest" if nearest else ""
                leaf = settings_by_path["providers", name, "fallbacks"]
                raise leaf.invalid_value_error(f"a list of other providers ({', '.join(map(repr, others))}){hint}")


def _check_sandbox(settings_by_path: _SettingsByPath, settings: Settings) -> None:
    if settings.sandbox.kind == "gateway" and settings.sandbox.url is None:
        raise settings_by_path["sandbox", "kind"].requirement_error("sandbox.url")


def _check_webhooks(settings_by_path: _SettingsByPath, settings: Settings) -> None:
    webhooks = settings.webhooks
    if webhooks.url is not None and webhooks.secret is None:
        raise settings_by_path["webhooks", "url"].requirement_error("webhooks.secret")
    if webhooks.secret is not None and not _is_webhook_secret(webhooks.secret):
        raise settings_by_path["webhooks", "secret"].invalid_value_error("'whsec_' and the base64 of 24 to 64 bytes")


def _is_webhook_secret(secret: str) -> bool:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        return False
    return secret.startswith("whsec_") and 24 <= len(key) <= 64


def _check_oidc(settings_by_path: _SettingsByPath, settings: Settings) -> None:
    oidc = settings.oidc
    if oidc.issuer is None:
        return
    for name in ("client_id", "public_url"):
        if getattr(oidc, name) is None:
            raise settings_by_path["oidc", "issuer"].requirement_error(f"oidc.{name}")
    for name, url in (("issuer", oidc.issuer), ("public_url", oidc.public_url or "")):
        if not _is_secure_url(url):
            raise settings_by_path["oidc", name].invalid_value_error(
                "an 'https://' URL, or an 'http://' one of this machine"
            )
    if oidc.client_secret is not None and oidc.client_secret_file is not None:
        raise settings_by_path["oidc", "client_secret"].invalid_value_error(
            "unset, since `oidc.client_secret_file` is set"
        )
    if oidc.role_claim is not None and not oidc.roles:
        raise settings_by_path["oidc", "role_claim"].requirement_error("oidc.roles")


def _check_web_search(settings_by_path: _SettingsByPath, settings: Settings) -> None:
    search = settings.web_search
    required = {"searxng": "url", "mcp": "url", "brave": "api_key", "tavily": "api_key"}.get(search.provider or "")
    if required is not None and getattr(search, required) is None:
        raise settings_by_path["web_search", "provider"].requirement_error(f"web_search.{required}")
    if search.url is not None and not _is_service_url(search.url):
        raise settings_by_path["web_search", "url"].invalid_value_error(
            "an 'http://' or 'https://' URL without a user and a fragment"
        )
    key = search.api_key
    if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        raise settings_by_path["web_search", "api_key"].invalid_value_error(
            "a key of printable ASCII characters without spaces"
        )


def _check_realtime(settings_by_path: _SettingsByPath, settings: Settings) -> None:
    leaf, most = settings_by_path.get(("realtime", "message_bytes")), settings.limits.body_bytes
    if leaf is not None and settings.realtime.message_bytes > most:
        # A socket takes no longer messages.
        raise leaf.invalid_value_error(f"at most `limits.body_bytes`, which is {most}; raise that as well")


def _is_service_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a malformed port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not set(url) & set(" #@")


def _is_secure_url(url: str) -> bool:
    """Cookies of sign-in exist only over TLS; browsers and providers make an exception for the machine itself."""
    parts = urlsplit(url)
    is_local = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    return (
        bool(parts.hostname) and not parts.query and (parts.scheme == "https" or (parts.scheme == "http" and is_local))
    )


def _value_at(settings: Settings, path: KeyPath) -> Any:
    value: Any = settings
    for name in path:
        value = value[name] if isinstance(value, dict) else getattr(value, name)
    return value
