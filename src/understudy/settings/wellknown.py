"""Providers from well-known variables: `OPENAI_API_KEY`, `OLLAMA_HOST` and similar.

The same shell often has the variables of our own clients; those that point to this server are ignored.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from understudy.errors import SettingsError
from understudy.settings.address import ListenAddress, is_any
from understudy.settings.layer import KeyPath, Layer, Setting

VENDOR_URLS = {"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com"}
"""The base URL of the vendor behind each kind that has one."""

_OWN_KEY_PREFIX = "sk-understudy-"
_OLLAMA_PORT = 11434


@dataclass(frozen=True, slots=True)
class _Vendor:
    """`keyless`: the base URL alone makes a provider, as for a server on this machine."""

    name: str
    kind: str
    key: str
    base: str
    default: str
    keyless: bool = False


_VENDORS = (
    _Vendor("openai", "openai", "OPENAI_API_KEY", "OPENAI_BASE_URL", VENDOR_URLS["openai"], keyless=True),
    _Vendor("aimlapi", "openai", "AIML_API_KEY", "AIML_API_BASE", "https://api.aimlapi.com/v1"),
    _Vendor("anthropic", "anthropic", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", VENDOR_URLS["anthropic"]),
)


def from_wellknown_variables(environ: Mapping[str, str], listening: ListenAddress) -> Iterator[Setting]:
    for vendor in _VENDORS:
        yield from _from_vendor(vendor, environ, listening)
    yield from _from_ollama(environ.get("OLLAMA_HOST", "").strip(), listening)


def ollama_url(host: str) -> str:
    """The base URL for the forms that `OLLAMA_HOST` takes: `host`, `host:port`, `:port`, a URL, a bind-all address.

    Raises ValueError for an invalid port. Source: the `Host` function of Ollama's envconfig.
    """
    scheme, _, rest = host.rpartition("://")
    default = {"http": 80, "https": 443}.get(scheme, _OLLAMA_PORT)
    parts = urlsplit(f"//{rest.rstrip('/')}")
    name = parts.hostname or "127.0.0.1"
    if is_any(name):  # a bind address; clients connect to this machine
        name = "::1" if ":" in name else "127.0.0.1"
    name = f"[{name}]" if ":" in name else name
    return f"{scheme or 'http'}://{name}:{parts.port or default}{parts.path}/v1"


def _from_vendor(vendor: _Vendor, environ: Mapping[str, str], listening: ListenAddress) -> Iterator[Setting]:
    key = environ.get(vendor.key, "").strip()
    base = environ.get(vendor.base, "").strip()
    ours = key.startswith(_OWN_KEY_PREFIX) or listening.is_own_url(base)
    if ours or not (key or (base and vendor.keyless)):
        return
    maker = vendor.key if key else vendor.base
    values = {
        "kind": (vendor.kind, maker),
        "base_url": (base, vendor.base) if base else (vendor.default, maker),
    }
    if key:
        values["api_key"] = (key, vendor.key)
    yield from _provider_settings(vendor.name, values)


def _from_ollama(host: str, listening: ListenAddress) -> Iterator[Setting]:
    if not host:
        return
    try:
        url = ollama_url(host)
    except ValueError:
        raise SettingsError(
            f"`OLLAMA_HOST` in the environment is {host!r}; it must be like '127.0.0.1:11434'."
        ) from None
    if not listening.is_own_url(url):
        yield from _provider_settings("ollama", {"kind": ("openai", "OLLAMA_HOST"), "base_url": (url, "OLLAMA_HOST")})


def _provider_settings(provider: str, values: Mapping[str, tuple[str, str]]) -> Iterator[Setting]:
    """`values` maps a field to its value and the variable that it came from."""

    def variable(path: KeyPath) -> str:
        return values[path[-1]][1]

    layer = Layer(spell=variable, place="in the environment", directory=Path())
    for field, (value, _) in values.items():
        yield Setting(("providers", provider, field), value, layer)
