"""Which of the encodings from before Unicode a text has. Knows no file.

The scripts are told apart by a library. What it cannot tell apart are the Latin alphabets: their code pages have a
letter at nearly every place, and any text looks fine in each. So the letters are held against those that languages use.
"""

from typing import Final

_KNOWN: Final = [
    *("cp1252", "cp1250", "cp1254", "cp1257", "cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "cp874"),
    *("cp932", "euc_jp", "iso2022_jp", "gb18030", "big5", "cp949"),
]
"""Those of Windows, the Web and mail: the rest looks like them, and is next to never right."""

_LATIN: Final = {
    "cp1252": (
        "àâæçéèêëîïôœùûüÿ",  # French
        "äöüß",  # German
        "áéíñóúü",  # Spanish
        "àáâãçéêíóôõú",  # Portuguese
        "àèéìíòóùú",  # Italian
        "àçèéíïòóúü",  # Catalan
        "åäöéæø",  # Swedish, Danish, Norwegian, Finnish
        "áéíóúýðþæö",  # Icelandic
    ),
    "cp1250": (
        "ąćęłńóśźż",  # Polish
        "áčďéěíňóřšťúůýž",  # Czech
        "áäčďéíĺľňóôŕšťúýž",  # Slovak
        "áéíóöőúüű",  # Hungarian
        "ăâîşţ",  # Romanian
        "čćđšž",  # Croatian, Slovene
    ),
    "cp1254": ("çğıöşüİ",),  # Turkish
    "cp1257": (
        "ąčęėįšųūž",  # Lithuanian
        "āčēģīķļņšūž",  # Latvian
        "äõöüšž",  # Estonian
    ),
}
"""The letters of languages beside the plain ones, by the code page that they are written in; the usual one first."""


def guess(sample: bytes) -> str:
    import charset_normalizer  # noqa: PLC0415 - most files never need it

    best = charset_normalizer.from_bytes(sample, cp_isolation=_KNOWN).best()
    return _latin(sample) if best is None or best.encoding in _LATIN else best.encoding


def _latin(sample: bytes) -> str:
    """The code page in which some language has most of the letters; of equal ones, the usual."""
    foreign = bytes(byte for byte in sample if byte > 0x7F)
    return max(_LATIN, key=lambda name: _fitting(foreign.decode(name, "replace").lower(), _LATIN[name]))


def _fitting(signs: str, alphabets: tuple[str, ...]) -> int:
    counts = {sign: signs.count(sign) for sign in set(signs)}
    return max(sum(counts.get(letter, 0) for letter in letters) for letters in alphabets)
