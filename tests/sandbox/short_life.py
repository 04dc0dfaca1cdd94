"""A server that is killed: opens a session in a sandbox of its own. Arguments: the interpreter, and MiB of its disk."""

import asyncio
import sys
from pathlib import Path

from understudy.clock import SystemClock
from understudy.settings import SandboxSettings
from understudy.tools.sandbox import open_sandbox


def tell(what):
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


async def main():
    settings = SandboxSettings(python=Path(sys.argv[1]), warm=0, disk_mb=int(sys.argv[2]))
    sandbox = open_sandbox(settings, SystemClock())
    tell(await sandbox.check() or "checked")
    session = await sandbox.open("a")
    tell("opened")
    async for output in session.execute("print('runs', flush=True)\nwhile True: pass"):
        tell(output)


asyncio.run(main())
