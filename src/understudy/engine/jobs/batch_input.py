"""Parses the input of a batch line by line as it streams, and validates it before any line is executed.

Two formats of lines: the hosted API's, whose lines name their endpoint, and message requests, written by this server.
Request bodies are validated by their endpoint, when a line is executed.
"""

import hashlib
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from understudy.store.batch_jobs import NewLine
from understudy.store.batches import BatchFault
from understudy.wire import error_texts, json_size
from understudy.wire.parsing import explain

MAX_LINES: Final = 50_000
MAX_CUSTOM_ID_LENGTH: Final = 512
# The first faults are enough to repair an input with more.
_MAX_FAULTS: Final = 100
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Request(Struct):
    """A line of the hosted API's format."""

    custom_id: str
    method: str
    url: str
    body: Raw


class DiagnosedRequest(Struct):
    """The same, decoded to find the fault."""

    custom_id: str
    method: str
    url: str
    body: dict[str, Any]


class MessageRequest(Struct):
    """A line of a batch of messages, and an item of the request that makes one."""

    custom_id: str
    params: Raw


class _Body(Struct):
    model: str


_parse_request = msgspec.json.Decoder(Request).decode
_parse_message = msgspec.json.Decoder(MessageRequest).decode
_decode_model = msgspec.json.Decoder(_Body).decode


@dataclass(frozen=True, slots=True)
class RawLine:
    """`data` is None where the line is longer than the limit."""

    number: int
    place: int
    length: int
    data: bytes | None


async def split(chunks: AsyncIterable[bytes], longest: int) -> AsyncIterator[list[RawLine]]:
    """The non-blank lines, a list for each chunk; at most `longest` bytes of a line are buffered."""
    place, number, length, buffer = 0, 0, 0, bytearray()
    async for chunk in chunks:
        *ended, rest = chunk.split(b"\n")
        lines: list[RawLine] = []
        for piece in ended:
            buffer += piece[: longest + 1 - len(buffer)]
            length += len(piece)
            number += 1
            lines += _make_lines(number, place, length, buffer, longest)
            place += length + 1
            length, buffer = 0, bytearray()
        buffer += rest[: longest + 1 - len(buffer)]
        length += len(rest)
        if lines:
            yield lines
    if last := _make_lines(number + 1, place, length, buffer, longest):
        yield last


def _make_lines(number: int, place: int, length: int, data: bytearray, longest: int) -> list[RawLine]:
    skipped = 0
    if number == 1 and data.startswith(_BYTE_ORDER_MARK):
        skipped = len(_BYTE_ORDER_MARK)
    if length > longest:
        return [RawLine(number, place, length, None)]
    content = bytes(data[skipped:])
    return [RawLine(number, place + skipped, len(content), content)] if content.strip() else []


class LineReader:
    """Parses the lines of one batch in order. `endpoint` None is the format of messages, whose lines are valid.

    After the last line, `faults` has all faults, `model` is that of the requests, and `length` their size in bytes.
    """

    def __init__(self, endpoint: str | None, longest: int) -> None:
        self._endpoint = endpoint
        self._longest = longest
        self._ids: set[bytes] = set()
        self.total = 0
        self.length = 0
        self.model: str | None = None
        self.faults: list[BatchFault] = []

    @property
    def is_rejected(self) -> bool:
        """Whether the rest of the input need not be parsed."""
        return len(self.faults) >= _MAX_FAULTS or (self.total > MAX_LINES and self._endpoint is not None)

    def parse_line(self, line: RawLine) -> NewLine | None:
        """The line, or None where it has a fault."""
        self.total += 1
        self.length += line.length
        custom_id = self._parse_message(line) if self._endpoint is None else self._parse_request(line, self._endpoint)
        if custom_id is None:
            return None
        return NewLine(line.number, msgspec.json.encode(custom_id).decode(), line.place, line.length)

    def check_totals(self) -> None:
        """Adds the faults of the input as a whole."""
        if self._endpoint is None:
            return
        if self.total == 0:
            self.faults.append(
                BatchFault(
                    "empty_file", "The input file is empty. Please ensure that the batch contains at least one request."
                )
            )
        if self.total > MAX_LINES:
            message = f"The input file has more than {MAX_LINES} requests. Split it into several batches."
            self.faults.insert(0, BatchFault("too_many_tasks", message))

    def _parse_message(self, line: RawLine) -> str:
        assert line.data is not None
        return _parse_message(line.data).custom_id

    def _parse_request(self, line: RawLine, endpoint: str) -> str | None:
        if line.data is None:
            self._add_fault(
                line, "request_too_large", f"This line has {line.length} bytes. The limit is {self._longest} bytes."
            )
            return None
        try:
            request = _parse_request(line.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._diagnose(line)
            return None
        before = len(self.faults)
        self._check_url(line, request, endpoint)
        self._check_custom_id(line, request.custom_id)
        self._check_model(line, request.body)
        return request.custom_id if len(self.faults) == before else None

    def _diagnose(self, line: RawLine) -> None:
        assert line.data is not None
        if (limit := json_size.find_excess(line.data)) is not None:
            self._add_fault(line, "invalid_json_line", error_texts.too_many_values(limit).message)
            return
        try:
            plain = msgspec.json.decode(line.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._add_fault(line, "invalid_json_line", "This line is not parseable as valid JSON.")
            return
        problem = explain(plain, DiagnosedRequest)
        if problem is not None:
            self._add_fault(line, problem.code or "invalid_request", problem.message, problem.param)

    def _check_url(self, line: RawLine, request: Request, endpoint: str) -> None:
        if request.method != "POST":
            message = error_texts.unsupported_value("method", request.method, ["POST"]).message
            self._add_fault(line, "invalid_method", message, "method")
        if request.url != endpoint:
            url = error_texts.shortened(request.url)
            message = f"The URL {url!r} of this request is not the endpoint of the batch, {endpoint!r}."
            self._add_fault(line, "url_mismatch", message, "url")

    def _check_custom_id(self, line: RawLine, custom_id: str) -> None:
        if not 0 < len(custom_id) <= MAX_CUSTOM_ID_LENGTH:
            problem = (
                error_texts.too_long("custom_id", "string", MAX_CUSTOM_ID_LENGTH, len(custom_id))
                if custom_id
                else error_texts.empty("custom_id", "string", 1)
            )
            self._add_fault(line, problem.code or "invalid_request", problem.message, "custom_id")
            return
        # 16 bytes stand for an id of any length.
        digest = hashlib.blake2b(custom_id.encode(), digest_size=16).digest()
        if digest in self._ids:
            message = (
                f"The custom_id {custom_id!r} is that of an earlier request. Each request of a batch needs its own."
            )
            self._add_fault(line, "duplicate_custom_id", message, "custom_id")
        self._ids.add(digest)

    def _check_model(self, line: RawLine, body: Raw) -> None:
        try:
            model = _decode_model(body).model
        except msgspec.DecodeError:
            self._diagnose_body(line, body)
            return
        if self.model is None:
            self.model = model
        elif model != self.model:
            message = (
                f"The model {error_texts.shortened(model)!r} of this request is not {self.model!r}, which the others"
                " name. All requests of a batch ask for one model."
            )
            self._add_fault(line, "model_mismatch", message, "body.model")

    def _diagnose_body(self, line: RawLine, body: Raw) -> None:
        if (limit := json_size.find_excess(bytes(body))) is not None:
            self._add_fault(line, "invalid_request", error_texts.too_many_values(limit).message, "body")
            return
        plain = msgspec.json.decode(body)
        if not isinstance(plain, dict):
            problem = error_texts.wrong_type("body", "an object", plain)
        elif "model" not in plain:
            problem = error_texts.missing("body.model")
        else:
            problem = error_texts.wrong_type("body.model", "a string", plain["model"])
        self._add_fault(line, problem.code or "invalid_request", problem.message, problem.param)

    def _add_fault(self, line: RawLine, code: str, message: str, param: str | None = None) -> None:
        self.faults.append(BatchFault(code, message, param, line.number))


def request_body(line: bytes, endpoint: str | None) -> bytes:
    """The request body of a valid line. `endpoint` as in `LineReader`."""
    return bytes(_parse_message(line).params if endpoint is None else _parse_request(line).body)


def requested_model(body: bytes) -> str:
    """The model of a request body."""
    return _decode_model(body).model
