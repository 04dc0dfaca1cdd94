"""Places of limited groups, which nodes hold as long as they renew them, by the server's clock.

A group is a sorted set of holders by the time at which their places are free again.
"""

from collections.abc import Sequence
from typing import Final

from understudy.broker import BrokerUnavailable
from understudy.broker.redis.clients import Command, RedisClients

# Without a limit, holders renew their places, or take them again after the server has lost its data.
_SCRIPT: Final = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local limit, seconds = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if limit > 0 and redis.call('ZCARD', KEYS[1]) >= limit then return 0 end
for i = 3, #ARGV do redis.call('ZADD', KEYS[1], now + seconds, ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], math.ceil(seconds * 1000))
return 1
"""


class Places:
    """Every method raises one of `clients.FAILURES` if the server is unreachable, BrokerUnavailable if it refuses."""

    def __init__(self, clients: RedisClients) -> None:
        self._clients = clients

    async def take(self, group: str, holder: str, limit: int, seconds: float) -> bool:
        return bool(await self._execute_command(("EVAL", _SCRIPT, 1, _key(group), limit, repr(seconds), holder)))

    async def keep(self, group: str, holders: Sequence[str], seconds: float) -> None:
        await self._execute_command(("EVAL", _SCRIPT, 1, _key(group), 0, repr(seconds), *holders))

    async def free(self, group: str, holder: str) -> None:
        await self._execute_command(("ZREM", _key(group), holder))

    async def _execute_command(self, command: Command) -> object:
        (reply,) = await self._clients.send([command])
        if isinstance(reply, Exception):
            raise BrokerUnavailable(f"Redis refused to count places: {reply}") from reply
        return reply


def _key(group: str) -> str:
    return f"u:{{{group}}}:places"
