"""Text as people wrote it, and enough of it anywhere: the Python sources of this interpreter and its packages."""

import random
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

_SEED = 3
_WORD = re.compile(r"[A-Za-z]+")
_ASKED = 10


def texts() -> Iterator[str]:
    """Whole files in an order that is the same each time on one machine, and from the start again at their end."""
    folders = {sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")}
    paths = sorted({path for folder in folders for path in Path(folder).rglob("*.py")})
    random.Random(_SEED).shuffle(paths)
    while True:
        for path in paths:
            text = path.read_text("utf-8", "replace")
            if text.strip():
                yield text


def query(text: str, chance: random.Random) -> str | None:
    """Ten words that stand together in a text; None where it has too few."""
    words = _WORD.findall(text)
    if len(words) < 3 * _ASKED:
        return None
    start = chance.randrange(len(words) - _ASKED)
    return " ".join(words[start : start + _ASKED])
