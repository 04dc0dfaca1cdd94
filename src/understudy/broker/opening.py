"""Builds the broker that the settings name."""

from understudy.broker import Broker
from understudy.broker.memory import MemoryBroker
from understudy.errors import SettingsError
from understudy.settings import MEMORY_BROKER


def build_broker(setting: str, expire_seconds: float) -> Broker:
    """A broker that is not started. Events of runs expire after `expire_seconds` unless they are renewed.

    Raises SettingsError for a URL that is malformed, or if the packages of the extra are not installed.
    """
    if setting == MEMORY_BROKER:
        return MemoryBroker()
    try:
        from understudy.broker.redis.broker import RedisBroker  # noqa: PLC0415 - an extra
        from understudy.broker.redis.url import parse_url  # noqa: PLC0415 - likewise
    except ImportError as error:
        raise SettingsError(
            f"`broker` needs packages that are not installed ({error}); run `pip install 'understudy[redis]'`."
        ) from None
    try:
        return RedisBroker(parse_url(setting), expire_seconds)
    except ValueError as error:
        raise SettingsError(f"Invalid URL of `broker`: {error}.") from None
