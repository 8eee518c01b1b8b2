"""Find the names of publishers that have only IPv6 addresses.

libzmq is told per connection whether to use IPv6. With it, it takes the IPv6 address of a name that
has both, and never tries the other; so IPv6 is used only where there is nothing else.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from threading import Event as Flag
from threading import Thread

from hubbub.collector.zeromq.endpoint import Endpoint

__all__ = ["Resolver"]

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 300.0  # s between attempts to resolve what was unknown


class Resolver:
    """Resolves the names of endpoints in a thread of its own, until each is known."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._unknown = [endpoint for endpoint in endpoints if endpoint.host is not None]
        self._stop = Flag()

    def start(self) -> None:
        """Start, if there are names."""
        if self._unknown:
            Thread(target=self._run, name="resolve", daemon=True).start()

    def stop(self) -> None:
        """Stop soon; a running look-up is abandoned."""
        self._stop.set()

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while self._unknown and not self._stop.is_set():
            self._unknown = [endpoint for endpoint in self._unknown if not self._resolve(endpoint)]
            self._stop.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _resolve(self, endpoint: Endpoint) -> bool:
        """Return whether the endpoint's name is known; one without an IPv4 address uses IPv6."""
        if self._stop.is_set():
            return True
        try:
            found = socket.getaddrinfo(endpoint.host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):  # unknown at present; libzmq goes on trying too
            return False
        families = {family for family, *_ in found}
        if socket.AF_INET6 in families and socket.AF_INET not in families:
            endpoint.use_ipv6()
        return True
