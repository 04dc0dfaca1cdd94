"""A multipart form on its way to a provider: its copy on the disk, and its body for each attempt. Knows no HTTP.

The fields and files are forwarded unchanged, in their order, with their names and content types. Only the field
`model` is written anew, because the provider may have another id for the model.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, Final

from understudy.blobs.spool import disk_error
from understudy.llm import form_parts
from understudy.llm.encoded_body import EncodedBody

MODEL: Final = "model"
"""The field with the model."""
IN_MEMORY_BYTES: Final = 256 * 1024
# The rate of a recording, as MP3 has at 128 kbit/s.
_BYTES_PER_SECOND: Final = 16_000
# No recording has more; a header may have any number.
_MAX_BYTES_PER_SECOND: Final = 8_000_000
RECORDING_HEAD_BYTES: Final = 32
"""The first bytes of a file that `begin_recording` needs."""
_CHUNK_BYTES: Final = 256 * 1024


@dataclass(slots=True)
class RelayedForm:
    """`spool` has all parts but the model, `size` bytes of them. `fields` are the texts of each field, `files` the
    numbers of files of each. `model` is set before it is sent. `count` gets the bytes before they are written, and
    raises what refuses them."""

    spool: IO[bytes]
    size: int = 0
    boundary: str = field(default_factory=lambda: secrets.token_hex(16))
    model: str = ""
    fields: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    file_bytes: int = 0
    bytes_per_second: int = _BYTES_PER_SECOND
    count: Callable[[int], None] = lambda _: None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def seconds(self) -> int:
        """The length of the recording by its bytes, rounded up."""
        return -(-self.file_bytes // self.bytes_per_second)

    @property
    def prompt(self) -> Mapping[str, object]:
        return self.fields

    def encode(self, model: str) -> EncodedBody:
        head = form_parts.field_head(self.boundary, MODEL) + model.encode() + b"\r\n"
        tail = form_parts.form_tail(self.boundary)
        size = len(head) + self.size + len(tail)
        return EncodedBody(form_parts.form_type(self.boundary), size, self._read_form(head, tail))

    async def read_parts(self) -> AsyncGenerator[bytes, None]:
        """All parts but the model, as they are sent."""
        offset = 0
        while chunk := await self._read_chunk(offset):
            offset += len(chunk)
            yield chunk

    async def _read_form(self, head: bytes, tail: bytes) -> AsyncGenerator[bytes, None]:
        yield head
        async for chunk in self.read_parts():
            yield chunk
        yield tail

    async def _read_chunk(self, offset: int) -> bytes:
        spool = self.spool

        def read() -> bytes:
            spool.seek(offset)
            return spool.read(_CHUNK_BYTES)

        async with self._lock:
            return await asyncio.to_thread(read)

    async def write(self, data: bytes) -> None:
        """Appends to the copy of the form. Raises StoreError, and what `count` does."""
        spool = self.spool
        self.count(len(data))
        self.size += len(data)
        try:
            if self.size <= IN_MEMORY_BYTES:
                spool.write(data)
            else:
                await asyncio.to_thread(spool.write, data)
        except OSError as error:
            raise disk_error(error) from None

    async def begin_file(self, name: str, filename: str, content_type: str | None) -> None:
        """Begins a part with a file, whose bytes are written next."""
        self.files[name.partition("[")[0]] = self.files.get(name.partition("[")[0], 0) + 1
        await self.write(form_parts.file_head(self.boundary, name, filename, content_type))

    def begin_recording(self, head: bytes) -> None:
        """Reads the bytes per second from the first bytes of a file: a WAV file has them in its header."""
        if head[:4] == b"RIFF" and head[8:16] == b"WAVEfmt " and (rate := int.from_bytes(head[28:32], "little")):
            self.bytes_per_second = min(rate, _MAX_BYTES_PER_SECOND)

    async def end_part(self) -> None:
        await self.write(b"\r\n")

    async def add_field(self, name: str, text: str) -> None:
        """Adds a part with a text; the model is only noted."""
        self.fields.setdefault(name.partition("[")[0], []).append(text)
        if name != MODEL:
            head = form_parts.field_head(self.boundary, name)
            await self.write(head + text.encode("utf-8", "surrogatepass") + b"\r\n")
