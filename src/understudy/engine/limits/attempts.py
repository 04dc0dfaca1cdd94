"""Counts rejected keys and failed sign-ins by the address of their client, and refuses more of them for a while.

Each node counts for itself, in bounded memory: the addresses that failed longest ago are forgotten first.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final

from understudy.errors import TooManyAttempts

_MAX_ADDRESSES: Final = 10_000
_MINUTE: Final = 60.0
# A client of IPv6 has a whole network of addresses.
_IPV6_PREFIX_BYTES: Final = 8


class Attempts:
    """An address may fail `limit` times at once, and again as time passes, so many times a minute."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        # The time at which an address has no failure left to wait for.
        self._free_at: OrderedDict[str | bytes, float] = OrderedDict()

    def check(self, address: str, limit: int) -> None:
        """Called before an attempt. Raises TooManyAttempts."""
        if not self._free_at:
            return
        free_at = self._free_at.get(_network_of(address))
        if free_at is None:
            return
        wait = free_at - self._now() - _MINUTE * (limit - 1) / limit
        if wait > 0:
            raise TooManyAttempts(limit, wait)

    def note_failure(self, address: str, limit: int) -> None:
        network, now = _network_of(address), self._now()
        self._free_at[network] = max(self._free_at.get(network, now), now) + _MINUTE / limit
        self._free_at.move_to_end(network)
        if len(self._free_at) > _MAX_ADDRESSES:
            self._free_at.popitem(last=False)


def _network_of(address: str) -> str | bytes:
    """The address, or the /64 network of one of IPv6; empty for a client on a Unix socket."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    mapped = getattr(parsed, "ipv4_mapped", None)
    if mapped is not None:
        return str(mapped)
    return address if parsed.version == 4 else parsed.packed[:_IPV6_PREFIX_BYTES]
