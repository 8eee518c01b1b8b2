"""systemd's notification socket: ready, status, watchdog. Without systemd it does nothing.

Comes in: `KEY=VALUE` lines of sd_notify(3). Goes out: one datagram to $NOTIFY_SOCKET.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

__all__ = ["notify", "watchdog_interval"]

_PATIENCE = 1.0  # s


def notify(*lines: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Tell systemd; False where nobody listens: a manager that is gone must not stop us.

    Nor one that does not read: a full queue of its socket would hold us up for ever.
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        out.settimeout(_PATIENCE)
        try:
            out.sendto("\n".join(lines).encode(), address.replace("@", "\0", 1))
        except OSError:
            return False
    return True


def watchdog_interval(environ: Mapping[str, str] = os.environ) -> float | None:
    """Seconds between `WATCHDOG=1`, half of what systemd allows; None: nobody watches us."""
    micros = environ.get("WATCHDOG_USEC", "")
    if not micros.isdigit() or environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(micros) / 2_000_000
