"""Parses multipart forms as a stream: collects the fields and passes the file's bytes on. Never buffers a whole file.

Source of the form: RFC 7578; of file names in it: RFC 8187 (`filename*`), and what browsers, curl and the SDKs send.
"""

import asyncio
import mimetypes
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from multipart import MultipartError, MultipartSegment, PushMultipartParser
from starlette.requests import ClientDisconnect, Request

from understudy.engine.files import BlobDraft
from understudy.errors import BodyTooLarge, InvalidRequest, RequestTimeout, UnsupportedMediaType
from understudy.wire import error_texts
from understudy.wire.parsing import InvalidBody

# Only the types of the standard library, which are the same on every machine.
_MIME_TYPES = mimetypes.MimeTypes()
_MAX_NAME_BYTES = 4096
# Prompts of images and videos have up to 32,000 characters, of four bytes each.
_MAX_FIELD_BYTES = 128 * 1024
_MAX_HEADER_BYTES = 16 * 1024
_MAX_PARTS = 64
# Allowance for fields, headers and boundaries beside the file.
_FORM_OVERHEAD_BYTES = 1024 * 1024
_BOUNDARY_PATTERN = re.compile(
    r'multipart/form-data\s*;(?:.*;)?\s*boundary=("[^"]+"|[^\s;"]+)', re.IGNORECASE | re.DOTALL
)
# A quoted value ends at the last quote before the next parameter: browsers leave a backslash as it is.
_PARAMETER_PATTERN = re.compile(r';\s*([\w!#$&+.^`|~-]+\*?)\s*=\s*("(?:\\.|[^"\\])*"|"[^"]*"|[^;"]*)')
_EXTENDED_VALUE_PATTERN = re.compile(r"([\w.:-]+)'[^']*'(.*)", re.DOTALL)
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(slots=True)
class Form:
    """`fields` maps names to texts; `filename` is None without a file."""

    fields: dict[str, str] = field(default_factory=dict)
    filename: str | None = None
    size: int = 0


async def read_form(
    request: Request, file_field: str, draft: BlobDraft, limit: Callable[[Form], int], silence: float = 60.0
) -> Form:
    """Writes the file of the field `file_field` to `draft` and returns the rest.

    `limit` returns the maximum file size in bytes for the fields read so far; `silence` is the timeout in seconds
    between two chunks. Raises InvalidRequest, InvalidBody, BodyTooLarge, RequestTimeout and UnsupportedMediaType.
    """
    form = Form()
    reader = _PartReader(form, file_field)
    check_form_length(request, limit(form))
    async for event in read_parts(request, silence, file_field):
        if (content := reader.take(event)) is None:
            continue
        form.size += len(content)
        if form.size > (most := limit(form)):
            raise form_too_large(most)
        await draft.write(content)
    return form


async def read_parts(
    request: Request, silence: float, file_field: str
) -> AsyncIterator[MultipartSegment | bytes | None]:
    """The parts of the form in order: the head of each, its bytes in chunks, and None at its end.

    Raises InvalidRequest, RequestTimeout and UnsupportedMediaType.
    """
    try:
        with PushMultipartParser(
            _parse_boundary(request),
            max_header_size=_MAX_HEADER_BYTES,
            max_segment_count=_MAX_PARTS,
            # latin-1 preserves all bytes; `filename_of` decodes them.
            header_charset="latin-1",
        ) as parser:
            async for event in _parse_events(request, parser, silence):
                yield event
    except ClientDisconnect:
        raise InvalidRequest("The connection was closed before the form had ended.") from None
    except MultipartError as error:
        raise InvalidRequest(
            f"Could not parse the multipart form: {error}. Send 'multipart/form-data' with the file in {file_field!r}."
        ) from None


class FieldText:
    """The text of a field, as it arrives."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._content = bytearray()

    def add(self, content: bytes) -> None:
        """Raises InvalidBody if the text becomes too long."""
        self._content += content
        if len(self._content) > _MAX_FIELD_BYTES:
            raise InvalidBody(error_texts.too_long(self.name, "string", _MAX_FIELD_BYTES, len(self._content)))

    def decode(self) -> str:
        return self._content.decode("utf-8", "replace")


def is_file(disposition: str) -> bool:
    """Whether a part of any name is a file. Its content type does not tell: some clients send one with a text."""
    return "filename" in disposition.lower()


def field_name(disposition: str) -> str:
    """The name of a part's field; empty without one. The header is latin-1 text."""
    return _decode_text(_parse_parameters(disposition).get("name", ""))


def check_form_length(request: Request, most: int) -> None:
    """Raises BodyTooLarge for a form whose declared length cannot hold a file of at most `most` bytes."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most + _FORM_OVERHEAD_BYTES:
        raise form_too_large(most)


def form_too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The file is too large. The limit is {limit} bytes.")


def filename_of(disposition: str, content_type: str | None) -> str | None:
    """The name of a part's file; None for a plain field. The header is latin-1 text.

    A file without `filename` is named after its content type, as in the hosted API; a file with an empty name, or only
    a path, gets a default name with the extension of its content type.
    """
    parameters = _parse_parameters(disposition)
    encoded = _EXTENDED_VALUE_PATTERN.fullmatch(parameters.get("filename*", ""))
    if encoded and (name := _decode_extended(encoded[1], encoded[2])):
        return sanitize_name(name) or default_name(content_type)
    if (plain := parameters.get("filename")) is not None or encoded:
        return sanitize_name(_decode_text(plain or "")) or default_name(content_type)
    return content_type


def default_name(content_type: str | None) -> str:
    """`file` with the extension of the media type, since document readers depend on the extension."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    extension = None if media_type == "application/octet-stream" else _MIME_TYPES.guess_extension(media_type)
    return "file" + (extension or "")


def check_name(name: str, param: str, most: int = _MAX_NAME_BYTES) -> None:
    """Raises InvalidBody for a name longer than `most` bytes. The default is what fits into a header."""
    if (length := len(name.encode("utf-8", "surrogatepass"))) > most:
        raise InvalidBody(error_texts.too_long(param, "string", most, length))


def sanitize_name(name: str) -> str:
    """The last segment of a path, without control characters; may be empty."""
    base = _CONTROL_CHARACTERS.sub("", re.split(r"[/\\]", name)[-1]).strip()
    return "" if base in {".", ".."} else base


class _PartReader:
    """Collects the fields of the form, and returns the bytes of its file."""

    def __init__(self, form: Form, file_field: str) -> None:
        self._form = form
        self._file_field = file_field
        self._text: FieldText | None = None

    def take(self, event: MultipartSegment | bytes | None) -> bytes | None:
        """The event's bytes if they belong to the file. Raises InvalidBody for a duplicate or too long field."""
        if isinstance(event, MultipartSegment):
            self._begin_part(event)
        elif event is None:
            self._end_part()
        elif self._text is None:
            return event
        else:
            self._text.add(event)
        return None

    def _begin_part(self, segment: MultipartSegment) -> None:
        disposition = segment.header("Content-Disposition", "")
        name = field_name(disposition)
        if name in self._form.fields or (name == self._file_field and self._form.filename is not None):
            raise InvalidBody(error_texts.duplicate(name))
        self._text = None if name == self._file_field else FieldText(name)
        if self._text is None:
            self._form.filename = filename_of(disposition, segment.header("Content-Type")) or "file"
            check_name(self._form.filename, self._file_field)

    def _end_part(self) -> None:
        if self._text is not None:
            self._form.fields[self._text.name] = self._text.decode()


async def _parse_events(
    request: Request, parser: PushMultipartParser, silence: float
) -> AsyncIterator[MultipartSegment | bytes | None]:
    async with aclosing(request.stream()) as stream:
        while (chunk := await _next_chunk(stream, silence)) is not None:
            if chunk:
                for event in parser.parse(chunk):
                    yield event


async def _next_chunk(stream: AsyncGenerator[bytes, None], silence: float) -> bytes | None:
    try:
        async with asyncio.timeout(silence):
            return await anext(stream, None)
    except TimeoutError:
        raise RequestTimeout(f"The upload timed out: no data for {silence:g} seconds. Please retry.") from None


def _parse_boundary(request: Request) -> str:
    content_type = request.headers.get("content-type", "")
    match = _BOUNDARY_PATTERN.match(content_type)
    if match is None:
        raise UnsupportedMediaType(
            f"Unsupported content type: {content_type!r}. This API method only accepts 'multipart/form-data' requests"
            " with a boundary.",
            code="unsupported_content_type",
        )
    return match[1].strip('"')


def _parse_parameters(header: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for name, value in _PARAMETER_PATTERN.findall(header):
        parameters.setdefault(name.lower(), _unquote(value.strip()))
    return parameters


def _unquote(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1].replace('\\"', '"')
    return value.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def _decode_text(raw: str) -> str:
    """Decodes UTF-8, or latin-1 of old clients."""
    try:
        return raw.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return raw


def _decode_extended(charset: str, value: str) -> str | None:
    try:
        return unquote_to_bytes(value).decode(charset)
    except (LookupError, UnicodeDecodeError):
        return None
