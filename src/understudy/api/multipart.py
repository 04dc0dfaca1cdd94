"""Forms with a file, taken apart as they come: fields are kept, the file's bytes go on. Never holds a whole file.

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

# Only what Python itself knows: the same on every machine.
_MIME_TYPES = mimetypes.MimeTypes()
_MAX_NAME_BYTES = 4096
_MAX_FIELD_BYTES = 64 * 1024
_MAX_HEADER_BYTES = 16 * 1024
_MAX_PARTS = 64
# What a form may have beside the file: fields, headers, boundaries.
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
    """`fields` are the texts by their names; `filename` is what the file is called, None where there was no file."""

    fields: dict[str, str] = field(default_factory=dict)
    filename: str | None = None
    size: int = 0


async def read_form(
    request: Request, file_field: str, draft: BlobDraft, limit: Callable[[Form], int], silence: float = 60.0
) -> Form:
    """Writes the file of the field `file_field` to `draft` and returns the rest.

    `limit` says how many bytes the file may have, as far as the fields so far tell; `silence` how many seconds may pass
    without a byte. Raises InvalidRequest, InvalidBody, BodyTooLarge, RequestTimeout and UnsupportedMediaType.
    """
    form = Form()
    reading = _PartReader(form, file_field)
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > (most := limit(form)) + _FORM_OVERHEAD_BYTES:
        raise form_too_large(most)
    try:
        with PushMultipartParser(
            _parse_boundary(request),
            max_header_size=_MAX_HEADER_BYTES,
            max_segment_count=_MAX_PARTS,
            # Bytes as they are: what they mean is told by `filename_of`.
            header_charset="latin-1",
        ) as parser:
            async for event in _parse_events(request, parser, silence):
                if (content := reading.take(event)) is None:
                    continue
                form.size += len(content)
                if form.size > (most := limit(form)):
                    raise form_too_large(most)
                await draft.write(content)
    except ClientDisconnect:
        raise InvalidRequest("The connection was closed before the form had ended.") from None
    except MultipartError as error:
        raise InvalidRequest(
            f"Could not parse the multipart form: {error}. Send 'multipart/form-data' with the file in {file_field!r}."
        ) from None
    return form


def form_too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The file is too large. The limit is {limit} bytes.")


def filename_of(disposition: str, content_type: str | None) -> str | None:
    """The name of a part's file; None where the part is a plain field. The header's bytes come as latin-1 text.

    A file that is sent without `filename` is called what its content type is, as the hosted API does; one whose name is
    empty, or nothing but a path, gets a name that fits its content type.
    """
    parameters = _parse_parameters(disposition)
    encoded = _EXTENDED_VALUE_PATTERN.fullmatch(parameters.get("filename*", ""))
    if encoded and (name := _decode_extended(encoded[1], encoded[2])):
        return sanitize_name(name) or default_name(content_type)
    if (plain := parameters.get("filename")) is not None or encoded:
        return sanitize_name(_decode_text(plain or "")) or default_name(content_type)
    return content_type


def default_name(content_type: str | None) -> str:
    """`file`, with the extension of the media type where there is one: readers of documents go by it."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    extension = None if media_type == "application/octet-stream" else _MIME_TYPES.guess_extension(media_type)
    return "file" + (extension or "")


def check_name(name: str, param: str, most: int = _MAX_NAME_BYTES) -> None:
    """Raises InvalidBody for a name of more than `most` bytes; more than those of the default fit into no header."""
    if (length := len(name.encode("utf-8", "surrogatepass"))) > most:
        raise InvalidBody(error_texts.too_long(param, "string", most, length))


def sanitize_name(name: str) -> str:
    """The last part of a path, without control characters; empty where nothing is left that could be a name."""
    base = _CONTROL_CHARACTERS.sub("", re.split(r"[/\\]", name)[-1]).strip()
    return "" if base in {".", ".."} else base


class _PartReader:
    """Where the parser stands: in a field, or in the file."""

    def __init__(self, form: Form, file_field: str) -> None:
        self._form = form
        self._file_field = file_field
        self._name = ""
        self._decode_text: bytearray | None = None

    def take(self, event: MultipartSegment | bytes | None) -> bytes | None:
        """The event's bytes where they are of the file."""
        if isinstance(event, MultipartSegment):
            self._begin_part(event)
        elif event is None:
            self._end_part()
        elif self._decode_text is None:
            return event
        else:
            self._decode_text += event
            if len(self._decode_text) > _MAX_FIELD_BYTES:
                raise InvalidBody(error_texts.too_long(self._name, "string", _MAX_FIELD_BYTES, len(self._decode_text)))
        return None

    def _begin_part(self, segment: MultipartSegment) -> None:
        disposition = segment.header("Content-Disposition", "")
        self._name = _decode_text(_parse_parameters(disposition).get("name", ""))
        if self._name in self._form.fields or (self._name == self._file_field and self._form.filename is not None):
            raise InvalidBody(error_texts.duplicate(self._name))
        if self._name == self._file_field:
            self._decode_text = None
            self._form.filename = filename_of(disposition, segment.header("Content-Type")) or "file"
            check_name(self._form.filename, self._file_field)
        else:
            self._decode_text = bytearray()

    def _end_part(self) -> None:
        if self._decode_text is not None:
            self._form.fields[self._name] = self._decode_text.decode("utf-8", "replace")


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
        raise RequestTimeout(f"Nothing of the file came for {silence:g} seconds. Please send it again.") from None


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
    found: dict[str, str] = {}
    for name, value in _PARAMETER_PATTERN.findall(header):
        found.setdefault(name.lower(), _unquote(value.strip()))
    return found


def _unquote(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1].replace('\\"', '"')
    return value.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def _decode_text(raw: str) -> str:
    """UTF-8 where it is that, and otherwise what an old client's latin-1 says."""
    try:
        return raw.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return raw


def _decode_extended(charset: str, value: str) -> str | None:
    try:
        return unquote_to_bytes(value).decode(charset)
    except (LookupError, UnicodeDecodeError):
        return None
