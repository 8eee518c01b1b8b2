"""Kill the current process at a chosen call, for tests that crash a child process at each step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

from tests.support.paths import ROOT


def kill_at(owner: Any, name: str, *, after: bool = False, nth: int = 1) -> None:
    """Kill this process with SIGKILL at the nth call of `owner.name`: before or after it runs."""
    real = getattr(owner, name)
    calls = 0

    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args, **kwargs)
        if calls == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, call)


def run_and_crash(script: str, *args: object) -> None:
    """Run a script in a child process, and assert that it was killed by `kill_at`."""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, args)], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
