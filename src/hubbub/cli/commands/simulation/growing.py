"""Files that grow: each line is appended when its time comes, as a server writes its log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hubbub.collector.event import Stop
from hubbub.errors import UsageError

if TYPE_CHECKING:
    from hubbub.testing.simulator.traffic import Traffic

__all__ = ["append_live", "timed_messages", "timed_requests"]

_EVERY = 0.1  # s between writes
_END = 253_370_764_800  # seconds since the epoch: the year 9999


def timed_requests(seed: int, rate: float, now: float, *, burst: bool) -> Iterator[Timed]:
    """Yield the lines of an access log from now on, spread over their seconds.

    Args:
        seed: of the simulated project.
        rate: mean number of requests per second.
        now: seconds since the epoch.
        burst: five times the rate in five minutes of every hour.
    """
    from hubbub.testing.simulator.access_log import lines

    for second in range(int(now) + 1, _END):
        written = list(lines(seed, second, second + 1, rate, burst=burst))
        for number, line in enumerate(written):
            yield second + number / len(written), line


def timed_messages(traffic: Traffic, now: float) -> Iterator[Timed]:
    """Yield fedmsg envelopes from now on."""
    from hubbub.testing.simulator.wire import line

    for message in traffic.between(int(now * 1e6), _END * 1_000_000):
        yield message.at / 1e6, line(message)


Timed = tuple[float, bytes]  # seconds since the epoch, and a line


def append_live(
    lines: Iterable[Timed],
    output: str,
    stop: Stop,
    clock: Callable[[], float] = time.time,
) -> int:
    """Append each line when its time comes, until `stop` is set; return how many.

    The file is opened for each write, so that one that was renamed is followed by a new one.

    Args:
        lines: in order of time.
        output: a file, or - for standard output.
        stop: checked between writes.
        clock: returns seconds since the epoch.

    Raises:
        UsageError: the file cannot be written.
    """
    written, waiting = 0, list[bytes]()
    next_write = clock()
    for at, line in lines:
        while at > next_write:
            _append(waiting, output)
            written += len(waiting)
            waiting.clear()
            if stop.wait(max(next_write + _EVERY - clock(), 0)):
                return written
            next_write += _EVERY
        waiting.append(line + b"\n")
    return written


def _append(lines: list[bytes], output: str) -> None:
    from hubbub.store.disk.files import append

    if not lines:
        return
    if output == "-":
        sys.stdout.buffer.write(b"".join(lines))
        sys.stdout.buffer.flush()
        return
    try:
        append(Path(output), b"".join(lines))
    except OSError as error:
        raise UsageError(f"cannot write: {error.strerror}", where=output) from error
