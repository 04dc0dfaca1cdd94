"""Makes what is missing while the server runs, for `scripts/serve`: the interpreter's environment, the embedder and the
documentation.

Each is a process of low priority, which ends with the server. Its output goes to the log.
"""

import asyncio
import logging
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from contextlib import suppress
from pathlib import Path

_log = logging.getLogger("understudy.server")
_NICENESS = 10
_COMMAND = ("-m", "understudy", "sandbox", "install")
_MAX_LINE_LENGTH = 300


async def set_up_interpreter() -> None:
    """Runs until the environment is ready. Raises nothing: a failure is logged, and code stays refused."""
    await _install("the code interpreter", sys.executable, *_COMMAND, f"--parent={os.getpid()}")


async def set_up_embedder(script: Path) -> None:
    """Installs the extra `embed` into this environment. Raises nothing: after a failure, built-in vectors are used."""
    await _install("the embedder", str(script), sys.prefix)


async def build_documentation(script: Path) -> None:
    """Builds the site that `/docs/` serves. Raises nothing: after a failure, a page says how to build it."""
    await _install("the documentation", str(script))


async def _install(subject: str, *command: str) -> None:
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, start_new_session=True
        )
    except OSError as error:
        _log.warning("%s could not be prepared: %s", subject, error.strerror)
        return
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
    _log.info("%s is being prepared", subject)
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.shield(process.wait())
        raise
    if process.returncode == 0:
        _log.info("%s is ready", subject)
    else:
        text = output.decode(errors="replace")[-_MAX_LINE_LENGTH:].strip()
        _log.warning("%s could not be prepared: %s", subject, text)
