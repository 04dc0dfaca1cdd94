"""The error that ends a server, as a log line where the log is JSON: the command line would print it as text."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from understudy.errors import SettingsError, UnderstudyError
from understudy.settings import Settings

_log = logging.getLogger("understudy.server")
_FAILED, _WRONG_SETTINGS = 1, 2


@contextmanager
def log_failure(settings: Settings) -> Iterator[None]:
    """Raises SystemExit with the exit code of the error, once it is logged."""
    try:
        yield
    except (UnderstudyError, OSError) as error:
        if settings.log_format != "json":
            raise
        _log.critical("%s", error, extra={"event": "server.failed"})
        raise SystemExit(_WRONG_SETTINGS if isinstance(error, SettingsError) else _FAILED) from None
