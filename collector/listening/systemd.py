"""Notifications to systemd (sd_notify(3)): ready, status, watchdog.

Without systemd, that is without $NOTIFY_SOCKET, nothing is sent.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

__all__ = ["notify", "watchdog_interval"]

_TIMEOUT = 1.0  # s


def notify(*lines: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Send `KEY=VALUE` lines to systemd in one datagram; False if they were not delivered.

    A missing service manager is not an error, and one that does not read its socket delays the
    caller by at most a second.
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):  # an abstract socket; elsewhere an @ is part of the path
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        out.settimeout(_TIMEOUT)
        try:
            out.sendto("\n".join(lines).encode(), address)
        except OSError:
            return False
    return True


def watchdog_interval(environ: Mapping[str, str] = os.environ) -> float | None:
    """Return the seconds between `WATCHDOG=1` notifications; None if no watchdog is configured.

    It is half of the time after which systemd regards the service as hung.
    """
    micros, process = environ.get("WATCHDOG_USEC", ""), str(os.getpid())
    is_number = micros.isascii() and micros.isdigit()
    if not is_number or environ.get("WATCHDOG_PID", process) != process:
        return None
    return int(micros) / 2_000_000
