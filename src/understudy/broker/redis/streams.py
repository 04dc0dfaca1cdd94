"""The events of runs as Redis streams: one entry per batch, whose id is `<attempt>-<n>` of its last event.

The server refuses an id that is not above the last one. So a repeated write changes nothing, and a process that has
lost its run cannot append to the stream of its successor.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis.exceptions import ResponseError

from understudy.broker import EVENTS_PER_ATTEMPT, BrokerUnavailable, EventBatch, EventsMissing
from understudy.broker.redis.clients import Command, RedisClients
from understudy.broker.redis.scripts import Script

_PAGE: Final = 100
_REFUSED: Final = "equal or smaller"
# Stores a log unless its stream has had a later event than the log's last one, whose attempt, number in the attempt,
# and number are arguments 3 to 5. A stream remembers its last id without entries. With argument 6, a batch without
# events is left too: earlier versions look for their successors among the entries. With argument 7, the log may have no
# stream.
_STORE_LOG: Final = Script("""
local id = ARGV[3] .. '-' .. ARGV[4]
local info = redis.call('EXISTS', KEYS[2]) == 1 and redis.call('XINFO', 'STREAM', KEYS[2])
local top = '0-0'
if info then
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then top = info[i + 1] end
  end
elseif ARGV[7] == '0' then
  return 0
end
local attempt, n = string.match(top, '^(%d+)-(%d+)$')
attempt, n = tonumber(attempt), tonumber(n)
if attempt > tonumber(ARGV[3]) or (attempt == tonumber(ARGV[3]) and n > tonumber(ARGV[4])) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
if info then redis.call('XTRIM', KEYS[2], 'MINID', id) end
if top == id then return 1 end
if ARGV[6] == '1' then
  redis.call('XADD', KEYS[2], id, 'f', ARGV[5], 'p', ARGV[5], 'e', '')
elseif info then
  redis.call('XSETID', KEYS[2], id)
end
redis.call('EXPIRE', KEYS[2], ARGV[2])
return 1
""")


class EventStreams:
    """Every method raises one of `clients.FAILURES` if the server is unreachable."""

    def __init__(self, clients: RedisClients, expire_seconds: float) -> None:
        self._clients = clients
        self._expire_seconds = max(1, round(expire_seconds))

    async def write(self, batches: Sequence[EventBatch]) -> Sequence[str]:
        """See `Broker.write_events`."""
        commands: list[Command] = []
        written: list[EventBatch | None] = []
        for batch in batches:
            key = _stream_key(batch.run_id)
            fields = ("f", batch.first, "p", batch.previous, "e", batch.body)
            if batch.previous:
                # A stream that was deleted is not created again without its expiry.
                commands.append(("XADD", key, "NOMKSTREAM", _entry_id(batch.last), *fields))
                written.append(batch)
            else:
                commands.append(("XADD", key, _entry_id(batch.last), *fields))
                commands.append(("EXPIRE", key, self._expire_seconds))
                written += [batch, None]
        refused: set[str] = set()
        for entry, reply in zip(written, await self._clients.write(commands), strict=True):
            if isinstance(reply, Exception):
                if entry is None or not isinstance(reply, ResponseError) or _REFUSED not in str(reply):
                    raise BrokerUnavailable(f"Redis refused to store events: {reply}") from reply
                refused.add(entry.run_id)
            elif reply is None:
                raise EventsMissing("A stream has expired, or was evicted.")
        return await self._select_lost(batches, refused) if refused else ()

    async def _select_lost(self, batches: Sequence[EventBatch], refused: set[str]) -> Sequence[str]:
        """Those of the refused runs whose last event is of a later attempt; of the others, the batch is stored."""
        attempts = {batch.run_id: _split(batch.last)[0] for batch in batches}
        last = await self.last_numbers(sorted(refused))
        return [run_id for run_id, number in last.items() if _split(number)[0] > attempts[run_id]]

    async def read(self, run_id: str, after: int) -> list[EventBatch]:
        batches: list[EventBatch] = []
        start = f"({_entry_id(after)}"
        while True:
            page = await self._command("XRANGE", _stream_key(run_id), start, "+", "COUNT", _PAGE)
            batches += [_parse_entry(run_id, entry_id, fields) for entry_id, fields in page]
            if len(page) < _PAGE:
                return batches
            start = f"({page[-1][0].decode()}"

    async def last_numbers(self, run_ids: Sequence[str]) -> Mapping[str, int]:
        commands = [("XREVRANGE", _stream_key(run_id), "+", "-", "COUNT", 1) for run_id in run_ids]
        replies = await self._clients.execute(commands) if commands else []
        numbers = {}
        for run_id, reply in zip(run_ids, replies, strict=True):
            if isinstance(reply, Exception):
                raise BrokerUnavailable(f"Redis failed to read events: {reply}") from reply
            numbers[run_id] = _parse_number(reply[0][0]) if reply else 0
        return numbers

    async def keep(self, run_ids: Sequence[str], seconds: float) -> Sequence[str]:
        """See `Broker.keep_events`."""
        missing: list[str] = []
        for start in range(0, len(run_ids), _PAGE):
            page = run_ids[start : start + _PAGE]
            keys = [key(run_id) for key in (_stream_key, _log_key) for run_id in page]
            replies = await self._clients.send([("EXPIRE", key, max(1, round(seconds))) for key in keys])
            missing += [run_id for run_id, reply in zip(page, replies, strict=False) if reply == 0]
        return missing

    async def store_log(self, run_id: str, data: bytes, last: int, seconds: float, *, is_whole: bool) -> bool:
        """See `Broker.store_log`. The stream remains, and with it the refusal of what earlier owners write."""
        expires, log_key, key = max(1, round(seconds)), _log_key(run_id), _stream_key(run_id)
        if not last:
            command = ("SET", log_key, data, "EX", expires)
            _check([command], await self._clients.send([command]))
            return True
        attempt, n = _split(last)
        call = (2, log_key, key, data, expires, attempt, n, last, int(attempt > 1), int(is_whole))
        [stored] = _check([("EVALSHA",)], await _STORE_LOG.run(self._clients, [call]))
        return bool(stored)

    async def delete(self, run_id: str) -> None:
        await self._command("UNLINK", _stream_key(run_id), _log_key(run_id))

    async def load_log(self, run_id: str) -> bytes | None:
        log: bytes | None = await self._command("GET", _log_key(run_id))
        return log

    async def _command(self, *command: Any) -> Any:
        [reply] = _check([command], await self._clients.execute([command]))
        return reply


def _check(commands: Sequence[Command], replies: list[Any]) -> list[Any]:
    """Raises BrokerUnavailable for a command that was refused."""
    for command, reply in zip(commands, replies, strict=True):
        if isinstance(reply, Exception):
            raise BrokerUnavailable(f"Redis refused {command[0]}: {reply}") from reply
    return replies


def _stream_key(run_id: str) -> str:
    return f"u:{{{run_id}}}:ev"


def _log_key(run_id: str) -> str:
    return f"u:{{{run_id}}}:log"


def _split(number: int) -> tuple[int, int]:
    """The attempt, from 1, and the number in it."""
    attempt, n = divmod(number, EVENTS_PER_ATTEMPT)
    return attempt + 1, n


def _entry_id(number: int) -> str:
    attempt, n = _split(number)
    return f"{attempt}-{n}"


def _parse_number(entry_id: bytes) -> int:
    attempt, _, n = entry_id.partition(b"-")
    return (int(attempt) - 1) * EVENTS_PER_ATTEMPT + int(n)


def _parse_entry(run_id: str, entry_id: bytes, fields: Mapping[bytes, bytes]) -> EventBatch:
    return EventBatch(run_id, int(fields[b"f"]), _parse_number(entry_id), int(fields[b"p"]), fields[b"e"])
