"""What a web search is requested with and returns. Plain data."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any, Final
from urllib.parse import quote, urlsplit

from understudy.wire.items import WebResult

MAX_URL_LENGTH: Final = 2048
_MAX_TITLE: Final = 300
# Characters of a text; a model receives fewer. More of them would hold the interpreter, in a thread as well.
_MAX_TEXT: Final = 100_000
_TAG: Final = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")
_BLANKS: Final = re.compile(r"\s+")
# What may stand in a URL; the rest is encoded, brackets included, so that a Markdown link cannot end early.
_URL_CHARACTERS: Final = ":/?#@!$&'*+,;=%-._~[]"


class WebSearchError(Exception):
    """A search or a page failed; the text is a sentence without addresses of the operator and without keys."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where the user approximately is; empty where unknown. `country` is an ISO 3166-1 code of two letters."""

    city: str = ""
    region: str = ""
    country: str = ""
    timezone: str = ""


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """`domains` are those whose pages may be results, with their subdomains; empty for all."""

    query: str
    limit: int
    domains: Sequence[str] = ()
    location: Location = Location()

    @property
    def filtered_query(self) -> str:
        """The query with the domains as operators, which most engines understand."""
        if not self.domains or len(self.domains) > _MAX_OPERATORS:
            return self.query
        return f"{self.query} {' OR '.join(f'site:{domain}' for domain in self.domains)}"

    def allows(self, url: str) -> bool:
        return not self.domains or is_within(url, self.domains)


_MAX_OPERATORS: Final = 8


@dataclass(frozen=True, slots=True)
class Page:
    """The text of a page; `url` is the requested one, `urls` are that and those of its redirects."""

    url: str
    title: str
    text: str
    urls: tuple[str, ...] = ()


def build_result(url: Any, title: Any, *texts: Any) -> WebResult | None:
    """A result without markup; None without a usable URL."""
    clean = normalize_url(url)
    if clean is None:
        return None
    text = "\n".join(dict.fromkeys(part for one in texts if (part := strip_markup(one))))
    return WebResult(url=clean, title=strip_markup(title)[:_MAX_TITLE] or host_of(clean), text=text)


def normalize_url(url: Any) -> str | None:
    """An http or https URL in ASCII, without a user and a fragment; None for anything else."""
    if not isinstance(url, str) or len(url) > MAX_URL_LENGTH:
        return None
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port  # raises for a malformed port
        authority = parts.netloc.encode("idna").decode() if not parts.netloc.isascii() else parts.netloc
        query = f"?{parts.query}" if parts.query else ""
        clean = quote(f"{parts.scheme}://{authority}{parts.path}{query}", safe=_URL_CHARACTERS)
    except ValueError:  # also for what is not Unicode
        return None
    return clean if parts.scheme in {"http", "https"} and host and parts.username is None else None


def host_of(url: str) -> str:
    """The host of a URL without `www.`, as a name for readers."""
    return (urlsplit(url).hostname or "").removeprefix("www.")


def is_within(url: str, domains: Sequence[str]) -> bool:
    """Whether the host of a URL is one of the domains, or below one."""
    host = f".{(urlsplit(url).hostname or '').rstrip('.').lower()}"
    return any(host.endswith(f".{_domain_name(domain)}") for domain in domains)


def _domain_name(domain: str) -> str:
    """The host of a domain that may be written as a URL."""
    name = domain.strip().lower()
    return (urlsplit(name).hostname or "" if "://" in name else name.partition("/")[0]).strip(".")


def strip_markup(text: Any) -> str:
    """Text of a search engine without the tags by which it highlights words, and without what is not Unicode."""
    if not isinstance(text, str):
        return ""
    clean = decode_entities(_TAG.sub("", text[:_MAX_TEXT]))
    if not clean.isascii():
        clean = clean.encode("utf-8", "replace").decode()
    return _BLANKS.sub(" ", clean.replace("\0", "")).strip()


def decode_entities(text: str) -> str:
    try:
        return unescape(text)
    except ValueError:  # a reference of more digits than Python converts to a number
        return text
