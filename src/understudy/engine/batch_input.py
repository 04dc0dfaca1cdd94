"""Reads the input of a batch line by line as it streams, and finds what is wrong with it before anything is begun.

Two formats of lines: the hosted API's, whose lines say where they go, and one of messages, written by this server
itself. Knows no store and no endpoint's own rules: what is in a request's body is judged when it is answered.
"""

import hashlib
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from understudy.store.batch_work import NewLine
from understudy.store.batches import Fault
from understudy.wire import json_size, wording
from understudy.wire.problems import explain

MOST_LINES: Final = 50_000
MOST_BYTES: Final = 200 * 1024 * 1024
LONGEST_ID: Final = 512
# Who has more than this many is helped by the first of them as well.
_MOST_FAULTS: Final = 100
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Request(Struct):
    """A line of the hosted API's format."""

    custom_id: str
    method: str
    url: str
    body: Raw


class Checked(Struct):
    """The same, for a look at what is wrong with it."""

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


_request = msgspec.json.Decoder(Request).decode
_message = msgspec.json.Decoder(MessageRequest).decode
_body = msgspec.json.Decoder(_Body).decode


@dataclass(frozen=True, slots=True)
class RawLine:
    """`data` is None where the line is too long to be read."""

    number: int
    place: int
    length: int
    data: bytes | None


async def split(chunks: AsyncIterable[bytes], longest: int) -> AsyncIterator[list[RawLine]]:
    """The lines that are not blank, those that came together in one list; at most `longest` bytes are held of one."""
    place, number, length, held = 0, 0, 0, bytearray()
    async for chunk in chunks:
        *ended, rest = chunk.split(b"\n")
        found: list[RawLine] = []
        for piece in ended:
            held += piece[: longest + 1 - len(held)]
            length += len(piece)
            number += 1
            found += _line(number, place, length, held, longest)
            place += length + 1
            length, held = 0, bytearray()
        held += rest[: longest + 1 - len(held)]
        length += len(rest)
        if found:
            yield found
    if last := _line(number + 1, place, length, held, longest):
        yield last


def _line(number: int, place: int, length: int, data: bytearray, longest: int) -> list[RawLine]:
    skipped = 0
    if number == 1 and data.startswith(_BYTE_ORDER_MARK):
        skipped = len(_BYTE_ORDER_MARK)
    if length > longest:
        return [RawLine(number, place, length, None)]
    content = bytes(data[skipped:])
    return [RawLine(number, place + skipped, len(content), content)] if content.strip() else []


class Reader:
    """Takes the lines of one batch in order. `endpoint` None is the format of messages, whose lines are good already.

    In the end `faults` says what is wrong, and `model` what the requests ask for.
    """

    def __init__(self, endpoint: str | None, longest: int) -> None:
        self._endpoint = endpoint
        self._longest = longest
        self._ids: set[bytes] = set()
        self.total = 0
        self.model: str | None = None
        self.faults: list[Fault] = []

    @property
    def hopeless(self) -> bool:
        """Whether nothing more has to be read."""
        return len(self.faults) >= _MOST_FAULTS or (self.total > MOST_LINES and self._endpoint is not None)

    def take(self, line: RawLine) -> NewLine | None:
        """The line, where nothing is wrong with it."""
        self.total += 1
        custom_id = self._message(line) if self._endpoint is None else self._request(line, self._endpoint)
        if custom_id is None:
            return None
        return NewLine(line.number, msgspec.json.encode(custom_id).decode(), line.place, line.length)

    def end(self) -> None:
        """Notes what is wrong with the lines as a whole."""
        if self._endpoint is None:
            return
        if self.total == 0:
            self.faults.append(
                Fault(
                    "empty_file", "The input file is empty. Please ensure that the batch contains at least one request."
                )
            )
        if self.total > MOST_LINES:
            message = f"The input file has more than {MOST_LINES} requests. Split it into several batches."
            self.faults.insert(0, Fault("too_many_tasks", message))

    def _message(self, line: RawLine) -> str:
        assert line.data is not None
        return _message(line.data).custom_id

    def _request(self, line: RawLine, endpoint: str) -> str | None:
        if line.data is None:
            self._note(
                line, "request_too_large", f"This line has {line.length} bytes. The limit is {self._longest} bytes."
            )
            return None
        try:
            request = _request(line.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._explain(line)
            return None
        before = len(self.faults)
        self._address(line, request, endpoint)
        self._custom_id(line, request.custom_id)
        self._model(line, request.body)
        return request.custom_id if len(self.faults) == before else None

    def _explain(self, line: RawLine) -> None:
        assert line.data is not None
        if (limit := json_size.excess(line.data)) is not None:
            self._note(line, "invalid_json_line", wording.too_many_values(limit).message)
            return
        try:
            plain = msgspec.json.decode(line.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._note(line, "invalid_json_line", "This line is not parseable as valid JSON.")
            return
        problem = explain(plain, Checked)
        if problem is not None:
            self._note(line, problem.code or "invalid_request", problem.message, problem.param)

    def _address(self, line: RawLine, request: Request, endpoint: str) -> None:
        if request.method != "POST":
            message = wording.unsupported_value("method", request.method, ["POST"]).message
            self._note(line, "invalid_method", message, "method")
        if request.url != endpoint:
            given = wording.shortened(request.url)
            message = f"The URL {given!r} of this request is not the endpoint of the batch, {endpoint!r}."
            self._note(line, "url_mismatch", message, "url")

    def _custom_id(self, line: RawLine, custom_id: str) -> None:
        if not 0 < len(custom_id) <= LONGEST_ID:
            problem = (
                wording.too_long("custom_id", "string", LONGEST_ID, len(custom_id))
                if custom_id
                else wording.empty("custom_id", "string", 1)
            )
            self._note(line, problem.code or "invalid_request", problem.message, "custom_id")
            return
        # 16 bytes stand for an id of any length.
        known = hashlib.blake2b(custom_id.encode(), digest_size=16).digest()
        if known in self._ids:
            message = (
                f"The custom_id {custom_id!r} is that of an earlier request. Each request of a batch needs its own."
            )
            self._note(line, "duplicate_custom_id", message, "custom_id")
        self._ids.add(known)

    def _model(self, line: RawLine, body: Raw) -> None:
        try:
            model = _body(body).model
        except msgspec.DecodeError:
            self._explain_body(line, body)
            return
        if self.model is None:
            self.model = model
        elif model != self.model:
            message = (
                f"The model {wording.shortened(model)!r} of this request is not {self.model!r}, which the others name."
                " All requests of a batch ask for one model."
            )
            self._note(line, "model_mismatch", message, "body.model")

    def _explain_body(self, line: RawLine, body: Raw) -> None:
        if (limit := json_size.excess(bytes(body))) is not None:
            self._note(line, "invalid_request", wording.too_many_values(limit).message, "body")
            return
        plain = msgspec.json.decode(body)
        if not isinstance(plain, dict):
            problem = wording.wrong_type("body", "an object", plain)
        elif "model" not in plain:
            problem = wording.missing("body.model")
        else:
            problem = wording.wrong_type("body.model", "a string", plain["model"])
        self._note(line, problem.code or "invalid_request", problem.message, problem.param)

    def _note(self, line: RawLine, code: str, message: str, param: str | None = None) -> None:
        self.faults.append(Fault(code, message, param, line.number))


def request_body(line: bytes, endpoint: str | None) -> bytes:
    """What is to be answered of a line that was found good. `endpoint` as in `Reader`."""
    return bytes(_message(line).params if endpoint is None else _request(line).body)


def model_of(body: bytes) -> str:
    """What an answered body asked for."""
    return _body(body).model
