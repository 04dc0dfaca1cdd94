"""Completes a provider's table: resolves its key from the environment, normalizes its base URL, checks it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from understudy.errors import SettingsError
from understudy.settings.layer import KeyPath, Layer, Setting
from understudy.settings.wellknown import VENDOR_URLS

Table = dict[str, Setting]
"""The settings of one provider by the name of their field."""

_URL_REQUIREMENT = "an http or https URL without a user, a query or a fragment, like 'http://127.0.0.1:8000/v1'"


def complete_provider(name: str, table: Table, environ: Mapping[str, str]) -> Table:
    """The table with the effective `api_key` and `base_url`. Raises SettingsError if they are missing or invalid."""
    subject = f"The provider {name!r} {next(iter(table.values())).layer.place}"
    kind = table["kind"].value if "kind" in table else "openai"
    table = _resolve_key(table, environ)
    if "base_url" in table:
        table = table | {"base_url": _normalize_url(table["base_url"])}
    elif kind in VENDOR_URLS and "api_key" in table:
        table = table | {"base_url": _vendor_url(name, kind)}
    else:
        keys = "`base_url`" if kind == "azure" else "`base_url` or `api_key`"
        raise SettingsError(f"{subject} requires {keys}.")
    if kind == "azure":
        _check_azure(subject, table)
    return table


def _resolve_key(table: Table, environ: Mapping[str, str]) -> Table:
    key_variable = table.get("api_key_env")
    if key_variable is not None:
        if "api_key" in table:
            raise key_variable.invalid_value_error("unset where `api_key` is set")
        if not environ.get(key_variable.value, "").strip():
            raise key_variable.invalid_value_error("the name of an environment variable that is set")
        table = table | {"api_key": _key_from_environment(key_variable, environ[key_variable.value].strip())}
    key = table.get("api_key")
    if key is not None and not (key.value.isascii() and key.value.isprintable() and " " not in key.value):
        raise key.invalid_value_error("a key of printable ASCII characters without spaces")
    return table


def _key_from_environment(key_variable: Setting, key: str) -> Setting:
    variable = key_variable.value
    layer = Layer(spell=lambda _: variable, place="in the environment", directory=Path())
    return Setting((*key_variable.path[:-1], "api_key"), key, layer)


def _vendor_url(name: str, kind: str) -> Setting:
    layer = Layer(spell=".".join, place="by default", directory=Path(), origin="default")
    return Setting(("providers", name, "base_url"), VENDOR_URLS[kind], layer)


def _normalize_url(leaf: Setting) -> Setting:
    """The URL without a trailing slash."""
    url = cast("str", leaf.value).rstrip("/")
    if not _is_base_url(url):
        raise leaf.invalid_value_error(_URL_REQUIREMENT)
    return replace(leaf, value=url)


def _is_base_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a malformed port
    except ValueError:
        return False
    clean = url.isprintable() and not set(url) & set(" ?#@")
    return clean and parts.scheme in {"http", "https"} and bool(parts.hostname)


def _check_azure(subject: str, table: Table) -> None:
    if "api_version" not in table and not table["base_url"].value.endswith("/openai/v1"):
        raise SettingsError(f"{subject} requires `api_version`, or a `base_url` that ends with '/openai/v1'.")


def provider_tables(settings_by_path: Mapping[KeyPath, Setting]) -> dict[str, Table]:
    """The providers' settings, in the order in which the providers appear."""
    tables: dict[str, Table] = {}
    for path, leaf in settings_by_path.items():
        if path[0] == "providers":
            tables.setdefault(path[1], {})[path[2]] = leaf
    return tables
