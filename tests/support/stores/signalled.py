"""Run hubbub, and send it a signal when it makes received messages durable.

    python -m tests.support.stores.signalled SIGKILL before 2 MARKER listen …

`before` or `after` the second write of its spool; the file MARKER is written at that moment.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from hubbub.store.spool.writer import SpoolWriter

_WHILE = 0.3  # s


def signal_at_write(number: signal.Signals, moment: str, nth: int, marker: Path) -> None:
    """Send this process a signal at the nth write of a spool.

    Args:
        number: of the signal.
        moment: `before` the messages are durable, or `after`.
        nth: from 1.
        marker: file that is written then.
    """
    real = SpoolWriter._write
    calls = 0

    def send() -> None:
        marker.touch()
        os.kill(os.getpid(), number)

    def write(self: SpoolWriter, *args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth and moment == "before":
            time.sleep(_WHILE)  # other threads go on; what they say now, they say too early
            send()
        result = real(self, *args)
        if calls == nth and moment == "after":
            send()
        return result

    SpoolWriter._write = write  # type: ignore[method-assign]


if __name__ == "__main__":
    from hubbub.cli.root import run

    name, moment, nth, marker = sys.argv[1:5]
    del sys.argv[1:5]
    signal_at_write(signal.Signals[name], moment, int(nth), Path(marker))
    run()
