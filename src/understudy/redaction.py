"""Redacts error texts of other servers: internal addresses, file paths and keys.

Knows nothing of the source of a text. Public documentation links stay, since they help clients.
"""

import ipaddress
import re
from collections.abc import Callable
from typing import Final

ADDRESS: Final = "[address]"
PATH: Final = "[path]"
KEY: Final = "***"

_KEYS: Final = (
    re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"),
    re.compile(
        r"(?i)\b((?:x-)?api[-_ ]?key|access[-_ ]?token|authorization|secret|password)(\"?\s*[:=]\s*\"?)[^\s\"',;&]{4,}"
    ),
    re.compile(r"\b(?:sk|pk|rk|gsk|xai|hf|r8|nvapi|ghp|glpat|xox[abp])[-_][\w*.-]{8,}"),
    re.compile(r"\b(?:AKIA|AIza)[\w-]{12,}"),
)
_URL: Final = re.compile(r"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s\"'<>()\[\]{},]*(?:\[[0-9a-fA-F:.]+\][^\s\"'<>(){},]*)?")
_PUBLIC_URL: Final = re.compile(r"(?i)https?://(?P<host>(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24})(?:/[^?#@]*)?")
_INTERNAL: Final = r"(?:local|internal|intranet|lan|corp|home|localdomain|localhost|svc|consul|test|example|invalid)"
_INTERNAL_NAME: Final = re.compile(
    rf"(?i)(?<![\w.@-])(?:[\w-]{{1,63}}\.){{1,10}}{_INTERNAL}\.?(?::\d{{1,5}})?(?![\w.-]*\w)"
)
_IPV4: Final = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?(?![\w.]*\w)")
_IPV6: Final = re.compile(r"\[?(?<![\w:.])[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}(?:%\w+)?(?![\w:])\]?(?::\d{1,5})?")
_WITH_PORT: Final = re.compile(r"(?i)(?<![\w.@/-])(?:localhost|[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)*):\d{2,5}(?![\w.]*\w)")
_LOCALHOST: Final = re.compile(r"(?i)(?<![\w.-])localhost(?![\w.-]*\w)")
_UNIX_PATH: Final = re.compile(r"(?<![\w.:/<>*)\]-])/(?!v\d|openai/|chat/|api/)[\w.@%+~-]+(?:/[\w.@%+~-]+)+/?")
_WINDOWS_PATH: Final = re.compile(r"\b[A-Za-z]:\\[^\s\"'<>|]+|\\\\[\w.-]+\\[^\s\"'<>|]+")
# Longer texts are cut first, which bounds the time of the search.
_MAX_LENGTH: Final = 8192


def redact(text: str, *, host: str | None = None) -> str:
    """The text without internal addresses, file paths and keys. `host` is one more name to redact."""
    redacted = _KEYS[0].sub(rf"\1 {KEY}", text[:_MAX_LENGTH].replace("\x00", " "))
    redacted = _KEYS[1].sub(rf"\1\2{KEY}", redacted)
    for key in _KEYS[2:]:
        redacted = key.sub(KEY, redacted)
    links: list[str] = []
    redacted = _URL.sub(_replace_url(links, host), redacted)
    if host:
        redacted = re.sub(rf"(?i)(?<![\w.-]){re.escape(host)}(?::\d{{1,5}})?(?![\w-])", ADDRESS, redacted)
    for pattern in (_IPV4, _INTERNAL_NAME, _WITH_PORT, _LOCALHOST):
        redacted = pattern.sub(ADDRESS, redacted)
    redacted = _IPV6.sub(_without_ipv6, redacted)
    for pattern in (_WINDOWS_PATH, _UNIX_PATH):
        redacted = pattern.sub(PATH, redacted)
    return _LINK_PLACEHOLDER.sub(lambda mark: links[int(mark[1])], redacted)


# Public links are replaced during the search; NUL was removed from the text, so that the mark is unique.
_LINK_PLACEHOLDER: Final = re.compile("\x00(\\d+)\x00")


def _replace_url(links: list[str], host: str | None) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        url = match[0].rstrip(".,;:!?")
        tail = match[0][len(url) :]
        public = _PUBLIC_URL.fullmatch(url)
        if (
            public is None
            or (host and public["host"].lower() == host.lower())
            or _INTERNAL_NAME.fullmatch(public["host"])
        ):
            return ADDRESS + tail
        links.append(url)
        return f"\x00{len(links) - 1}\x00{tail}"

    return replace


def _without_ipv6(match: re.Match[str]) -> str:
    text = match[0].partition("]")[0].strip("[]").partition("%")[0]
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return match[0]
    # `a::b` is a valid address, but more often a name of C++.
    return ADDRESS if any(sign.isdecimal() for sign in text) else match[0]
