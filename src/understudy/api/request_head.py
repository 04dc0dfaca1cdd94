"""The head of a request: refuses ambiguous requests, which a proxy could parse differently. Knows no route.

Source: RFC 9110 and RFC 9112. The connection refuses unparsable requests before this check.
"""

import base64
import binascii
import re
from functools import lru_cache
from typing import Final

from starlette.types import Scope

from understudy.errors import ApiError, InvalidRequest, Unauthenticated, UnsupportedMediaType

Headers = list[tuple[bytes, bytes]]
Fields = dict[bytes, bytes]
"""Headers by lower-case name; the first value of a repeated header."""

_KEY_HEADERS: Final = (b"authorization", b"api-key", b"x-api-key")
_SINGLE_HEADERS: Final = {
    *_KEY_HEADERS,
    b"host",
    b"content-length",
    b"content-type",
    b"content-encoding",
    b"transfer-encoding",
}
_HOST_PATTERN: Final = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%\[\]:-]+")
_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROL_ESCAPE: Final = re.compile(rb"%(?:[01][0-9A-Fa-f]|7[Ff])")
# Line ends and tabs are allowed in a query, not in a path.
_NUL_ESCAPE: Final = re.compile(rb"%00")


def fields_of(scope: Scope) -> Fields:
    return dict(reversed(scope["headers"]))


def check_request_head(scope: Scope, fields: Fields) -> None:
    """`fields` are those of the scope. Raises InvalidRequest and UnsupportedMediaType."""
    if len(fields) != len(scope["headers"]):
        _check_repeated(scope["headers"])
    _check_host(scope, fields.get(b"host"))
    if b"transfer-encoding" in fields or b"content-encoding" in fields:
        _check_body_headers(fields)
    raw_path, query = scope.get("raw_path") or b"", scope.get("query_string") or b""
    if b"%" in raw_path or b"%" in query:
        _check_target(raw_path, query)


def _check_host(scope: Scope, host: bytes | None) -> None:
    if host is None and scope.get("http_version") != "1.0":
        raise InvalidRequest("The header 'host' is missing. HTTP/1.1 requires it.")
    if host is not None and not _is_host(host):
        raise InvalidRequest("The header 'host' is malformed. Expected a host name with an optional port.")


@lru_cache(maxsize=256)
def _is_host(host: bytes) -> bool:
    return _HOST_PATTERN.fullmatch(host) is not None


def find_key(fields: Fields) -> str | None:
    """The API key: the bearer token, the basic auth password, or the value of another dialect's key header.

    Raises Unauthenticated if two headers have different keys.
    """
    if b"api-key" not in fields and b"x-api-key" not in fields:
        authorization = fields.get(b"authorization")
        return None if authorization is None else _parse_key(b"authorization", authorization)
    keys = {key for name in _KEY_HEADERS if name in fields and (key := _parse_key(name, fields[name])) is not None}
    if len(keys) > 1:
        raise Unauthenticated(
            "The headers 'authorization', 'api-key' and 'x-api-key' of this request have different keys. Send one key.",
            code="invalid_api_key",
        )
    return keys.pop() if keys else None


def _parse_key(name: bytes, value: bytes) -> str | None:
    text = value.decode("latin-1")
    if name != b"authorization":
        return text.strip() or None
    scheme, _, credentials = text.partition(" ")
    match scheme.lower():
        case "bearer":
            return credentials.strip() or None
        case "basic":
            return _basic_auth_password(credentials)
        case _:
            return None


def _basic_auth_password(credentials: str) -> str | None:
    try:
        decoded = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return decoded.partition(":")[2] or None


def _check_repeated(headers: Headers) -> None:
    names: set[bytes] = set()
    for name, _ in headers:
        if name in names and name in _SINGLE_HEADERS:
            raise InvalidRequest(f"The header {name.decode()!r} was sent more than once. Send it once.")
        names.add(name)


def _check_body_headers(fields: Fields) -> None:
    coding = fields.get(b"transfer-encoding")
    if coding is not None and (coding.strip().lower() != b"chunked" or b"content-length" in fields):
        raise InvalidRequest(
            "The length of the request is ambiguous. Send 'content-length', or 'transfer-encoding: chunked' alone."
        )
    encoding = fields.get(b"content-encoding", b"")
    if encoding and encoding.strip().lower() not in {b"", b"identity"}:
        raise _unsupported_encoding_error(encoding.strip().lower())


def _unsupported_encoding_error(encoding: bytes) -> ApiError:
    return UnsupportedMediaType(
        f"Unsupported content encoding: {encoding.decode('latin-1')[:40]!r}. Send the body uncompressed.",
        code="unsupported_content_encoding",
        headers={"accept-encoding": "identity"},
    )


def _check_target(raw_path: bytes, query: bytes) -> None:
    if _BAD_ESCAPE.search(raw_path) or _BAD_ESCAPE.search(query):
        raise InvalidRequest("The URL is malformed: a '%' must be followed by two hexadecimal digits.")
    if _CONTROL_ESCAPE.search(raw_path) or _NUL_ESCAPE.search(query):
        raise InvalidRequest("The URL is malformed: it has a control character.")
