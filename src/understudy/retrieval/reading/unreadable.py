"""The error for a file without readable text. Knows no format."""

from typing import Literal


class UnreadableError(Exception):
    """`code` is that of a vector store file's `last_error`, and the text its message.

    `server_error` if the file is not the cause.
    """

    def __init__(self, code: Literal["unsupported_file", "invalid_file", "server_error"], message: str) -> None:
        super().__init__(message)
        self.code = code
