"""Removes secrets from rendered log lines: those of the settings, and everything that looks like a key."""

import re
from collections.abc import Iterable
from typing import Final

import msgspec

MASK: Final = "…".encode()
_MIN_LENGTH: Final = 4
_SIGNS: Final = (b"sk-", b"earer ", b"asic ", b"api-key", b"api_key", b"pikey")
_TEXT_SIGNS: Final = tuple(sign.decode() for sign in _SIGNS)
"""A search for these is much faster than that of the patterns, which almost no line needs."""
_PATTERNS: Final = (
    re.compile(rb"\bsk-[\w-]{8,}"),
    re.compile(rb"(?i)(?<=bearer )[^\s\"',\\]{4,}"),
    re.compile(rb"(?i)(?<=basic )[\w+/=-]{8,}"),
    re.compile(rb"(?i)(?<=api[-_]key)[\\\"']{0,4}\s?[:=]\s?[\\\"']{0,4}[^\s\"',\\&]{4,}"),
    re.compile(rb"(?i)(?<=apikey)[\\\"']{0,4}\s?[:=]\s?[\\\"']{0,4}[^\s\"',\\&]{4,}"),
)


class Redactor:
    """`secrets` are texts of any shape; shorter ones than 4 characters stay, since they are parts of words."""

    def __init__(self, secrets: Iterable[str]) -> None:
        secrets = [secret for secret in secrets if len(secret) >= _MIN_LENGTH]
        forms = {form for secret in secrets for form in _forms(secret)}
        self._texts = (*secrets, *_TEXT_SIGNS)
        self._secrets = sorted(forms, key=len, reverse=True)

    def matches(self, text: str) -> bool:
        """Whether a line with this text has to be redacted."""
        # A loop takes half the time of `any`, and this is called for each request.
        for sign in self._texts:  # noqa: SIM110
            if sign in text:
                return True
        return False

    def redact(self, data: bytes) -> bytes:
        """`data` are one or more lines."""
        for secret in self._secrets:
            if secret in data:
                data = data.replace(secret, MASK)
        if any(sign in data for sign in _SIGNS):
            for pattern in _PATTERNS:
                data = pattern.sub(MASK, data)
        return data


def _forms(secret: str) -> tuple[bytes, ...]:
    """The secret as text, in an indented traceback, and within a JSON string."""
    return secret.encode(), secret.replace("\n", "\n  ").encode(), msgspec.json.encode(secret)[1:-1]
