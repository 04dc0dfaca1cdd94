"""What a child process is asked and answers. Knows no process and no format."""

import msgspec

LENGTH = 4
"""Bytes before each message that say, in network order, how long it is."""


class Extract(msgspec.Struct, tag=True):
    """Writes the text of the file at `path`, whose name is `filename`, into `out`; at most `limit` bytes."""

    path: str
    filename: str
    out: str
    limit: int


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


Request = Extract | Split | More | Embed


class Extracted(msgspec.Struct, tag=True):
    characters: int


class Refused(msgspec.Struct, tag=True):
    """`code` is that of a vector store file's `last_error`. `spent`: the child has no memory left for anything else."""

    code: str
    message: str
    spent: bool = False


class Begun(msgspec.Struct, tag=True):
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


Reply = Extracted | Refused | Begun | Pieces | Rows
