"""Kill the current process at a chosen call, for tests that crash a child process at each step."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

#: What children need is imported once, by the process that they are forks of. It starts no engine
#: and no thread: those do not survive a fork.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "hubbub.collector.people.reader",
        "hubbub.store.loader.loader",
        "hubbub.store.maintenance.compaction",
        "hubbub.store.privacy.forget",
        "hubbub.store.rollups.refresh",
        "tests.support.stores.crash",
    ]
)


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
    with tempfile.NamedTemporaryFile(prefix="hubbub-test-") as output:
        child = _FORKS.Process(target=_run, args=(script, [*map(str, args)], output.name))
        child.start()
        child.join()
        code = child.exitcode
        child.close()
        assert code == -signal.SIGKILL, Path(output.name).read_text()


def _run(script: str, arguments: list[str], output: str) -> None:
    """Run a script as `python -c` does, and write what it prints to a file."""
    descriptor = os.open(output, os.O_WRONLY)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    sys.argv = ["-c", *arguments]
    exec(compile(script, "<script>", "exec"), {"__name__": "__main__"})
