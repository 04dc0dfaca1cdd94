"""Reads documents that are ZIP archives of XML, within limits. An unreadable part becomes a warning."""

import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import IO, Any, Final
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from understudy.retrieval.reading.detection import ENCRYPTED_STREAM, OLE_MAGIC, list_streams
from understudy.retrieval.reading.markup import iter_descendants, local_attribute, local_name, parse_xml
from understudy.retrieval.reading.source import Source
from understudy.retrieval.reading.unreadable import UnreadableError
from understudy.retrieval.reading.zip_repair import repair_archive

_MAX_UNPACKED_BYTES: Final = 1 << 30
"""Bytes that an archive may unpack to."""

_MAX_COMPRESSION_RATIO: Final = 200
"""Largest ratio of unpacked to packed size of a large member."""

_READ_BYTES: Final = 1 << 16
_RATIO_CHECKED_BYTES: Final = 50 << 20
_MAX_MEMBERS: Final = 100_000
_ENCRYPTED_FLAG: Final = 1
_TEXT_RELATIONS: Final = frozenset(
    {
        *("header", "footer", "footnotes", "endnotes", "comments", "afchunk", "chart", "diagramdata", "drawing"),
        *("sharedstrings", "worksheet", "slide", "notesslide"),
    }
)
"""Kinds of parts with text; pictures, fonts and themes are often missing, and contain none."""

_READ_ERRORS: Final = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)
"""What `zipfile` raises for a damaged member, an unknown compression or an encrypted member."""


@dataclass(frozen=True, slots=True)
class Relation:
    """`target` is a name in the archive; `kind` is the last word of the relation's type, in lower case."""

    kind: str
    target: str


class Package:
    """The archive's parts. Lookups ignore case, as references often differ from the names in the archive."""

    def __init__(self, source: Source, noun: str) -> None:
        """Raises Unreadable for a file that is not an archive, is encrypted, or unpacks to more than the limit."""
        self._source = source
        self._noun = noun
        if source.head(4) == OLE_MAGIC:
            raise self._ole_error()
        self._archive = self._open_archive()
        members = self._archive.infolist()
        _check_archive_limits(members)
        self.names = [one.filename for one in members]
        self._spelled = {_lookup_key(name): name for name in self.names}

    def _open_archive(self) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(self._source.path)
        except _READ_ERRORS:
            pass
        try:
            archive = repair_archive(self._source.path)
        except _READ_ERRORS:
            raise self._wrong_format_error() from None
        self._source.warn(f"The {self._noun} is cut off; {len(archive.namelist())} parts are left of it.")
        return archive

    def _ole_error(self) -> UnreadableError:
        if ENCRYPTED_STREAM in list_streams(self._source.path):
            return self._password_error()
        return UnreadableError(
            "invalid_file",
            f"The file is not a current {self._noun}: it has a password, or a format from before 2007.",
        )

    def _password_error(self) -> UnreadableError:
        return UnreadableError("invalid_file", f"The {self._noun} is protected by a password. Remove it and try again.")

    def _wrong_format_error(self) -> UnreadableError:
        article = "an" if self._noun[0] in "AEIOU" else "a"
        return UnreadableError(
            "invalid_file", f"The file is not {article} {self._noun}, despite its name, or it is damaged."
        )

    def require(self, *names: str) -> str:
        """The first part that exists. Raises Unreadable if none does."""
        for name in names:
            if (part := self.find(name)) is not None:
                return part
        raise self._wrong_format_error()

    def find(self, name: str) -> str | None:
        return self._spelled.get(_lookup_key(name))

    def read(self, name: str) -> bytes:
        """The bytes of a part; empty, with a warning, if it is missing or damaged."""
        member = self.find(name)
        if member is None:
            self._source.warn(f"The part {name!r} is missing.")
            return b""
        try:
            return self._archive.read(member)
        except _READ_ERRORS as error:
            self._fail_if_encrypted(member)
            whole = self._read_available(member)
            self._source.warn(f"The part {name!r} is damaged and was read in part only ({error}).")
            return whole

    def tree(self, name: str) -> ET.Element:
        """The parsed part; an empty element, with a warning, if it cannot be read."""
        data = self.read(name)
        root, whole = parse_xml(data)
        if not data and self.find(name) is not None:
            self._source.warn(f"The part {name!r} is empty.")
        elif data and not whole:
            self._source.warn(f"The part {name!r} is damaged; it was read as far as it makes sense.")
        return root

    def stream(self, name: str, local: str) -> Iterator[ET.Element]:
        """Iterates over the elements of a part with the local name `local`, without loading the whole part."""
        seen = 0
        try:
            with self._archive.open(self._spelled[_lookup_key(name)]) as part:
                for element in _pull_elements(part, local):
                    seen += 1
                    yield element
        except (*_READ_ERRORS, ET.ParseError, LookupError):
            self._fail_if_encrypted(self._spelled[_lookup_key(name)])
            elements = iter_descendants(self.tree(name), local)
            yield from islice(elements, seen, None)

    def relations(self, name: str) -> dict[str, Relation]:
        """The relations of a part by id, without those whose target is missing."""
        folder, file = posixpath.split(name)
        rels = self.find(posixpath.join(folder, "_rels", f"{file}.rels"))
        if rels is None:
            return {}
        relations = {}
        for entry in self.tree(rels):
            if local_attribute(entry, "targetmode") == "External":
                continue
            kind = (local_attribute(entry, "type") or "").rpartition("/")[2].lower()
            reference = local_attribute(entry, "target") or ""
            target = self.resolve(name, reference)
            if target is not None:
                relations[local_attribute(entry, "id") or ""] = Relation(kind, target)
            elif kind in _TEXT_RELATIONS:
                self._source.warn(f"The part {reference!r} is missing.")
        return relations

    def resolve(self, name: str, reference: str) -> str | None:
        """The name of the part that `reference` in the part `name` refers to."""
        path = unquote(reference.partition("#")[0])
        return self.find(posixpath.normpath(posixpath.join("/" + posixpath.dirname(name), path)))

    def main_part(self, usual: str, root: str) -> str:
        """The main part of the document: the usual one, or the one that the archive's relations name.

        `root` is the local name of its root element. Raises Unreadable.
        """
        named = [one.target for one in self.relations("").values() if one.kind == "officedocument"]
        return self.require(usual, *(name for name in named if local_name(self.tree(name)) == root))

    def _fail_if_encrypted(self, name: str) -> None:
        if self._archive.getinfo(name).flag_bits & _ENCRYPTED_FLAG:
            raise self._password_error()

    def _read_available(self, name: str) -> bytes:
        pieces = []
        try:
            with self._archive.open(name) as member:
                while piece := member.read(1 << 12):
                    pieces.append(piece)
        except _READ_ERRORS:
            pass
        return b"".join(pieces)


def _pull_elements(part: IO[bytes], local: str) -> Iterator[ET.Element]:
    """Yields the elements one by one and empties their parent, which would retain all of them."""
    path: list[ET.Element] = []
    parser: ET.XMLPullParser[Any] = ET.XMLPullParser(("start", "end"))
    while data := part.read(_READ_BYTES):
        parser.feed(data)
        events: Iterator[Any] = parser.read_events()
        for event, element in events:
            if event == "start":
                path.append(element)
                continue
            path.pop()
            if local_name(element) == local:
                yield element
                if path:
                    path[-1].clear()
    parser.close()


def _lookup_key(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()


def _check_archive_limits(members: list[zipfile.ZipInfo]) -> None:
    bomb = any(
        one.file_size > _RATIO_CHECKED_BYTES and one.file_size > _MAX_COMPRESSION_RATIO * one.compress_size
        for one in members
    )
    if bomb or len(members) > _MAX_MEMBERS or sum(one.file_size for one in members) > _MAX_UNPACKED_BYTES:
        raise UnreadableError("invalid_file", "The file was not read: its unpacked size exceeds the limit.")
