"""Run work on a store in child processes, and kill them before a call that changes a file.

`killer.c` counts the calls. It must be preloaded into the process that forks; see `preload`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from tests.torture.actors import require

__all__ = ["count", "kill", "preload", "run"]


def kill(work: Callable[[], object], number: int, where: str, *, torn: bool) -> int:
    """Run `work` in a child that is killed before its call `number`; return the exit code."""

    def armed() -> None:
        killer = ctypes.CDLL(None)
        killer.killer_arm(number, int(torn))
        work()
        killer.killer_arm(0, 0)

    code = _fork(armed)
    require(code in {0, -signal.SIGKILL}, f"{where}: ended with {code}")
    return code


def count(work: Callable[[], object], where: str) -> int:
    """Run `work` in a child, which must succeed; return how many of its calls change a file."""
    read_end, write_end = os.pipe()

    def counted() -> None:
        killer = ctypes.CDLL(None)
        killer.killer_arm(0, 0)
        work()
        os.write(write_end, b"%d" % killer.killer_count())

    run(counted, where)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        return int(pipe.read())


def run(work: Callable[[], object], where: str) -> None:
    """Run `work` in a child, which must succeed; it prints its own errors."""
    require(_fork(work) == 0, f"{where}: see above")


def _fork(work: Callable[[], object]) -> int:
    """Run `work` in a forked child process, and return its exit code."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 1
    try:
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - printed; the process ends here
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def preload(folder: Path) -> dict[str, str]:
    """Compile the library that counts calls; return the environment that preloads it."""
    library = folder / "killer.so"
    source = Path(__file__).with_name("killer.c")
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True
    )
    return os.environ | {"LD_PRELOAD": str(library)}
