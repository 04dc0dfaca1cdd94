"""Documents that are ZIP archives of XML: their parts, within bounds. A part that cannot be read becomes a warning."""

import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import IO, Any, Final
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from understudy.retrieval.reading.markup import attribute, descendants, local, parse
from understudy.retrieval.reading.source import Source
from understudy.retrieval.reading.unreadable import Unreadable
from understudy.retrieval.reading.zip_repair import repaired

_LARGEST: Final = 1 << 30
"""Bytes that an archive may unpack to."""

_RATIO: Final = 200
"""How many times its size one file in an archive may unpack to, once it is large."""

_PIECE: Final = 1 << 16
_LARGE: Final = 50 << 20
_MOST_MEMBERS: Final = 100_000
_OLE: Final = b"\xd0\xcf\x11\xe0"
_ENCRYPTED: Final = 1
_TEXTS: Final = frozenset(
    {
        *("header", "footer", "footnotes", "endnotes", "comments", "afchunk", "chart", "diagramdata", "drawing"),
        *("sharedstrings", "worksheet", "slide", "notesslide"),
    }
)
"""Kinds of parts that have text; pictures, fonts and themes are often missing, and cost none."""

_FAULTS: Final = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)
"""What `zipfile` raises for a damaged member, for an unknown compression and for one with a password."""


@dataclass(frozen=True, slots=True)
class Relation:
    """`target` is a name in the archive; `kind` the last word of the relation's type, in small letters."""

    kind: str
    target: str


class Package:
    """Names of parts are those of the archive, however a reference spells them."""

    def __init__(self, source: Source, noun: str) -> None:
        """Raises Unreadable for what is no archive, has a password, or unpacks to too much."""
        self._source = source
        self._noun = noun
        if source.head(4) == _OLE:
            raise Unreadable(
                "invalid_file", f"The file is not a current {noun}: it has a password, or a format from before 2007."
            )
        self._archive = self._opened()
        members = self._archive.infolist()
        _check_bounds(members)
        self.names = [one.filename for one in members]
        self._spelled = {_key(name): name for name in self.names}

    def _opened(self) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(self._source.path)
        except _FAULTS:
            pass
        try:
            archive = repaired(self._source.path)
        except _FAULTS:
            raise self._not_this() from None
        self._source.warn(f"The {self._noun} has lost its end; {len(archive.namelist())} parts are left of it.")
        return archive

    def _not_this(self) -> Unreadable:
        return Unreadable("invalid_file", f"The file is not a {self._noun}, despite its name, or it is damaged.")

    def require(self, *names: str) -> str:
        """The first of the parts that exists. Raises Unreadable where none does."""
        for name in names:
            if (found := self.find(name)) is not None:
                return found
        raise self._not_this()

    def find(self, name: str) -> str | None:
        return self._spelled.get(_key(name))

    def read(self, name: str) -> bytes:
        """Empty, with a warning, for a part that is missing or damaged."""
        found = self.find(name)
        if found is None:
            self._source.warn(f"The part {name!r} is missing.")
            return b""
        try:
            return self._archive.read(found)
        except _FAULTS as error:
            self._fail_if_encrypted(found)
            whole = self._readable_start(found)
            self._source.warn(f"The part {name!r} is damaged and was read in part only ({error}).")
            return whole

    def tree(self, name: str) -> ET.Element:
        """An empty element, with a warning, for a part that cannot be read."""
        data = self.read(name)
        root, whole = parse(data)
        if not data and self.find(name) is not None:
            self._source.warn(f"The part {name!r} is empty.")
        elif data and not whole:
            self._source.warn(f"The part {name!r} is damaged; it was read as far as it makes sense.")
        return root

    def stream(self, name: str, wanted: str) -> Iterator[ET.Element]:
        """The elements of a part with the local name `wanted`, one after another, without the whole part in memory."""
        seen = 0
        try:
            with self._archive.open(self._spelled[_key(name)]) as part:
                for element in _pulled(part, wanted):
                    seen += 1
                    yield element
        except (*_FAULTS, ET.ParseError, LookupError):
            self._fail_if_encrypted(self._spelled[_key(name)])
            elements = descendants(self.tree(name), wanted)
            yield from islice(elements, seen, None)

    def relations(self, name: str) -> dict[str, Relation]:
        """By id, those of a part to parts that exist."""
        folder, file = posixpath.split(name)
        rels = self.find(posixpath.join(folder, "_rels", f"{file}.rels"))
        if rels is None:
            return {}
        found = {}
        for entry in self.tree(rels):
            if attribute(entry, "targetmode") == "External":
                continue
            kind = (attribute(entry, "type") or "").rpartition("/")[2].lower()
            reference = attribute(entry, "target") or ""
            target = self.resolve(name, reference)
            if target is not None:
                found[attribute(entry, "id") or ""] = Relation(kind, target)
            elif kind in _TEXTS:
                self._source.warn(f"The part {reference!r} is missing.")
        return found

    def resolve(self, name: str, reference: str) -> str | None:
        """The part that `reference`, as it stands in the part `name`, points to."""
        path = unquote(reference.partition("#")[0])
        return self.find(posixpath.normpath(posixpath.join("/" + posixpath.dirname(name), path)))

    def main_part(self, usual: str, root: str) -> str:
        """The part that holds the document, under its usual name or the one that the archive says.

        `root` is the local name of its root element. Raises Unreadable.
        """
        named = [one.target for one in self.relations("").values() if one.kind == "officedocument"]
        return self.require(usual, *(name for name in named if local(self.tree(name)) == root))

    def _fail_if_encrypted(self, name: str) -> None:
        if self._archive.getinfo(name).flag_bits & _ENCRYPTED:
            raise Unreadable("invalid_file", f"The {self._noun} is protected by a password. Remove it and try again.")

    def _readable_start(self, name: str) -> bytes:
        pieces = []
        try:
            with self._archive.open(name) as member:
                while piece := member.read(1 << 12):
                    pieces.append(piece)
        except _FAULTS:
            pass
        return b"".join(pieces)


def _pulled(part: IO[bytes], wanted: str) -> Iterator[ET.Element]:
    """Empties the parent as it goes, whose children would else be kept."""
    path: list[ET.Element] = []
    parser: ET.XMLPullParser[Any] = ET.XMLPullParser(("start", "end"))
    while data := part.read(_PIECE):
        parser.feed(data)
        events: Iterator[Any] = parser.read_events()
        for event, element in events:
            if event == "start":
                path.append(element)
                continue
            path.pop()
            if local(element) == wanted:
                yield element
                if path:
                    path[-1].clear()
    parser.close()


def _key(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()


def _check_bounds(members: list[zipfile.ZipInfo]) -> None:
    bomb = any(one.file_size > _LARGE and one.file_size > _RATIO * one.compress_size for one in members)
    if bomb or len(members) > _MOST_MEMBERS or sum(one.file_size for one in members) > _LARGEST:
        raise Unreadable("invalid_file", "The file was not read: its unpacked size exceeds the limit.")
