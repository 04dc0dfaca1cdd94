"""What full-text search sees of a text: plain letters, and pairs of characters where a script has no spaces.

Both engines split at everything else and reduce English words to their stems themselves. Knows no table.
"""

import re
import unicodedata
from typing import Final

_MAX_WORD_LENGTH: Final = 64
_MAX_QUERY_WORDS: Final = 64
_WORD = re.compile(r"[^\W_]+")
# Han, kana, and the scripts of South-East Asia that are written without spaces.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_NON_ASCII = re.compile(r"[^\x00-\x7f]+")
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


def fold_text(text: str) -> str:
    """The form in which a text goes into the index."""
    # Stretch by stretch: most of a text has nothing to fold, and looking at each of its characters takes a while.
    return (text if text.isascii() else _NON_ASCII.sub(_fold_characters, text)).replace("\x00", " ")


def split_words(text: str) -> list[str]:
    """Runs of letters and digits."""
    return _WORD.findall(text)


def query_words(query: str) -> list[str]:
    """The words of a query to look for, each once, at most 64; without stop words where something else is left."""
    words = list(dict.fromkeys(word[:_MAX_WORD_LENGTH] for word in split_words(fold_text(query).lower())))
    telling = [word for word in words if word not in STOP]
    return (telling or words)[:_MAX_QUERY_WORDS]


def is_prefix(word: str) -> bool:
    """Whether the word stands for all that begin with it.

    One that was cut does, and one character of a script without spaces, where texts have only pairs of them.
    """
    return len(word) == _MAX_WORD_LENGTH or (len(word) == 1 and _UNSPACED.fullmatch(word) is not None)


def _fold_characters(match: re.Match[str]) -> str:
    apart = unicodedata.normalize("NFKD", match[0].translate(_LETTERS))
    plain = "".join(sign for sign in apart if not unicodedata.combining(sign))
    # Hangul comes apart in NFKD and would be letters of letters.
    return _UNSPACED.sub(_split_bigrams, unicodedata.normalize("NFC", plain))


def _split_bigrams(match: re.Match[str]) -> str:
    run = match[0]
    return f" {' '.join([run[i : i + 2] for i in range(len(run) - 1)]) or run} "
