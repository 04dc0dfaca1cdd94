"""Messages between nodes: topics, their handlers and replies. Knows no server."""

import logging
from collections.abc import Mapping

from understudy.broker import MAX_MESSAGE_BYTES, Handler, NoReply, Receiver
from understudy.errors import StoreUnavailable

logger = logging.getLogger(__name__)


def check_size(body: bytes) -> None:
    """Raises ValueError for a body above the limit."""
    if len(body) > MAX_MESSAGE_BYTES:
        raise ValueError(f"message of {len(body)} bytes; the limit is {MAX_MESSAGE_BYTES}")


async def call_handler(handlers: Mapping[str, Handler], topic: str, sender: str, body: bytes) -> bytes:
    """The reply of the topic's handler. Raises NoReply if the topic has no handler, or if that fails."""
    handler = handlers.get(topic)
    if handler is None:
        raise NoReply(f"No handler of {topic!r}.")
    try:
        reply = await handler(sender, body) or b""
        check_size(reply)
    except StoreUnavailable as error:
        # The outage has a line of its own.
        logger.debug("message %r of node %s: store unavailable: %s", topic, sender, error)
        raise NoReply(f"The handler of {topic!r} has no store.") from error
    except Exception as error:
        logger.exception("message %r of node %s: handler failed", topic, sender)
        raise NoReply(f"The handler of {topic!r} failed.") from error
    return reply


def call_receiver(receiver: Receiver, topic: str, sender: str, body: bytes) -> None:
    """Never raises: the next message is received whatever this one was."""
    try:
        receiver(sender, body)
    except Exception:
        logger.exception("message %r of node %s: receiver failed", topic, sender)
