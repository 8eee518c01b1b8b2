"""Failed attempts to log in, by address: a bounded number of addresses, each for a minute.

Tokens have 256 random bits, which cannot be guessed: the limit keeps the log short, and makes a
mistake in a script visible. A valid token is never refused because of others' failures.
"""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["Attempts"]


class Attempts:
    """Counts failures.

    Args:
        most: failures of one address that are answered, in each period.
        period: its length in seconds, from the first failure on.
        addresses: that are remembered; the oldest is forgotten for another one.
        clock: returns seconds.
    """

    def __init__(
        self,
        most: int = 20,
        period: float = 60.0,
        addresses: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._period, self._addresses, self._clock = most, period, addresses, clock
        self._failed: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def fail(self, address: str) -> float:
        """Count a failure; return the seconds to wait if there were too many, else 0."""
        key, now = _network(address), self._clock()
        began, number = self._failed.pop(key, (now, 0))
        if now - began >= self._period:
            began, number = now, 0
        self._failed[key] = began, number + 1
        if len(self._failed) > self._addresses:
            self._failed.popitem(last=False)
        return began + self._period - now if number >= self._most else 0.0

    def __len__(self) -> int:
        """Return how many addresses are remembered."""
        return len(self._failed)


def _network(address: str) -> str:
    """Return the address itself, of IPv6 the /64 that one customer usually has."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:100]
    if parsed.version == 4:  # noqa: PLR2004
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
