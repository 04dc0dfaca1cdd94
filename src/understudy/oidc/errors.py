"""Why a sign-in failed: a code for the page, and a text for the log."""

from typing import Literal

FailureCode = Literal["state_mismatch", "access_denied", "provider_error", "provider_unavailable", "invalid_token"]


class OidcError(Exception):
    """`str(error)` is a clause for the log, without secrets and tokens."""

    def __init__(self, code: FailureCode, text: str) -> None:
        super().__init__(text)
        self.code: FailureCode = code
