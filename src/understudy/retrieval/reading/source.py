"""The document to read: its path, what its sender declared, and the parts that could not be read."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from understudy.retrieval.reading.unreadable import UnreadableError

READ_BYTES: Final = 1 << 20
_MAX_WARNINGS: Final = 20
_MAX_EMBEDDING_DEPTH: Final = 3
_MAX_EMBEDDED: Final = 200


@dataclass(slots=True)
class Source:
    """`charset` is the one that the content type declares; readers check it against the bytes.

    `read` reads an embedded document of any format; `depth` is the nesting depth of this document. A reader sets `page`
    to the number of the page whose text it yields next, 0 for text beside the pages. `recognized` has the texts of
    pages that are images; None: readers raise ScannedPagesError for those.
    """

    path: Path
    filename: str
    read: Callable[["Source"], Iterator[str]]
    charset: str | None = None
    warnings: list[str] = field(default_factory=list)
    depth: int = 0
    embeddings: int = 0
    page: int = 0
    recognized: Mapping[int, str] | None = field(default_factory=dict)

    def warn(self, warning: str) -> None:
        """Records a part that cannot be read, as one sentence for the file's owner."""
        if warning not in self.warnings and len(self.warnings) < _MAX_WARNINGS:
            self.warnings.append(warning)

    def chunks(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            while data := file.read(READ_BYTES):
                yield data

    def head(self, size: int) -> bytes:
        with self.path.open("rb") as file:
            return file.read(size)

    def read_as(self, kind: str) -> Iterator[str]:
        """The text of this document, whose format differs from that of its name."""
        self.filename = f"document.{kind}"
        return self.read(self)

    def embedded(self, name: str, data: bytes, charset: str | None = None) -> Iterator[str]:
        """The text of an embedded document. Its warnings become warnings of this document."""
        self.embeddings += 1
        if self.depth >= _MAX_EMBEDDING_DEPTH or self.embeddings > _MAX_EMBEDDED:
            self.warn("Documents within documents within this one were not read.")
            return
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            inner = Source(Path(file.name), name, self.read, charset, depth=self.depth + 1)
            try:
                yield from self.read(inner)
            except UnreadableError as error:
                inner.warn(str(error))
            for warning in inner.warnings:
                self.warn(f"{name}: {warning}")
