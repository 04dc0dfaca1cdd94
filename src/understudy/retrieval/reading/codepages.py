"""Detects which legacy encoding a text has. Knows no file.

A library rates encodings by the byte pairs of languages. Its ratings of short texts are close together, so they are
weighted: by how common an encoding is today, and by words that only a wrong encoding produces.
"""

import itertools
import re
import unicodedata
from functools import cache
from typing import Final

_SAMPLE_BYTES: Final = 4096
_SCORED_CHARACTERS: Final = 2048
_MAX_CANDIDATES: Final = 16
"""Candidates to weigh; the library's later ratings are close to zero."""

_WINDOWS: Final = (
    *("Windows-1252", "Windows-1250", "Windows-1251", "Windows-1253", "Windows-1254", "Windows-1255", "Windows-1256"),
    *("Windows-1257", "CP874", "cp1258", "KOI8-R", "koi8-u"),
    *("CP932", "EUC-JP", "ISO-2022-JP", "GB18030", "Big5", "CP949"),
)
_ISO: Final = (
    *("ISO-8859-2", "ISO-8859-5", "iso8859-15", "ISO-8859-7", "ISO-8859-8", "ISO-8859-9", "ISO-8859-6", "ISO-8859-13"),
)
_MAC: Final = ("MacRoman", "MacCyrillic", "MacGreek", "MacTurkish", "MacLatin2", "MacIceland")
_DOS: Final = ("IBM866", "cp850", "cp852", "cp437", "cp737", "cp857", "cp862", "cp775", "IBM855")
_WEIGHTS: Final = {
    **dict.fromkeys(_WINDOWS, 1.0),
    **dict.fromkeys(_ISO, 0.97),
    **dict.fromkeys(_MAC, 0.93),
    **dict.fromkeys(_DOS, 0.88),
}
_ALPHABETS: Final = {
    "ca": "àçèéíïòóúü·",
    "cs": "áčďéěíňóřšťúůýž",
    "da": "æøåé",
    "de": "äöüß",
    "en": "éèêëïöçñâàô",
    "es": "áéíñóúü",
    "et": "äõöüšž",
    "fi": "äöåšž",
    "fr": "àâæçéèêëîïôœùûüÿ",
    "hr": "čćđšž",
    "hu": "áéíóöőúüű",
    "is": "áéíóúýðþæö",
    "it": "àèéìíîòóùú",
    "lt": "ąčęėįšųūž",
    "lv": "āčēģīķļņōŗšūž",
    "nl": "éèëêïöüáíóúàç",
    "no": "æøåéòôóê",
    "pl": "ąćęłńóśźż",
    "pt": "áàâãçéêíóôõúü",
    "ro": "ăâîşţșț",
    "sk": "áäčďéíĺľňóôŕšťúýž",
    "sl": "čšž",
    "sv": "åäöéü",
    "bg": "абвгдежзийклмнопрстуфхцчшщъьюя",
    "ru": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "tr": "çğıöşüİâîû",
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
}
"""The letters of each language beyond ASCII."""

_ODD_WORD_PENALTY: Final = 0.9
_MIN_ASCII_RATIO: Final = 5
"""Largest length of a text in ASCII with a few signs, relative to its other words."""

_DEFAULT_CODEC: Final = "cp1252"
_JAPANESE: Final = ("cp932", "euc_jp")
_KANA: Final = re.compile("[\u3041-\u30ff]")
_WORD_PATTERN: Final = re.compile(r"\S+")
_SINGLE_SCRIPTS: Final = frozenset({"LATIN", "CYRILLIC", "GREEK", "HEBREW", "ARABIC", "THAI"})
"""Scripts that no word mixes."""

_JOINERS: Final = frozenset("’‑–—·\u00ad\u200c\u200d“”„«»")


def guess_codepage(sample: bytes) -> str:
    """The name of a Python codec; Windows-1252, the Web's default, without any evidence for another."""
    import chardet  # noqa: PLC0415 - most files never need it

    sample = sample[:_SAMPLE_BYTES]
    for name in _JAPANESE:
        if _is_kana(sample, name):
            return name
    rated = chardet.detect_all(
        sample, ignore_threshold=True, include_encodings=[*_WEIGHTS], no_match_encoding="Windows-1252"
    )
    weighted = [
        (_score(sample, candidate["encoding"], candidate["language"]) * candidate["confidence"], candidate["encoding"])
        for candidate in rated[:_MAX_CANDIDATES]
        if candidate["encoding"] is not None
    ]
    return max(weighted)[1] if weighted else _DEFAULT_CODEC


def _score(sample: bytes, name: str, language: str | None) -> float:
    text = sample[:_SCORED_CHARACTERS].decode(name, "ignore" if len(sample) > _SCORED_CHARACTERS else "replace")
    words = [word for word in _WORD_PATTERN.findall(text) if not word.isascii()]
    alphabet = _ALPHABETS.get(language or "")
    lone = len(text) > _MIN_ASCII_RATIO * sum(map(len, words))
    odd = sum((lone and _is_lone_letter(word)) or _is_odd(word, alphabet) for word in words) / max(1, len(words))
    return _WEIGHTS.get(name, 0.5) * (1 - _ODD_WORD_PENALTY * odd)


def _is_odd(word: str, alphabet: str | None) -> bool:
    """Whether a word mixes scripts or has foreign letters, a capital after a small letter, or a sign inside."""
    letters = [sign for sign in word if sign.isalpha()]
    return (
        any(unicodedata.category(sign) in {"Cc", "Co", "Cn"} or sign == "\ufffd" for sign in word)
        or _mixes_scripts(letters)
        or (alphabet is not None and any(not one.isascii() and one.lower() not in alphabet for one in letters))
        or any(one.islower() and two.isupper() for one, two in itertools.pairwise(word))
        or _has_sign_inside(word)
    )


def _mixes_scripts(letters: list[str]) -> bool:
    scripts = {_script_of(letter) for letter in letters}
    return len(scripts) > 1 and bool(scripts & _SINGLE_SCRIPTS)


def _has_sign_inside(word: str) -> bool:
    triples = zip(word, word[1:], word[2:], strict=False)
    return any(before.isalpha() and after.isalpha() and _is_sign(sign) for before, sign, after in triples)


def _is_lone_letter(word: str) -> bool:
    """A single letter of another script: what a wrong code page makes of a sign like ©."""
    return len(word) == 1 and word.isalpha() and _script_of(word) != "LATIN"


def _is_sign(sign: str) -> bool:
    return not (sign.isascii() or sign.isalnum() or sign in _JOINERS or unicodedata.category(sign).startswith("M"))


@cache
def _script_of(letter: str) -> str:
    return "LATIN" if letter < "\u0250" else unicodedata.name(letter, "").partition(" ")[0]


def _is_kana(sample: bytes, name: str) -> bool:
    """Whether most of a text is Japanese syllables; a short one may have too few byte pairs for the library."""
    try:
        text = sample.decode(name)
    except UnicodeDecodeError as error:
        if error.start < len(sample) - 4:
            return False
        text = sample[: error.start].decode(name)
    foreign = sum(not sign.isascii() for sign in text)
    return foreign > 2 and len(_KANA.findall(text)) > foreign / 2
