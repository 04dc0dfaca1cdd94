"""What full-text search sees of a text: plain letters, and pairs of characters where a script has no spaces.

Both engines split at everything else and reduce English words to their stems themselves. Knows no table.
"""

import re
import unicodedata
from typing import Final

_LONGEST: Final = 64
_MOST: Final = 64
_WORD = re.compile(r"[^\W_]+")
# Han, kana, and the scripts of South-East Asia that are written without spaces.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_FOREIGN = re.compile(r"[^\x00-\x7f]+")
# Letters of their own that people look for without their stroke or ring.
_LETTERS: Final = str.maketrans(
    {
        "ł": "l",
        "Ł": "L",
        "ø": "o",
        "Ø": "O",
        "đ": "d",
        "Đ": "D",
        "ß": "ss",
        "æ": "ae",
        "Æ": "AE",
        "œ": "oe",
        "\u0131": "i",
    }
)
STOP: Final = frozenset(
    _WORD.findall(
        "a about all am an and any are as at be been but by can could did do does for from get had has have he her his"
        " how i if in into is it its me my no not of on or our she should so than that the their them then there these"
        " they this to too us was we were what when where which who whom why will with would you your"
    )
)


def indexed(text: str) -> str:
    """The form in which a text goes into the index."""
    # Stretch by stretch: most of a text has nothing to fold, and looking at each of its characters takes a while.
    return (text if text.isascii() else _FOREIGN.sub(_folded, text)).replace("\x00", " ")


def split(text: str) -> list[str]:
    """Runs of letters and digits."""
    return _WORD.findall(text)


def wanted(query: str) -> list[str]:
    """The words of a query to look for, each once, at most 64; without stop words where something else is left."""
    words = list(dict.fromkeys(word[:_LONGEST] for word in split(indexed(query).lower())))
    telling = [word for word in words if word not in STOP]
    return (telling or words)[:_MOST]


def begins_words(word: str) -> bool:
    """Whether the word stands for all that begin with it.

    One that was cut does, and one character of a script without spaces, where texts have only pairs of them.
    """
    return len(word) == _LONGEST or (len(word) == 1 and _UNSPACED.fullmatch(word) is not None)


def _folded(match: re.Match[str]) -> str:
    apart = unicodedata.normalize("NFKD", match[0].translate(_LETTERS))
    plain = "".join(sign for sign in apart if not unicodedata.combining(sign))
    # Hangul comes apart in NFKD and would be letters of letters.
    return _UNSPACED.sub(_pairs, unicodedata.normalize("NFC", plain))


def _pairs(match: re.Match[str]) -> str:
    run = match[0]
    return f" {' '.join([run[i : i + 2] for i in range(len(run) - 1)]) or run} "
