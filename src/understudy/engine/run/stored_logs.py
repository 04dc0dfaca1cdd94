"""The logs of runs in the broker: what an owner has stored, read by the next owner and by the followers of other nodes.

A run has a stream of batches of events, and at times a stored log, which replaces the batches before it. Both expire.
"""

import asyncio
import logging
import zlib
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from understudy.broker import Broker, EventBatch
from understudy.engine.run.event_codec import EventCodec
from understudy.engine.run.event_numbers import is_takeover, resume_position
from understudy.engine.run.events import ResponseReplayed, RunQueued
from understudy.engine.run.log import Encoder, RunLog
from understudy.engine.run.log_entries import LogEntry, merge_deltas

_READS: Final = 2
# Longer ones are compressed in a thread.
_LONG_BYTES: Final = 1 << 18
logger = logging.getLogger(__name__)


class StoredLogs:
    def __init__(self, broker: Broker, codec: EventCodec) -> None:
        self._broker = broker
        self._codec = codec

    async def load(self, run_id: str, after: int = 0) -> list[LogEntry]:
        """What continues a log that ends with that number, without a hole: what follows a lost batch is left out.

        Empty if nothing is stored. Raises BrokerUnavailable.
        """
        entries: list[LogEntry] = []
        is_whole = False
        for _ in range(_READS):
            data = await self._broker.load_log(run_id)
            entries = [] if data is None else self._decode_log(run_id, data)
            position = max(after, entries[-1].number if entries else 0)
            batches = await self._broker.read_events(run_id, position)
            entries += self._decode_batches(batches, position)
            is_whole = data is not None or bool(batches and not batches[0].previous)
            # A log that was stored between the two reads has replaced batches.
            if not batches or batches[0].previous <= position:
                break
        if is_whole:
            after = resume_position(entries, after)
        return merge_deltas(entry.tail(after) for entry in entries if entry.number > after)

    async def store(
        self, run_id: str, entries: Sequence[LogEntry], last: int, seconds: float, *, is_whole: bool = True
    ) -> bool:
        """Stores a log from its beginning, which replaces the batches before the event `last`; 0 without batches.

        Returns False where a later one is stored, or where the batches of a log are lost that is not `is_whole`. Raises
        BrokerUnavailable.
        """
        encoded = self._codec.encode_entries(merge_deltas(entries))
        data = zlib.compress(encoded, 1) if len(encoded) < _LONG_BYTES else await asyncio.to_thread(_compress, encoded)
        return await self._broker.store_log(run_id, data, last, seconds, is_whole=is_whole)

    def _decode_log(self, run_id: str, data: bytes) -> list[LogEntry]:
        try:
            return self._codec.decode_entries(zlib.decompress(data))
        except (zlib.error, msgspec.MsgspecError):
            logger.exception("run %s: its stored log cannot be decoded", run_id)
            return []

    def _decode_batches(self, batches: Sequence[EventBatch], position: int) -> list[LogEntry]:
        entries: list[LogEntry] = []
        for batch in batches:
            if batch.previous > position:
                break
            try:
                decoded = self._codec.decode_entries(batch.body)
            except msgspec.MsgspecError:
                logger.exception("run %s: its event %d cannot be decoded", batch.run_id, batch.first)
                break
            entries += [entry.tail(position) for entry in decoded if entry.number > position]
            position = batch.last
        return entries


def append_entries(log: RunLog, encoder: Encoder, entries: Sequence[LogEntry], *, are_divided: bool = False) -> None:
    """Appends those entries of the same log that are later than its last one; `encoder` has encoded the log so far.

    With `are_divided`, each delta of a merged entry becomes an event of its own again.

    A log has one beginning: what a next owner has rebuilt of the run up to `RunRestored` is only for a log without
    events. Another one ends at the hole there, if the entries do: a request for what follows closes it.
    """
    is_rebuilt = False
    for entry in entries:
        if entry.number <= log.length:
            continue
        if isinstance(entry.event, RunQueued | ResponseReplayed):
            is_rebuilt = log.last_event is not None
        elif is_takeover(entry.event):
            is_rebuilt = False
            log.set_takeover(entry)
        if not is_rebuilt:
            rest = entry.tail(log.length)
            if are_divided and rest.ends is not None:
                log.append_divided(rest, encoder)
                continue
            log.append_entry(rest, encoder.encode(rest.event, rest.number - rest.first))


def encoder_at_end(log: RunLog) -> Encoder:
    """An encoder that has encoded the whole log."""
    encoder = log.new_encoder()
    for entry in log.entries():
        encoder.encode(entry.event, entry.number - entry.first)
    return encoder


def build_log(new_encoder: Callable[[], Encoder], entries: Sequence[LogEntry]) -> RunLog:
    log = RunLog(new_encoder)
    append_entries(log, new_encoder(), entries)
    return log


def _compress(data: bytes) -> bytes:
    return zlib.compress(data, 1)
