"""URLs of images and files in a request, which providers fetch. Fetches nothing itself.

A provider is often inside the operator's network, where a URL could make it read what clients must not reach: metadata
services, other servers, its own files.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from understudy.errors import UpstreamError
from understudy.llm import payload
from understudy.settings import is_public_url

_SCHEME: Final = re.compile(r"[\s\x00-\x20]*([a-zA-Z][a-zA-Z0-9+.-]*):")
_IGNORED_CHARACTERS: Final = re.compile(r"[\t\r\n]+")
# Providers fetch no URL in these.
_UNFETCHED_MEMBERS: Final = frozenset({"annotations", "citations", "text", "input", "tool_calls", "metadata"})
_FETCHED_MEMBERS: Final = ("messages", "mcp_servers")
_PLAIN: Final = frozenset({"role", "content"})


def check_urls(body: dict[str, Any]) -> None:
    """Raises UpstreamError(invalid_request) for a URL that is not public."""
    for member in _FETCHED_MEMBERS:
        for index, item in enumerate(payload.items(body.get(member))):
            if not _is_plain(item):
                _check_item(item, f"{member}[{index}]")


def check_url(path: str, url: str) -> None:
    """Raises UpstreamError(invalid_request) if the URL at `path` is not public."""
    if not is_allowed(url):
        raise UpstreamError("invalid_request", refusal_message(path, url), param=path, code="invalid_value")


def is_allowed(url: str) -> bool:
    """Whether it is a public URL, a data URL or no URL."""
    # HTTP clients ignore tabs and line ends anywhere in a URL.
    scheme = _SCHEME.match(_IGNORED_CHARACTERS.sub("", url[:256]))
    return scheme is None or scheme[1].lower() == "data" or is_public_url(url.strip())


def refusal_message(path: str, url: str) -> str:
    return (
        f"Invalid '{path}': {url[:200]!r} is not a public http or https address. Send the bytes as a data URL, or use"
        " a public address; the operator of this server can allow others with `limits.private_urls`."
    )


def _is_plain(message: Any) -> bool:
    """Whether it is a message of text alone, like most messages."""
    return (
        isinstance(message, dict)
        and message.keys() == _PLAIN
        and isinstance(message["content"], str)
        and isinstance(message["role"], str)
    )


def _check_item(item: Any, path: str) -> None:
    for place, url in _find_urls(item, path):
        check_url(place, url)


def _find_urls(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, dict | list):
                yield from _find_urls(item, f"{path}[{index}]")
    elif isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, str):
                if _is_url_member(name):
                    yield f"{path}.{name}", item
            elif isinstance(item, dict | list) and name not in _UNFETCHED_MEMBERS:
                yield from _find_urls(item, f"{path}.{name}")


def _is_url_member(name: str) -> bool:
    return name in {"url", "uri"} or name.endswith(("_url", "_uri", "Url", "Uri"))
