"""Reads a multipart form of a client onto the disk, on its way to a provider."""

import re
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from multipart import MultipartSegment
from starlette.requests import Request

from understudy.api.multipart import (
    FieldText,
    check_form_length,
    field_name,
    filename_of,
    form_too_large,
    is_file,
    read_parts,
)
from understudy.api.parts import parts_of, project_of
from understudy.llm.relayed_form import IN_MEMORY_BYTES, MODEL, RelayedForm
from understudy.wire import error_texts
from understudy.wire.parsing import InvalidBody

_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
NO_RENAMES: Final[Mapping[str, str]] = {}


@asynccontextmanager
async def create_form(request: Request) -> AsyncIterator[RelayedForm]:
    """An empty form, whose copy is in a file of the data directory that has no name, so that a crash leaves nothing
    behind. Its bytes count for the limit of the project's stored bytes."""
    parts, project_id = parts_of(request), project_of(request)
    limit = await parts.limiter.size_limit(project_id, "stored_bytes")
    with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES, dir=str(parts.settings.data)) as spool:
        if limit is None:
            yield RelayedForm(spool)
            return
        size = await parts.store.project_sizes.get(project_id)
        with parts.limiter.spools.open(project_id, limit, size.bytes) as counted:
            yield RelayedForm(spool, count=counted.count)


@asynccontextmanager
async def open_form(request: Request, renames: Mapping[str, str] = NO_RENAMES) -> AsyncIterator[RelayedForm]:
    """The form of the request, whose files have at most the bytes of a File together.

    `renames` has the provider's names of fields by the client's. Raises the errors of `multipart.read_parts`,
    BodyTooLarge, InvalidBody, StoreError, and InvalidRequest for more bytes than the project may store.
    """
    limits = parts_of(request).settings.limits
    check_form_length(request, limits.file_bytes)
    async with create_form(request) as form:
        reader = _FormReader(form, limits.file_bytes, renames)
        async for event in read_parts(request, limits.upload_silence, "file"):
            await reader.take(event)
        yield form


class _FormReader:
    """Copies one part after another."""

    def __init__(self, form: RelayedForm, most: int, renames: Mapping[str, str]) -> None:
        self._form = form
        self._renames = renames
        self._most = most
        self._text: FieldText | None = None

    async def take(self, event: MultipartSegment | bytes | None) -> None:
        if isinstance(event, MultipartSegment):
            await self._begin_part(event)
        elif event is None:
            await self._end_part()
        elif self._text is None:
            if not self._form.file_bytes:
                self._form.begin_recording(event)
            self._form.file_bytes += len(event)
            if self._form.file_bytes > self._most:
                raise form_too_large(self._most)
            await self._form.write(event)
        else:
            self._text.add(event)

    async def _begin_part(self, segment: MultipartSegment) -> None:
        disposition, content_type = segment.header("Content-Disposition", ""), segment.header("Content-Type")
        name = field_name(disposition)
        name = self._renames.get(name, name)
        has_file = is_file(disposition)
        _check_name(name, has_file=has_file)
        self._text = None if has_file else FieldText(name)
        if has_file:
            await self._form.begin_file(name, filename_of(disposition, content_type) or "file", content_type)

    async def _end_part(self) -> None:
        if self._text is None:
            await self._form.end_part()
            return
        if self._text.name == MODEL and MODEL in self._form.fields:
            raise InvalidBody(error_texts.duplicate(MODEL))
        await self._form.add_field(self._text.name, self._text.decode())


def _check_name(name: str, *, has_file: bool) -> None:
    """Raises InvalidBody for a name that a provider could read as another one.

    Some read a backslash before the quote as part of the name, and some end a header at any line separator. The model
    has to be the one whose permission and price apply.
    """
    if not name.isprintable() or "\\" in name or '"' in name:
        raise InvalidBody(error_texts.invalid_field_name(name))
    if name.partition("[")[0] == MODEL and (has_file or name != MODEL):
        raise InvalidBody(error_texts.not_one_text(MODEL))


def check_field(form: RelayedForm, name: str) -> None:
    """Raises InvalidBody for a form without this field or file, or with an empty text."""
    if not form.files.get(name) and not any(form.fields.get(name, ())):
        raise InvalidBody(error_texts.missing(name))


def check_length(form: RelayedForm, name: str, most: int) -> None:
    """Raises InvalidBody for a text with more than `most` characters."""
    for text in form.fields.get(name, ()):
        if len(text) > most:
            raise InvalidBody(error_texts.too_long(name, "string", most, len(text)))


def check_integer(form: RelayedForm, name: str, least: int, most: int) -> None:
    """Raises InvalidBody for a text other than an integer within these bounds."""
    for text in form.fields.get(name, ()):
        if not _INTEGER.fullmatch(text):
            raise InvalidBody(error_texts.wrong_type(name, "an integer", text))
        if (number := int(text)) < least:
            raise InvalidBody(error_texts.below_minimum(name, "integer", least, number))
        if number > most:
            raise InvalidBody(error_texts.above_maximum(name, "integer", most, number))
