"""The first program of ours inside: sets the limits before it imports anything that could be attacked.

Its only argument is JSON: `channel`, the descriptor of the connection to the host, and `limits`.
"""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from .channel import HostGone
from .confinement import confine


def main() -> None:
    """The first process of the sandbox. It has the limits too, and no process inside may inspect it."""
    order = json.loads(sys.argv[1])
    confine(order["limits"])
    relay = os.fork()
    if relay:
        os.closerange(0, 256)
        os._exit(_collect(relay))
    _relay(order)


def _collect(relay: int) -> int:
    """Reaps orphaned processes until the relay exits, which ends the sandbox."""
    while True:
        pid, status = os.wait()
        if pid == relay:
            return os.waitstatus_to_exitcode(status) & 0xFF


def _relay(order: dict[str, Any]) -> None:
    _bring_fonts()
    from .relay import main as relay  # noqa: PLC0415 - not before the limits hold

    try:
        relay(order["channel"], order["limits"])
    except HostGone:
        os._exit(0)


def _bring_fonts() -> None:
    """Without a list of fonts in a writable place, matplotlib scans all fonts for seconds."""
    home = Path(os.environ["MPLCONFIGDIR"])
    home.mkdir(parents=True, exist_ok=True)
    for file in Path(sys.prefix, "share", "understudy").glob("fontlist-*.json"):
        shutil.copy(file, home)
