"""Common English words that say little about what a text is about."""

from typing import Final

_WORDS: Final = """
    a about all am an and any are as at be been but by can could did do does for from get had has have he her his how
    i if in into is it its me my no not of on or our she should so than that the their them then there these they this
    to too us was we were what when where which who whom why will with would you your
"""

STOP_WORDS: Final = frozenset(_WORDS.split())
"""Part of the format of stored built-in vectors, which weigh these words less: a change needs a new embedder name."""
