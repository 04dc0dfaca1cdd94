"""The errors for a file without readable text. Knows no format."""

from collections.abc import Sequence
from typing import Literal


class UnreadableError(Exception):
    """`code` is that of a vector store file's `last_error`, and the text its message.

    `server_error` if the file is not the cause.
    """

    def __init__(self, code: Literal["unsupported_file", "invalid_file", "server_error"], message: str) -> None:
        super().__init__(message)
        self.code = code


class ScannedPagesError(UnreadableError):
    """The `pages`, from 1, are images, whose text is to be recognized first."""

    def __init__(self, pages: Sequence[int]) -> None:
        super().__init__("invalid_file", "The file has images instead of text.")
        self.pages = list(pages)
