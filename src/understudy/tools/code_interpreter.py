"""The code interpreter tool of a model: its definition, and its code while the model streams it. Pure."""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from understudy.tools.functions import OMITTED_OUTPUT, define_function
from understudy.wire.items import CodeInterpreterCallItem

_MEMBER: Final = re.compile(r'\s*\{\s*"(?:[^"\\]|\\.)*"\s*:\s*"')
_OPEN_MEMBER: Final = re.compile(r'\s*(?:\{\s*(?:"(?:[^"\\]|\\.)*(?:"\s*(?::\s*)?)?)?)?\\?\Z')
_STRING_PIECE: Final = re.compile(r'[^"\\]+|\\u[0-9a-fA-F]{4}|\\[^u]')
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_HIGH_SURROGATES: Final = range(0xD800, 0xDC00)
_LOW_SURROGATES: Final = range(0xDC00, 0xE000)


def definition(name: str, files: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
    """The function definition for chat completions; `files` are ids and names of the available files.

    The names are quoted, so that none can pass for a part of the description.
    """
    code = {"type": "string", "description": "The Python code to run."}
    description = (
        "Runs Python in a sandbox that keeps its variables between calls. The user's files are in "
        "/mnt/data; the user receives files written there and opens them by links like "
        "[name](sandbox:/mnt/data/name). The user sees displayed plots. The sandbox has no network."
    )
    return define_function(name, description + _describe_files(files), {"code": code})


def _describe_files(files: Sequence[tuple[str, str]]) -> str:
    if not files:
        return ""
    listed = ", ".join(f"/mnt/data/{file_id} ({msgspec.json.encode(name).decode()})" for file_id, name in files)
    return f" Files that are there: {listed}. Each can also be read by its name."


def extract_code(arguments: str) -> str:
    """The complete code of a call."""
    reading = CodeArguments()
    return reading.feed(arguments) + reading.finish()


def render_result(item: CodeInterpreterCallItem) -> str:
    """The tool result for the model."""
    if item.omitted:
        return OMITTED_OUTPUT
    logs = "".join(output.logs for output in item.outputs).strip("\n")
    figures = sum(output.type == "image" for output in item.outputs)
    parts = [logs] if logs else []
    if figures:
        parts.append(f"[{figures} figure{'' if figures == 1 else 's'} shown to the user]")
    if item.files:
        parts.append("[files: " + ", ".join(file.path for file in item.files) + "]")
    return "\n".join(parts) or "[no output]"


class CodeArguments:
    """Extracts the code of a call from the JSON of its arguments, piece by piece.

    Models that send bare code instead of JSON are supported.
    """

    def __init__(self) -> None:
        self._buffer = ""
        self._in_code = False
        self._is_bare = False
        self._ended = False
        self._high = 0

    def feed(self, fragment: str) -> str:
        """Returns the code that the fragment completes."""
        self._buffer += fragment
        if not self._in_code:
            self._read_prefix()
        if not self._in_code or self._ended:
            return ""
        return self._take_raw_code() if self._is_bare else self._decode_string()

    def finish(self) -> str:
        """Returns the rest, which was ambiguous until the arguments ended."""
        if self._in_code or not self._buffer.strip():
            return ""
        return "" if self._buffer.lstrip().startswith("{") else self._buffer

    def _read_prefix(self) -> None:
        if match := _MEMBER.match(self._buffer):
            self._buffer = self._buffer[match.end() :]
            self._in_code = True
        elif not _OPEN_MEMBER.match(self._buffer):
            self._in_code = self._is_bare = True

    def _take_raw_code(self) -> str:
        code, self._buffer = self._buffer, ""
        return code

    def _decode_string(self) -> str:
        """The decoded characters up to the closing quote, or up to an incomplete escape."""
        code = ""
        at = 0
        while match := _STRING_PIECE.match(self._buffer, at):
            code += self._decode_piece(match[0])
            at = match.end()
        if self._buffer[at : at + 1] == '"':
            self._ended = True
        self._buffer = self._buffer[at:]
        return code

    def _decode_piece(self, piece: str) -> str:
        if piece[0] != "\\":
            return piece
        if piece[1] != "u":
            return _ESCAPES.get(piece[1], piece[1])
        code = ord(piece.encode().decode("unicode_escape"))
        if code in _HIGH_SURROGATES:
            self._high = code
            return ""
        if code in _LOW_SURROGATES:
            high, self._high = self._high, 0
            return chr(0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00)) if high else "\ufffd"
        return chr(code)
