"""Turns the error bodies of providers into UpstreamError. Knows no connection and no retry.

Shapes differ: `{"error": {...}}`, `{"error": "text"}`, `{"message": ...}`, `{"detail": ...}`, the same inside a list,
or a page of HTML. The kind follows from the code in the error, else from the status.
"""

import logging
import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from understudy.clock import Clock
from understudy.errors import UpstreamError, UpstreamFault
from understudy.llm import payload
from understudy.redaction import KEY, redact
from understudy.settings import ProviderSettings

MAX_MESSAGE_LENGTH = 2000

# A shorter key is a placeholder for a local server ("none", "ollama"), and may be a word of its messages.
_MIN_SECRET_LENGTH = 8
_MAX_CODE_LENGTH = 200
_MAX_RETRY_AFTER = 86_400.0

_KINDS_BY_CODE: dict[str, UpstreamFault] = {
    # the chat completions dialect
    "invalid_api_key": "authentication",
    "insufficient_quota": "quota",
    "billing_hard_limit_reached": "quota",
    "billing_not_active": "quota",
    "rate_limit_exceeded": "rate_limited",
    "model_not_found": "model_not_found",
    "server_error": "server_error",
    "DeploymentNotFound": "model_not_found",
    # the Messages dialect
    "authentication_error": "authentication",
    "permission_error": "authentication",
    "billing_error": "quota",
    "not_found_error": "model_not_found",
    "rate_limit_error": "rate_limited",
    "timeout_error": "timeout",
    "overloaded_error": "server_error",
    "api_error": "server_error",
}

_KINDS_BY_STATUS: dict[int, UpstreamFault] = {
    401: "authentication",
    402: "quota",
    403: "authentication",
    408: "timeout",
    429: "rate_limited",
    504: "timeout",
    524: "timeout",
}


logger = logging.getLogger(__name__)


_REFUSALS: Final = frozenset({"invalid_request", "model_not_found"})
"""The client is at fault, and the message may quote its request."""


class ProviderSecrets(NamedTuple):
    """The key and the host of a provider, which no error text may contain."""

    key: str | None
    host: str | None


def from_response(
    status: int, headers: Mapping[str, str], body: bytes, *, secret: ProviderSecrets | None, clock: Clock
) -> UpstreamError:
    """The error of an HTTP response with an error status, or with an error as its body."""
    error = from_payload(_parse_body(body), secret=secret, status=status)
    error.retry_after = _parse_retry_after(headers, clock)
    return error


def from_payload(value: Any, *, secret: ProviderSecrets | None, status: int | None = None) -> UpstreamError:
    """The error of a parsed error body, or of an error object in a stream."""
    details = _innermost_error(value)
    message = _error_message(details, value) or _default_message(status)
    code, param = (
        _optional_text(details.get("code")) or _optional_text(details.get("type")),
        _optional_text(details.get("param")),
    )
    key, host = secret or (None, None)
    whole = _truncate_message(scrub(message, key))
    public = redact(whole, host=host)
    kind = _classify(status, code, _optional_text(details.get("type")), message)
    if public != whole and kind not in _REFUSALS:
        logger.warning("provider error, redacted for clients: %s", whole)
    return UpstreamError(
        kind,
        public,
        status=status,
        code=redact(scrub(code, key)) if code else None,
        param=redact(scrub(param, key)) if param else None,
    )


def log_fault(provider: str, model: str, error: UpstreamError) -> None:
    """Logs a failed attempt at a provider once; the writer of the log limits repeats."""
    if error.is_logged:
        return
    error.is_logged = True
    is_refusal = error.kind in _REFUSALS
    text = {"error": error.message}
    extra = {
        "event": "upstream.fault",
        "repeat": (provider, model, error.kind),
        "fields": {"provider": provider, "model": model, "code": error.kind, **({} if is_refusal else text)},
        "content": text,
    }
    level = logging.INFO if is_refusal else logging.WARNING
    logger.log(level, "provider %s failed: %s", provider, error.kind, extra=extra)


def secrets_of(settings: ProviderSettings) -> ProviderSecrets:
    return ProviderSecrets(settings.api_key, urlsplit(settings.base_url or "").hostname)


def scrub(text: str, key: str | None) -> str:
    """`text` without the key, which some providers echo."""
    if key is None or len(key) < _MIN_SECRET_LENGTH:
        return text
    return text.replace(key, KEY)


def is_error_body(value: Any) -> bool:
    """Whether a parsed body with a 2xx status is an error."""
    return isinstance(value, dict) and bool(value.get("error")) and not value.get("choices")


def _parse_body(body: bytes) -> Any:
    try:
        return payload.decode(body)
    except UpstreamError:
        return payload.clean(body.decode("utf-8", "replace"))


def _innermost_error(value: Any) -> dict[str, Any]:
    """The innermost object that describes the error."""
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return {}
    inner = value.get("error")
    return inner if isinstance(inner, dict) else value


def _error_message(details: dict[str, Any], body: Any) -> str:
    for key in ("message", "error", "detail", "msg"):
        if value := details.get(key):
            return value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if isinstance(body, str) and "<" not in body[:200]:
        return body.strip()
    return ""


def _default_message(status: int | None) -> str:
    if status is None:
        return "The upstream reported an error without a message."
    return f"The upstream returned HTTP status {status} without a readable message."


def _truncate_message(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE_LENGTH else message[: MAX_MESSAGE_LENGTH - 1] + "…"


def _optional_text(value: Any) -> str | None:
    is_text = isinstance(value, str | int) and not isinstance(value, bool) and value != ""
    return str(value)[:_MAX_CODE_LENGTH] if is_text else None


def _classify(status: int | None, code: str | None, type_: str | None, message: str) -> UpstreamFault:
    if "credit balance is too low" in message:  # sent as a plain 400 invalid_request_error
        return "quota"
    for name in (code, type_):
        if name is not None and name in _KINDS_BY_CODE:
            return _KINDS_BY_CODE[name]
    if status is None or status < 300:  # in a stream or a 200, some providers use the status as the code
        status = int(code) if code is not None and len(code) == 3 and code.isdecimal() else None
    return _classify_status(status, message, type_)


def _classify_status(status: int | None, message: str, type_: str | None) -> UpstreamFault:
    if status is None:
        return "invalid_request" if type_ == "invalid_request_error" else "server_error"
    if status in _KINDS_BY_STATUS:
        return _KINDS_BY_STATUS[status]
    if status == 404:
        # A 404 without the word `model` comes from a wrong base URL.
        return "model_not_found" if "model" in message.lower() else "malformed"
    if 400 <= status < 500:
        return "invalid_request"
    return "server_error" if status >= 500 else "malformed"


def _parse_retry_after(headers: Mapping[str, str], clock: Clock) -> float | None:
    """Seconds from now; None without a valid header."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            seconds = float(value) * unit
        except ValueError:
            seconds = _seconds_until(value, clock)
        if math.isfinite(seconds):
            return min(max(seconds, 0.0), _MAX_RETRY_AFTER)
    return None


def _seconds_until(date: str, clock: Clock) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - clock.now()
    except (ValueError, OverflowError, TypeError):
        return math.nan
