"""Creates the code interpreter's environment while the server runs, for `scripts/serve`.

A process of low priority, which ends with the server. Its output goes to the log.
"""

import asyncio
import logging
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from contextlib import suppress

_log = logging.getLogger("understudy.server")
_NICENESS = 10
_COMMAND = ("-m", "understudy", "sandbox", "install")
_MAX_LINE_LENGTH = 300


async def set_up_interpreter() -> None:
    """Runs until the environment is ready. Raises nothing: a failure is logged, and code stays refused."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *_COMMAND,
        f"--parent={os.getpid()}",
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        start_new_session=True,
    )
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
    _log.info("the code interpreter is being prepared")
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.shield(process.wait())
        raise
    if process.returncode == 0:
        _log.info("the code interpreter is ready")
    else:
        _log.warning(
            "the code interpreter could not be prepared: %s",
            output.decode(errors="replace")[-_MAX_LINE_LENGTH:].strip(),
        )
