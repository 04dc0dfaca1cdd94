"""Log output: stderr, one line a message, with everything that looks like a key redacted."""

import logging
import re
from collections.abc import Iterable

from understudy import telemetry
from understudy.settings import Settings, list_secrets

_SECRET_PATTERN = re.compile(r"\bsk-[\w-]{8,}|(?<=Bearer )\S+|(?<=api-key: )\S+", re.IGNORECASE)


def configure(settings: Settings) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter(list_secrets(settings)))
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    if settings.log_level == "debug":
        telemetry.log_events(logging.getLogger("understudy.telemetry"))
    if settings.log_level == "info":  # uvicorn logs start and stop as we do
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        logging.getLogger("mcp").setLevel(logging.WARNING)  # two lines for each request


class RedactingFormatter(logging.Formatter):
    """Escapes line breaks as `\\n`, so that text from clients cannot forge a line."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%d %H:%M:%S")
        self._secrets = sorted(secrets, key=len, reverse=True)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base class's name
        return super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return _SECRET_PATTERN.sub("…", text)
