"""A checkout of this project whose server is measured: the directory and the interpreter of its environment."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Checkout:
    """`name` labels its data directory and logs; `python` runs `-m understudy` from `root`."""

    name: str
    root: Path
    python: Path

    @classmethod
    def current(cls) -> "Checkout":
        return cls("server", _ROOT, Path(sys.executable))

    @classmethod
    def prepare(cls, root: Path) -> "Checkout":
        """Another checkout, with its environment set up by its own scripts; raises SystemExit where that fails."""
        setup = root.resolve() / "scripts" / "setup"
        if not setup.is_file():
            raise SystemExit(f"{str(root)!r} is not a checkout of this project: scripts/setup not found.")
        try:
            subprocess.run([setup, "serve"], check=True)
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"{setup} failed with exit code {error.returncode}.") from error
        return cls("against", root.resolve(), root.resolve() / ".venv" / "bin" / "python")
