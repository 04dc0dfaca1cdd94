"""Threads that open and close files all the while, and notice when somebody else closes or uses what is theirs."""

import os
import threading
from contextlib import contextmanager

THREADS = 2
PAUSE = 0.0002
"""Seconds between two files: without one, the threads leave others no time for the interpreter."""
CONTENT = b"of this file alone"


@contextmanager
def busy_files(folder):
    """What happened to the files, at the end: nothing, where every descriptor has one owner."""
    harm = []
    stopped = threading.Event()
    threads = [
        threading.Thread(target=_work, args=(folder / f"busy-{number}", stopped, harm)) for number in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield harm
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def _work(path, stopped, harm):
    while not stopped.wait(PAUSE):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(descriptor, CONTENT)
            if os.pread(descriptor, 100, 0) != CONTENT:
                harm.append("another file was read")
            os.close(descriptor)
        except OSError as error:
            harm.append(str(error))
