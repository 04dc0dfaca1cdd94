"""Detects the encoding of a text from byte order marks, declarations and bytes. Knows no format beyond declarations.

Order: byte order marks, valid UTF-8, UTF-16 and UTF-32 by their zero bytes, the declared charset if the bytes are valid
in it, UTF-8 with a few invalid bytes, and last a guess among the code pages.
"""

import codecs
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from understudy.retrieval.reading.codepages import guess_codepage

Chunks = Callable[[], Iterable[bytes]]
"""Returns the bytes of a text from its start at each call."""

SAMPLE_BYTES: Final = 1 << 16
_DECLARATION_BYTES: Final = 4096
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARATION_PATTERNS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rb"""^\s*<\?xml[^>]{0,200}?\bencoding\s*=\s*["']([-\w.:]+)""",
        rb"""<meta[^>]{0,500}?\bcharset\s*=\s*["']?\s*([-\w.:]+)""",
        rb"""^@charset\s+"([-\w.:]+)\"""",
        rb"""^[^\n]{0,200}\n?[^\n]{0,200}coding[:=][ \t]*([-\w.]+)""",
        rb"""<%@\s*page[^>]{0,500}?charset=([-\w.:]+)""",
    )
)
_CODEC_BY_LABEL: Final = {
    # The Web's meaning of these labels: the superset that programs write under the name.
    **dict.fromkeys(("iso-8859-1", "latin-1", "latin1", "us-ascii", "ascii", "ansi", "x-ansi", "iso8859-1"), "cp1252"),
    **dict.fromkeys(("gb2312", "gbk", "x-gbk", "gb_2312-80", "hz-gb-2312-x", "cp936", "x-cp20936"), "gb18030"),
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "x-sjis", "ms_kanji", "windows-31j"), "cp932"),
    **dict.fromkeys(("euc-kr", "ks_c_5601-1987", "korean", "ksc5601", "windows-949"), "cp949"),
    **dict.fromkeys(("iso-8859-9", "latin5"), "cp1254"),
    **dict.fromkeys(("tis-620", "iso-8859-11", "dos-874"), "cp874"),
    **dict.fromkeys(("iso-8859-8-i", "iso-8859-8-e", "logical"), "iso8859-8"),
    **dict.fromkeys(("big5", "big5-hkscs", "x-x-big5", "cn-big5"), "big5hkscs"),
    **dict.fromkeys(("x-euc-jp",), "euc_jp"),
    **dict.fromkeys(("macintosh", "x-mac-roman", "mac"), "mac_roman"),
    **dict.fromkeys(("x-mac-cyrillic", "x-mac-ukrainian"), "mac_cyrillic"),
    **dict.fromkeys(("x-mac-greek",), "mac_greek"),
    **dict.fromkeys(("x-mac-turkish",), "mac_turkish"),
    **dict.fromkeys(("x-mac-ce", "x-mac-centraleurroman"), "mac_latin2"),
    **dict.fromkeys(("koi", "koi8", "cskoi8r"), "koi8_r"),
    **dict.fromkeys(("unicode", "utf8", "unicode-1-1-utf-8", "unknown-8bit", "8bit", "default"), "utf-8"),
}
_ASCII_ONLY: Final = frozenset({"iso2022_jp", "iso2022_kr", "hz", "utf-7"})
"""Encodings whose bytes look like plain ASCII."""

_MAX_DECLARED_ERROR_SHARE: Final = 0.02
_MIN_UTF8_SHARE: Final = 2 / 3
_WIDE_SHARE: Final = 0.95
_MIN_ZERO_SHARE: Final = 0.01
"""Share of all bytes; a text always has spaces and line ends."""

_ZEROS_SHARE: Final = 0.7
"""Share of zeros that are the upper half of a character; others are the lower half of Korean and Chinese characters."""

_PRINTABLE_OR_ZERO: Final = re.compile(rb"[\x00\t\n\r\f\x20-\x7e]*")
_ISO_2022_ESCAPES: Final = re.compile(rb"\x1b(?:\$[@AB]|\([BIJ]|\$\([CD])")
_ISO_2022_KR: Final = b"\x1b$)C"
"""The announcement at the start of a Korean text whose words stand between the control characters SO and SI."""

_HZ_WORDS: Final = re.compile(rb"~\{(?:[\x21-\x77][\x21-\x7e])+~\}")
_MAX_SCANNED_BYTES: Final = 4 << 20
"""Bytes in which the share of valid UTF-8 is measured."""


def detect_encoding(chunks: Chunks, declared: str | None = None) -> str:
    """The name of a Python codec for a text; `declared` is the charset declared outside of it."""
    sample = _read_sample(chunks)
    for mark, name in _BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            return name
    if (wide := detect_wide_encoding(sample)) is not None:
        return wide
    label = codec_for_label(declared) or _find_declaration(sample)
    if is_utf8(chunks):
        return _refine_ascii(sample, label)
    if label is not None and label != "utf-8" and _decodes_as(sample, label):
        return label
    return (
        "utf-8"
        if _is_mostly_utf8(chunks, declared=label == "utf-8")
        else guess_codepage(_first_foreign_lines(chunks, sample))
    )


def decode(data: bytes, declared: str | None = None) -> str:
    """Decodes a part of a document in memory; undecodable bytes become U+FFFD."""
    name = detect_encoding(lambda: (data,), declared)
    return data.decode(name, "replace")


def codec_for_label(label: str | None) -> str | None:
    """The codec for a label of the Web or of mail; None for an unknown label or a codec that does not decode text."""
    if not label:
        return None
    plain = label.strip().strip("\"'").lower()
    try:
        codec = codecs.lookup(_CODEC_BY_LABEL.get(plain, plain))
        "".encode(codec.name)
    except (LookupError, ValueError, UnicodeError):
        return None
    # A declaration that is readable byte by byte cannot be in UTF-16.
    return (
        "utf-8" if codec.name.startswith(("utf-16", "utf-32", "utf-8")) else _CODEC_BY_LABEL.get(codec.name, codec.name)
    )


def is_utf8(chunks: Chunks) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for data in chunks():
            decoder.decode(data)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def detect_wide_encoding(sample: bytes) -> str | None:
    """Detects UTF-16 and UTF-32 without a mark: beside ASCII bytes, zeros are at the same place of each character."""
    size = len(sample) // 4
    if len(sample) < 8 or sample.count(0) < _MIN_ZERO_SHARE * len(sample):
        return None
    for name, high, next_to_it in (("utf-32-le", sample[3::4], sample[2::4]), ("utf-32-be", sample[::4], sample[1::4])):
        if high.count(0) > 0.9 * size and next_to_it.count(0) > 0.6 * size:
            return name
    for name, high, low in (("utf-16-le", sample[1::2], sample[::2]), ("utf-16-be", sample[::2], sample[1::2])):
        if _is_wide(sample, name, high, low):
            return name
    return None


def _is_wide(sample: bytes, name: str, high: bytes, low: bytes) -> bool:
    if 4 * sample.count(0) < len(sample) and _PRINTABLE_OR_ZERO.fullmatch(sample):
        return False  # in an English text every other byte would be zero
    partners = [two for one, two in zip(high, low, strict=False) if one == 0]
    if len(partners) < _ZEROS_SHARE * sample.count(0):
        return False
    if sum(0x20 <= byte < 0x7F or byte in b"\t\n\r" or byte > 0x9F for byte in partners) < _WIDE_SHARE * len(partners):
        return False
    text = sample[: len(sample) // 2 * 2].decode(name, "replace")[:2048]
    return sum(_is_readable(sign) for sign in text) > _WIDE_SHARE * len(text)


def _is_readable(sign: str) -> bool:
    return sign in "\t\n\r\f" or (unicodedata.category(sign)[0] in "LMNPSZ" and sign != "\ufffd")


def _read_sample(chunks: Chunks) -> bytes:
    for data in chunks():
        return data[:SAMPLE_BYTES]
    return b""


def _first_foreign_lines(chunks: Chunks, sample: bytes) -> bytes:
    """The lines around the first bytes beyond ASCII, which may follow a long English header."""
    for data in chunks():
        lines = [line for line in data.splitlines(keepends=True) if not line.isascii()]
        if lines:
            return b"".join(lines)
    return sample


def _find_declaration(sample: bytes) -> str | None:
    head = sample[:_DECLARATION_BYTES]
    matches = (match for pattern in _DECLARATION_PATTERNS if (match := pattern.search(head)) is not None)
    return next(
        (name for match in matches if (name := codec_for_label(match[1].decode("ascii", "replace"))) is not None), None
    )


def _refine_ascii(sample: bytes, label: str | None) -> str:
    if label in _ASCII_ONLY and sample.isascii():
        return label
    for name, sign in (("iso2022_kr", is_iso_2022_kr), ("iso2022_jp", _ISO_2022_ESCAPES.search), ("hz", _is_hz)):
        if sign(sample) and sample.isascii() and _decodes_as(sample, name):
            return name
    return "utf-8"


def is_iso_2022_kr(sample: bytes) -> bool:
    """Whether a text is announced as Korean in seven bits."""
    return _ISO_2022_KR in sample


def _is_hz(sample: bytes) -> bool:
    """Whether a text has Chinese words in seven bits, and no tilde beside them."""
    words = _HZ_WORDS.sub(b"", sample)
    return len(words) < len(sample) and b"~" not in words


def _decodes_as(sample: bytes, name: str) -> bool:
    text = sample.decode(name, "replace")
    foreign = sum(not sign.isascii() for sign in text)
    return text.count("\ufffd") <= max(1, _MAX_DECLARED_ERROR_SHARE * foreign)


def _is_mostly_utf8(chunks: Chunks, *, declared: bool) -> bool:
    """Whether enough sequences are valid.

    Texts in Latin letters need as many valid sequences as invalid bytes, since their few other letters rarely follow
    each other like that in a code page; other scripts need twice as many.
    """
    valid = bad = plain = 0
    for text, damaged in _decode_utf8_pieces(chunks):
        foreign = len(text) - len(text.encode("ascii", "ignore"))
        valid, bad, plain = valid + foreign - damaged, bad + damaged, plain + len(text) - foreign
    if bad == 0:
        return True
    if declared or plain > 2 * (valid + bad):
        return valid >= bad
    return valid >= _MIN_UTF8_SHARE * (valid + bad)


def _decode_utf8_pieces(chunks: Chunks) -> Iterator[tuple[str, int]]:
    """Pieces with the number of invalid bytes in each. A sequence cut by the end of the file is not counted."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    size = 0
    for data in chunks():
        text = decoder.decode(data)
        yield text, text.count("\ufffd") - data.count(b"\xef\xbf\xbd")
        size += len(data)
        if size > _MAX_SCANNED_BYTES:
            return
