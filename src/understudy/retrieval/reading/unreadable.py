"""Why no text came out of a file. Knows no format."""

from typing import Literal


class UnreadableError(Exception):
    """`code` is that of a vector store file's `last_error`, and the text its message.

    `server_error` where the file is not to blame.
    """

    def __init__(self, code: Literal["unsupported_file", "invalid_file", "server_error"], message: str) -> None:
        super().__init__(message)
        self.code = code
