"""Requests to a child process and its replies. Knows no process and no format."""

import msgspec

from understudy.retrieval.outline import Layout

LENGTH_PREFIX_BYTES = 4
"""Bytes before each message with its length, in network order."""


class Extract(msgspec.Struct, tag=True):
    """Writes the text of the file at `path`, named `filename`, into `out`; at most `limit` bytes.

    `charset` is the one that the content type declares. `recognized` has the texts of pages that are images, by their
    numbers from 1; None asks for these numbers instead of a text, if there are any.
    """

    path: str
    filename: str
    out: str
    limit: int
    charset: str | None = None
    recognized: dict[int, str] | None = {}


class Recognize(msgspec.Struct, tag=True):
    """Requests the text in the image of a page, from 1, of the file at `path`, named `filename`."""

    path: str
    filename: str
    page: int


class Render(msgspec.Struct, tag=True):
    """Draws the pages without text of the PDF at `path`: at most `most` pages and `size` bytes, `edge` pixels wide."""

    path: str
    most: int
    edge: int
    size: int


class Split(msgspec.Struct, tag=True):
    """Starts to split the text at `path`, named `heading`; `More` requests the chunks.

    `layout` is an `outline.Layout`; `pages` are those of `Extracted`.
    """

    path: str
    size: int
    overlap: int
    heading: str
    layout: Layout = "markup"
    pages: list[tuple[int, int]] = []


class More(msgspec.Struct, tag=True):
    """Requests the next `count` chunks of the current split; fewer only at its end."""

    count: int


class Embed(msgspec.Struct, tag=True):
    """Requests the built-in vectors of texts."""

    texts: list[str]


class EmbedMeanings(msgspec.Struct, tag=True):
    """Requests the vectors of texts by the model of the extra `embed`."""

    texts: list[str]
    query: bool = False


Request = Extract | Recognize | Render | Split | More | Embed | EmbedMeanings


class Extracted(msgspec.Struct, tag=True):
    """`warnings` has a sentence for each part of the file that could not be read.

    `pages` are code points of the text with the number of the page that starts there, 0 for text beside the pages.
    """

    characters: int
    warnings: list[str]
    pages: list[tuple[int, int]] = []


class Scanned(msgspec.Struct, tag=True):
    """The numbers of pages that are images, from 1. Nothing was written."""

    pages: list[int]


class Recognized(msgspec.Struct, tag=True):
    """The text of an image; empty if the image has no text."""

    text: str


class Rendered(msgspec.Struct, tag=True):
    """PNGs by page number, from 1, and the numbers of the pages beyond the limits."""

    pages: list[tuple[int, bytes]]
    left_out: list[int]


class Refused(msgspec.Struct, tag=True):
    """`code` is that of a vector store file's `last_error`. `spent`: no memory is left for another request."""

    code: str
    message: str
    spent: bool = False


class SplitStarted(msgspec.Struct, tag=True):
    """`language` is that of the text, as `text.language` names it."""

    language: str


class Piece(msgspec.Struct, tag=True, array_like=True):
    """A chunk. `headings` are those above its start, a line each; `page` is None if unknown."""

    position: int
    start: int
    end: int
    text: str
    page: int | None
    headings: str
    header: str
    terms: str
    length: int

    @property
    def table_text(self) -> str:
        """The text, below the header of its table if it starts in one."""
        return f"{self.header}\n{self.text}" if self.header else self.text


class Pieces(msgspec.Struct, tag=True):
    pieces: list[Piece]


class Rows(msgspec.Struct, tag=True):
    rows: list[bytes]


Reply = Extracted | Scanned | Recognized | Rendered | Refused | SplitStarted | Pieces | Rows
