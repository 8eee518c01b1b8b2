"""Try publishers on ZeroMQ: connect, and wait for the handshake."""

from __future__ import annotations

import time
from collections.abc import Sequence
from threading import Event as Flag
from threading import Thread

from hubbub.collector.zeromq.receiver import Receiver

__all__ = ["probe"]


def probe(connect: Sequence[str], timeout: float) -> dict[str, str]:
    """Return by address why it is not a reachable publisher; empty text: it is.

    Args:
        connect: addresses of publishers.
        timeout: seconds to wait for all of them.

    Raises:
        UsageError: an address is not valid.
    """
    receiver = Receiver(connect)
    receiver.open()
    stop = Flag()
    thread = Thread(target=receiver.run, args=(lambda _: True, stop), daemon=True)
    thread.start()
    try:
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            receiver.watch(0.1)
            if all(endpoint.state == "connected" for endpoint in receiver.endpoints):
                break
        return {
            endpoint.address: ""
            if endpoint.state == "connected"
            else endpoint.fault or f"no response for {timeout:g} s"
            for endpoint in receiver.endpoints
        }
    finally:
        stop.set()
        thread.join()
        receiver.close()
