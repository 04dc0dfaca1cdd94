"""What a child process is asked and answers. Knows no process and no format."""

import msgspec

LENGTH_PREFIX_BYTES = 4
"""Bytes before each message that say, in network order, how long it is."""


class Extract(msgspec.Struct, tag=True):
    """Writes the text of the file at `path`, whose name is `filename`, into `out`; at most `limit` bytes.

    `charset` is what a content type declares.
    """

    path: str
    filename: str
    out: str
    limit: int
    charset: str | None = None


class Render(msgspec.Struct, tag=True):
    """Draws the pages of the PDF at `path` that have no text.

    At most `most` of them and `size` bytes, none with more than `edge` pixels on a side.
    """

    path: str
    most: int
    edge: int
    size: int


class Split(msgspec.Struct, tag=True):
    """Begins to cut the text at `path`; `More` asks for the chunks."""

    path: str
    size: int
    overlap: int


class More(msgspec.Struct, tag=True):
    """The next `count` chunks of the split that was begun, fewer only at its end."""

    count: int


class Embed(msgspec.Struct, tag=True):
    """The built-in vectors of texts."""

    texts: list[str]


Request = Extract | Render | Split | More | Embed


class Extracted(msgspec.Struct, tag=True):
    """`warnings` has a sentence for each part of the file that could not be read."""

    characters: int
    warnings: list[str]


class Rendered(msgspec.Struct, tag=True):
    """PNGs by the numbers of their pages, from 1, and the numbers of those that were too many."""

    pages: list[tuple[int, bytes]]
    left_out: list[int]


class Refused(msgspec.Struct, tag=True):
    """`code` is that of a vector store file's `last_error`. `spent`: the child has no memory left for anything else."""

    code: str
    message: str
    spent: bool = False


class SplitStarted(msgspec.Struct, tag=True):
    pass


class Piece(msgspec.Struct, tag=True, array_like=True):
    position: int
    start: int
    end: int
    text: str


class Pieces(msgspec.Struct, tag=True):
    pieces: list[Piece]


class Rows(msgspec.Struct, tag=True):
    rows: list[bytes]


Reply = Extracted | Rendered | Refused | SplitStarted | Pieces | Rows
