"""What an installation without extras takes on disk: the distributions of requirements/serve.txt and this project."""

import importlib.metadata
import importlib.util
import re
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)


def installed(root: Path = _ROOT) -> int:
    """Bytes, with the bytecode that is there. What the lock has for other systems is not installed and not counted."""
    names = _LOCKED.findall((root / "requirements" / "serve.txt").read_text())
    found = {name: _distribution(name) for name in names}
    ours = sum(_size(path) for path in (root / "src").rglob("*.py"))
    return ours + sum(size for size in found.values() if size is not None)


def _distribution(name: str) -> int | None:
    try:
        files = importlib.metadata.distribution(name).files or ()
    except importlib.metadata.PackageNotFoundError:
        return None
    return sum(_size(Path(str(file.locate()))) for file in files if file.suffix != ".pyc")


def _size(path: Path) -> int:
    """A source counts with its bytecode."""
    paths = [path, Path(importlib.util.cache_from_source(str(path)))] if path.suffix == ".py" else [path]
    return sum(one.stat().st_size for one in paths if one.is_file())


if __name__ == "__main__":
    print(installed(Path(sys.argv[1])))
