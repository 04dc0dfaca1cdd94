"""A program as the writers of programs hand it on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Script:
    """`simpler` does much the same with less, for where `code` does not run."""

    code: str
    simpler: str | None = None
