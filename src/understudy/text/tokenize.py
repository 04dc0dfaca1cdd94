"""The words of a text for full-text search: plain letters, and pairs of characters in scripts without spaces.

Both database engines split at everything else and stem English words themselves. Knows no table.
"""

import re
import unicodedata
from typing import Final

_WORD = re.compile(r"[^\W_]+")
# Han, kana, and the scripts of South-East Asia that are written without spaces.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_NON_ASCII = re.compile(r"[^\x00-\x7f]+")
# Letters without a decomposition, which people search for without their stroke or ring.
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


def fold_text(text: str) -> str:
    """The text as it is indexed: without accents, and in pairs of characters where its script has no spaces."""
    # Only the runs beyond ASCII: most of a text has nothing to fold, and a look at each character is slow.
    return (text if text.isascii() else _NON_ASCII.sub(_fold_characters, text)).replace("\x00", " ")


def split_words(text: str) -> list[str]:
    """Runs of letters and digits."""
    return _WORD.findall(text)


def fold_letters(text: str) -> str:
    """The text without accents, strokes and ligatures."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    # NFKD also splits the syllables of Hangul; NFC joins them again.
    return unicodedata.normalize("NFC", plain)


def _fold_characters(match: re.Match[str]) -> str:
    return _UNSPACED.sub(_split_bigrams, fold_letters(match[0]))


def _split_bigrams(match: re.Match[str]) -> str:
    run = match[0]
    return f" {' '.join([run[i : i + 2] for i in range(len(run) - 1)]) or run} "
