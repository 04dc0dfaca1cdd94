"""Forwards the responses of providers of the Messages API: valid ones unchanged, others repaired. Knows no HTTP."""

from collections.abc import Sequence

import msgspec

from understudy.llm import faults, message_events, payload, repair, streaming
from understudy.llm.messages_response import frame, replay_message
from understudy.net import sse


class MessagesPassthrough:
    """Forwards the stream events of a provider of the Messages API: valid ones unchanged, others repaired."""

    def __init__(self, secret: faults.ProviderSecrets | None) -> None:
        self._secret = secret
        self._calls = 0
        self.done = False
        self.template = None

    def translate(self, event: sse.Event) -> Sequence[bytes]:
        if self.done or event.data == b"[DONE]":
            return ()
        kind = message_events.parse_valid_event(event.data)
        if kind is None or kind.error is not None or kind.type == "error" or event.name == b"error":
            return self._repair_event(event)
        self.done = kind.type == "message_stop"
        self._count_tool_use(kind.content_block.type if kind.content_block is not None else None)
        data = event.data if b"\n" not in event.data else msgspec.json.format(event.data, indent=-1)
        return (b"event: " + kind.type.encode() + b"\ndata: " + data + b"\n\n",)

    def finish(self) -> Sequence[bytes]:
        if not self.done:
            raise streaming.stream_broken()
        return ()

    def translate_whole(self, data: bytes) -> Sequence[bytes]:
        return [
            frame(event) for event in replay_message(msgspec.json.decode(validate_message(data, secret=self._secret)))
        ]

    def _repair_event(self, event: sse.Event) -> Sequence[bytes]:
        value = payload.decode(event.data)
        if not isinstance(value, dict):
            raise payload.malformed("an event that is not part of a message")
        if value.get("error") or value.get("type") == "error" or event.name == b"error":
            raise faults.from_payload(value, secret=self._secret)
        repaired = message_events.repair_event(value)
        self.done = repaired["type"] == "message_stop"
        self._count_tool_use(payload.mapping(repaired.get("content_block")).get("type"))
        return (frame(repaired),)

    def _count_tool_use(self, block: str | None) -> None:
        if block == "tool_use":
            self._calls += 1
            repair.check_call_count(self._calls)


def validate_message(data: bytes, *, secret: faults.ProviderSecrets | None) -> bytes:
    """The message in the body of a 2xx response: unchanged if it is valid, else repaired.

    Raises UpstreamError: the error in the body, or malformed if it is not a message.
    """
    message = message_events.parse_valid_message(data)
    if message is not None and message.error is None:
        return data
    value = payload.decode(data)
    if faults.is_error_body(value):
        raise faults.from_payload(value, secret=secret, status=200)
    return payload.encode(message_events.repair_message(value))
