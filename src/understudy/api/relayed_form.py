"""A multipart form on its way to a provider: read from the client onto the disk, and written again for each attempt.

The fields and files are forwarded unchanged, in their order, with their names and content types. Only the field
`model` is written anew, because the provider may have another id for the model.
"""

import asyncio
import secrets
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from multipart import MultipartSegment
from starlette.requests import Request

from understudy.api.multipart import (
    MAX_FIELD_BYTES,
    check_form_length,
    field_name,
    filename_of,
    form_too_large,
    read_parts,
)
from understudy.blobs.spool import disk_error
from understudy.llm.encoded_body import EncodedBody
from understudy.wire import error_texts
from understudy.wire.parsing import InvalidBody

_MODEL: Final = "model"
_IN_MEMORY_BYTES: Final = 256 * 1024
_CHUNK_BYTES: Final = 256 * 1024


@dataclass(slots=True)
class RelayedForm:
    """`fields` are the texts of each field, `files` the numbers of files of each. `model` is set before it is sent."""

    boundary: str = field(default_factory=lambda: secrets.token_hex(16))
    model: str = ""
    fields: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    file_bytes: int = 0
    _spool: "IO[bytes] | None" = None
    _size: int = 0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def prompt(self) -> Mapping[str, object]:
        return self.fields

    def encode(self, model: str) -> EncodedBody:
        head = self._part_head(f'name="{_MODEL}"', None) + model.encode() + b"\r\n"
        tail = f"--{self.boundary}--\r\n".encode()
        size = len(head) + self._size + len(tail)
        return EncodedBody(f"multipart/form-data; boundary={self.boundary}", size, self._read(head, tail))

    async def _read(self, head: bytes, tail: bytes) -> AsyncGenerator[bytes, None]:
        yield head
        offset = 0
        while chunk := await self._read_chunk(offset):
            offset += len(chunk)
            yield chunk
        yield tail

    async def _read_chunk(self, offset: int) -> bytes:
        spool = self._spool
        assert spool is not None

        def read() -> bytes:
            spool.seek(offset)
            return spool.read(_CHUNK_BYTES)

        async with self._lock:
            return await asyncio.to_thread(read)

    async def write(self, data: bytes) -> None:
        """Appends to the copy of the form. Raises StoreError."""
        spool = self._spool
        assert spool is not None
        self._size += len(data)
        try:
            if self._size <= _IN_MEMORY_BYTES:
                spool.write(data)
            else:
                await asyncio.to_thread(spool.write, data)
        except OSError as error:
            raise disk_error(error) from None

    def _part_head(self, disposition: str, content_type: str | None) -> bytes:
        kind = f"\r\nContent-Type: {content_type}" if content_type else ""
        head = f"--{self.boundary}\r\nContent-Disposition: form-data; {disposition}{kind}\r\n\r\n"
        return head.encode("utf-8", "surrogatepass")

    def file_head(self, name: str, filename: str, content_type: str | None) -> bytes:
        """The head of a part with a file."""
        return self._part_head(
            f'name="{_quote(name)}"; filename="{_quote(filename)}"', content_type or "application/octet-stream"
        )

    def field_head(self, name: str) -> bytes:
        """The head of a part with a text."""
        return self._part_head(f'name="{_quote(name)}"', None)


@asynccontextmanager
async def open_form(request: Request, directory: Path, most: int, silence: float) -> AsyncIterator[RelayedForm]:
    """The form of the request, whose files have at most `most` bytes together.

    Its copy is in a file of `directory` that has no name, so that a crash leaves nothing behind. Raises the errors of
    `multipart.read_parts`, BodyTooLarge, InvalidBody and StoreError.
    """
    check_form_length(request, most)
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES, dir=str(directory)) as spool:
        form = RelayedForm(_spool=spool)
        reader = _FormReader(form, most)
        async for event in read_parts(request, silence, "file"):
            await reader.take(event)
        yield form


class _FormReader:
    """Copies one part after another."""

    def __init__(self, form: RelayedForm, most: int) -> None:
        self._form = form
        self._most = most
        self._name = ""
        self._text: bytearray | None = None

    async def take(self, event: MultipartSegment | bytes | None) -> None:
        if isinstance(event, MultipartSegment):
            await self._begin_part(event)
        elif event is None:
            await self._end_part()
        elif self._text is None:
            self._form.file_bytes += len(event)
            if self._form.file_bytes > self._most:
                raise form_too_large(self._most)
            await self._form.write(event)
        else:
            self._text += event
            if len(self._text) > MAX_FIELD_BYTES:
                raise InvalidBody(error_texts.too_long(self._name, "string", MAX_FIELD_BYTES, len(self._text)))

    async def _begin_part(self, segment: MultipartSegment) -> None:
        disposition, content_type = segment.header("Content-Disposition", ""), segment.header("Content-Type")
        self._name = field_name(disposition)
        _check_name(self._name, is_file="filename" in disposition.lower())
        # Some clients send a content type with a text.
        if "filename" not in disposition.lower():
            self._text = bytearray()
            return
        self._text = None
        base = self._name.partition("[")[0]
        self._form.files[base] = self._form.files.get(base, 0) + 1
        filename = filename_of(disposition, content_type) or "file"
        await self._form.write(self._form.file_head(self._name, filename, _clean(content_type)))

    async def _end_part(self) -> None:
        if self._text is not None:
            text = self._text.decode("utf-8", "replace")
            if self._name == _MODEL and _MODEL in self._form.fields:
                raise InvalidBody(error_texts.duplicate(_MODEL))
            self._form.fields.setdefault(self._name.partition("[")[0], []).append(text)
            if self._name == _MODEL:
                return
            await self._form.write(self._form.field_head(self._name) + bytes(self._text))
        await self._form.write(b"\r\n")


def _check_name(name: str, *, is_file: bool) -> None:
    """Raises InvalidBody for a name that a provider could read as another one.

    Some read a backslash before the quote as part of the name, and some end a header at any line separator. The model
    has to be the one whose permission and price apply.
    """
    if not name.isprintable() or "\\" in name or '"' in name:
        raise InvalidBody(error_texts.invalid_field_name(name))
    if name.partition("[")[0] == _MODEL and (is_file or name != _MODEL):
        raise InvalidBody(error_texts.not_one_text(_MODEL))


def _clean(content_type: str | None) -> str | None:
    """None for a header that could end its line."""
    return content_type if content_type and content_type.isprintable() else None


def _quote(name: str) -> str:
    """As browsers write names (WHATWG HTML, multipart/form-data)."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def check_field(form: RelayedForm, name: str) -> None:
    """Raises InvalidBody for a form without this field or file, or with an empty text."""
    if not form.files.get(name) and not any(form.fields.get(name, ())):
        raise InvalidBody(error_texts.missing(name))
