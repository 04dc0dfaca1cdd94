"""Why no text came out of a file. Knows no format."""

from typing import Literal


class Unreadable(Exception):
    """`code` is that of a vector store file's `last_error`, and the text its message."""

    def __init__(self, code: Literal["unsupported_file", "invalid_file"], message: str) -> None:
        super().__init__(message)
        self.code = code
