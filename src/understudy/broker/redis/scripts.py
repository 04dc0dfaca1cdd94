"""Lua scripts, run by their digests: the server gets the text of one only when it does not know it."""

import hashlib
from collections.abc import Sequence
from typing import Any

from redis.exceptions import NoScriptError

from understudy.broker.redis.clients import Command, RedisClients


class Script:
    def __init__(self, text: str) -> None:
        self._text = text
        self._digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def run(self, clients: RedisClients, calls: Sequence[Command]) -> list[Any]:
        """The reply of each call, which may be an exception. A call is a number of keys, the keys and the arguments.

        Raises one of `clients.FAILURES`.
        """
        replies = await clients.send([("EVALSHA", self._digest, *call) for call in calls])
        if unknown := [number for number, reply in enumerate(replies) if isinstance(reply, NoScriptError)]:
            commands: list[Command] = [("EVAL", self._text, *calls[number]) for number in unknown]
            for number, reply in zip(unknown, await clients.send(commands), strict=True):
                replies[number] = reply
        return replies
