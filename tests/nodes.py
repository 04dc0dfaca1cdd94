"""Two nodes of a cluster behind one URL, whose requests they receive in turn."""

import contextlib
from pathlib import Path
from typing import Any, Self

from alternating import AlternatingProxy
from serving import WAIT, Server


class NodePair(Server):
    """Looks like one server: commands, the log and the data directory are those of its first node."""

    def __init__(self, directory: Path, upstream_url: str | None, config: str = "", **settings: Any) -> None:
        directories = directory / "first", directory / "second"
        for one in directories:
            one.mkdir()
        settings = {"blobs__shared": "true", **settings}
        super().__init__(directories[0], upstream_url, config, **settings)
        self.second = Server(directories[1], upstream_url, config, **settings)
        self._stack = contextlib.ExitStack()

    def start(self) -> Self:
        super().start()
        self.second.share_files(self).start()
        proxy = AlternatingProxy([self.url, self.second.url])
        self._stack.enter_context(proxy)
        self.url = f"{proxy.url}/v1"
        return self

    def ended(self, within: float = WAIT) -> None:
        self._stack.close()
        super().ended(within)
        self.second.stop(within)

    def kill(self) -> None:
        self._stack.close()
        super().kill()
        self.second.kill()
