"""Cross-origin requests: which web pages may read responses, and the preflight response. Knows no route and no key.

Source: the Fetch standard. Cookies count on this server's own pages alone, so credentials are never allowed.
"""

import re
from collections.abc import Sequence
from typing import Final

from starlette.responses import Response

from understudy.api import rate_limit_headers
from understudy.errors import SettingsError

Headers = list[tuple[bytes, bytes]]

_ORIGIN_PATTERN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/\s?#]+")
_ALLOWED_METHODS: Final = b"GET, POST, DELETE, PATCH, PUT, OPTIONS"
_PREFLIGHT_SECONDS: Final = b"600"
# A `*` in this list would be the name of a header, and not a pattern, to requests with credentials.
_EXPOSED_HEADERS: Final = (
    "x-request-id",
    "request-id",
    "x-client-request-id",
    "x-inference-id",
    "openai-processing-ms",
    "openai-version",
    "openai-organization",
    "openai-project",
    "openai-poll-after-ms",
    "x-understudy-stand-in",
    "x-understudy-dropped-tools",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
    *rate_limit_headers.NAMES,
    "x-aimlapi-credits-used",
    "x-aimlapi-usd-spent",
    "content-disposition",
    "content-range",
    "etag",
    "www-authenticate",
)
"""Response headers that a page may read, besides the CORS-safelisted headers."""


class CorsPolicy:
    def __init__(self, origins: Sequence[str]) -> None:
        """Raises SettingsError for an invalid origin."""
        for origin in origins:
            if origin != "*" and not _ORIGIN_PATTERN.fullmatch(origin.rstrip("/")):
                raise SettingsError(
                    f"`cors.origins` has {origin!r}; an origin is '*' or a scheme and a host, like 'https://app.example'."
                )
        self._any = "*" in origins
        self._origins = frozenset(origin.rstrip("/").lower().encode() for origin in origins)
        self._exposed = (b"access-control-expose-headers", ", ".join(_EXPOSED_HEADERS).encode())
        self.is_empty = not origins

    def headers(self, origin: bytes | None) -> Headers:
        """The response headers for a request with this `Origin`; None: a request without it."""
        allowed = self._allowed_origin(origin)
        if allowed is None:
            return [] if self._any or self.is_empty else [(b"vary", b"Origin")]
        vary = [] if self._any else [(b"vary", b"Origin")]
        return [(b"access-control-allow-origin", allowed), self._exposed, *vary]

    def preflight(self, method: str, headers: Headers) -> Response | None:
        """The response to a preflight, which carries no key; None for any other request.

        An origin that is not allowed gets a response without permissions, which the browser rejects.
        """
        if method != "OPTIONS" or self.is_empty:
            return None
        fields = dict(headers)
        if b"origin" not in fields or b"access-control-request-method" not in fields:
            return None
        response = Response(status_code=204)
        response.raw_headers.append((b"vary", b"Origin, Access-Control-Request-Headers"))
        allowed = self._allowed_origin(fields[b"origin"])
        if allowed is not None:
            response.raw_headers += self._preflight_headers(allowed, fields)
        return response

    def _allowed_origin(self, origin: bytes | None) -> bytes | None:
        if origin is None:
            return None
        if self._any:
            return b"*"
        return origin if origin.lower() in self._origins else None

    def _preflight_headers(self, allowed: bytes, fields: dict[bytes, bytes]) -> Headers:
        """Echoes the requested header names: clients add headers with each version."""
        permissions = [
            (b"access-control-allow-origin", allowed),
            (b"access-control-allow-methods", _ALLOWED_METHODS),
            (b"access-control-max-age", _PREFLIGHT_SECONDS),
        ]
        if names := fields.get(b"access-control-request-headers"):
            permissions.append((b"access-control-allow-headers", names))
        if allowed != b"*" and fields.get(b"access-control-request-private-network") == b"true":
            permissions.append((b"access-control-allow-private-network", b"true"))
        return permissions
