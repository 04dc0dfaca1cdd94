"""Files from URLs that others choose, written to the disk as they arrive: bounded in time and size."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from understudy.media.provider import MediaError
from understudy.net.outbound import Client, OutboundError, is_http_url

_MAX_REDIRECTS: Final = 3
_PERMANENT_FAILURES: Final = {"invalid_url", "private_address", "too_many_redirects"}


class Downloader:
    def __init__(self, *, allow_private: bool, seconds: float, private_setting: str = "video.allow_private") -> None:
        """`seconds` limits one whole file. `private_setting` is the setting of `allow_private`, for messages."""
        self._client = Client(allow_private=allow_private, private_setting=private_setting)
        self._seconds = seconds

    async def fetch(
        self, url: str, write: Callable[[bytes], Awaitable[object]], limit: int, *, trusted: str = ""
    ) -> None:
        """Passes at most `limit` bytes to `write`. URLs of the origin `trusted` may be private. Raises MediaError."""
        file = _name_file(url)
        if not is_http_url(url):
            raise MediaError(f"{file} cannot be fetched: it has to begin with http:// or https:// and a host.")
        try:
            async with (
                asyncio.timeout(self._seconds),
                await self._client.request("GET", url, redirects=_MAX_REDIRECTS, trusted=trusted) as response,
            ):
                if response.status != 200:
                    transient = response.status >= 500 or response.status == 429
                    raise MediaError(f"{file} could not be fetched: status {response.status}.", passing=transient)
                async for chunk in response.iter_bytes(limit):
                    await write(chunk)
        except TimeoutError:
            raise MediaError(f"{file} could not be fetched within {self._seconds:g} s.", passing=True) from None
        except OutboundError as error:
            if error.kind == "too_large":
                raise MediaError(f"{file} exceeds the limit of {limit} bytes.") from None
            raise MediaError(
                f"{file} could not be fetched: {error}.", passing=error.kind not in _PERMANENT_FAILURES
            ) from None

    async def to_file(self, url: str, path: Path, limit: int, *, trusted: str = "") -> None:
        with await asyncio.to_thread(path.open, "wb") as file:

            async def write(chunk: bytes) -> None:
                await asyncio.to_thread(file.write, chunk)

            await self.fetch(url, write, limit, trusted=trusted)

    async def close(self) -> None:
        await self._client.close()


def _name_file(url: str) -> str:
    """The file by its URL without the query, which may be a secret."""
    return f"The file {url.partition('?')[0][:256]!r}"
