"""How many endpoints fit: sockets of libzmq, and open files.

An endpoint takes three sockets (SUB, and the two ends of its monitor), and a file for each of them
and for its connection. libzmq allows 1,023 sockets unless it is asked for more.
"""

from __future__ import annotations

import errno
import resource
from collections.abc import Sequence
from pathlib import Path

from hubbub.collector.zeromq.endpoint import Endpoint
from hubbub.errors import UsageError

__all__ = ["TOO_MANY", "make_room", "sockets", "too_many"]

TOO_MANY = frozenset({errno.EMFILE, errno.ENFILE})  # errors of libzmq where something is used up

_SOCKETS = 3  # of libzmq, per endpoint
_MIN_SOCKETS = 1_023  # libzmq's default
_FILES = 4  # per endpoint
_PEERS = 16  # further files for the publishers that connect to a bound endpoint
_OTHER_FILES = 100  # the store, the loader, the history, the monitor, and new connections


def sockets(endpoints: int) -> int:
    """Return how many sockets libzmq must allow for this number of endpoints."""
    return max(_MIN_SOCKETS, _SOCKETS * endpoints + 16)


def make_room(endpoints: Sequence[Endpoint]) -> None:
    """Raise this process's soft limit of open files if the endpoints need it.

    Raises:
        UsageError: the hard limit is too low.
    """
    needed = sum(_FILES + (_PEERS if endpoint.bound else 0) for endpoint in endpoints)
    occupied = _open_files() + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or needed + occupied <= soft:
        return
    if hard != resource.RLIM_INFINITY and needed + occupied > hard:
        raise too_many(len(endpoints), max(0, (hard - occupied) * len(endpoints) // needed))
    # Without a hard limit, the soft one is raised to twice what is needed.
    new = 2 * (needed + occupied) if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (new, hard))


def too_many(endpoints: int, fitting: int) -> UsageError:
    """Return the error for more endpoints than this process may open."""
    return UsageError(
        f"{endpoints:,} endpoints need more open files than this process may have; "
        f"{fitting:,} would fit",
        where="--zmq",
        hint="raise the limit (ulimit -n, or LimitNOFILE= in the unit), or listen to a relay",
    )


def _open_files() -> int:
    try:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:  # another system
        return _OTHER_FILES
