"""Counts of limits for all nodes: one script takes from all cells of a request, or from none, by the server's clock.

Requests of one turn of the event loop share a pipeline, and so do those that arrive while one is under way.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from understudy.broker import BrokerUnavailable, CellCost
from understudy.broker.redis.clients import FAILURES, Command, RedisClients
from understudy.broker.redis.scripts import Script

# A cell is the text `level at`. Seconds count from 2025, which leaves their floats more digits. A cell above its limit
# whose lifetime is not that of the rate was filled under a higher limit, and then blocks for at most one window.
_TAKE: Final = Script("""
local clock = redis.call('TIME')
local now = clock[1] - 1735689600 + clock[2] / 1000000
local forced = ARGV[1] == '1'
local fits, levels = true, {}
local values = redis.call('MGET', unpack(KEYS))
local function write(key, level, rate)
  local value = string.format('%.17g %.17g', level, now)
  redis.call('SET', key, value, 'PX', math.ceil(level / rate * 1000) + 1000)
end
for i = 1, #KEYS do
  local limit, rate, cost = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  local level, stored, passed = 0, 0, 0
  if values[i] then
    local space = string.find(values[i], ' ', 1, true)
    stored = tonumber(string.sub(values[i], 1, space - 1))
    passed = math.max(0, now - tonumber(string.sub(values[i], space + 1)))
    level = math.max(0, stored - passed * rate)
  end
  if level > limit then
    local lifetime = passed + redis.call('PTTL', KEYS[i]) / 1000 - 1
    if math.abs(lifetime * rate / stored - 1) > 0.01 then
      level = limit
      write(KEYS[i], level, rate)
    end
  end
  if not forced and level + cost > limit + rate * 0.000002 then fits = false end
  levels[i] = level
end
local texts = {}
for i = 1, #KEYS do
  local rate, cost = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  if fits then
    levels[i] = math.max(0, levels[i] + cost)
    write(KEYS[i], levels[i], rate)
  end
  texts[i] = string.format('%.17g', levels[i])
end
return {fits and 1 or 0, unpack(texts)}
""")


class LimitCells:
    """Every method raises one of `clients.FAILURES` if the server is unreachable, BrokerUnavailable if it refuses."""

    def __init__(self, clients: RedisClients) -> None:
        self._clients = clients
        self._waiting: list[tuple[Command, asyncio.Future[Any]]] = []
        self._flushing: asyncio.Task[None] | None = None

    async def take(self, group: str, cells: Sequence[CellCost], *, forced: bool) -> tuple[bool, list[float]]:
        arguments: list[object] = [int(forced)]
        for cell in cells:
            arguments += (cell.limit, repr(cell.rate), cell.cost)
        keys = [f"u:{{{group}}}:limit:{cell.name}" for cell in cells]
        fits, *levels = await self._run_command((len(keys), *keys, *arguments))
        return bool(fits), [float(level) for level in levels]

    async def _run_command(self, arguments: Command) -> Any:
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((arguments, reply))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._send_waiting())
        return await reply

    async def _send_waiting(self) -> None:
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, []
                await self._send_commands(waiting)
        finally:
            self._flushing = None

    async def _send_commands(self, waiting: Sequence[tuple[Command, asyncio.Future[Any]]]) -> None:
        try:
            results = await _TAKE.run(self._clients, [arguments for arguments, _ in waiting])
        except Exception as error:  # noqa: BLE001 - each caller handles it
            results = [error] * len(waiting)
        for (_, reply), result in zip(waiting, results, strict=True):
            if reply.done():
                continue
            if isinstance(result, FAILURES):
                reply.set_exception(result)
            elif isinstance(result, Exception):
                reply.set_exception(BrokerUnavailable(f"Redis refused to count a limit: {result}"))
            else:
                reply.set_result(result)
