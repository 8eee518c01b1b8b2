"""A real file system of a few megabytes, that can be filled to its last block and made larger."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_BLOCK = 4096


class Disk:
    """A mounted disk. `path` is its root."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    @property
    def free(self) -> int:
        """Bytes."""
        now = os.statvfs(self.path)
        return now.f_bavail * now.f_frsize

    def fill(self, leave: int = 0) -> None:
        """Take all room but so many bytes."""
        with self._ballast.open("ab") as file:
            take = (self.free - leave) // _BLOCK * _BLOCK
            os.posix_fallocate(file.fileno(), file.tell(), max(take, 1))
            file.seek(0, os.SEEK_END)

    def room(self) -> None:
        """Give it back."""
        self._ballast.unlink(missing_ok=True)

    def grow(self, megabytes: int) -> None:
        subprocess.run(
            ["mount", "-o", f"remount,size={megabytes}m", self.path], check=True, timeout=30
        )


@contextmanager
def disk(path: Path, megabytes: int) -> Iterator[Disk]:
    """A disk at this place; unmounted whatever happens. Skips where nobody may mount one."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    try:
        yield Disk(path)
    finally:
        # lazily: also where a process that a failed test left still has a file open
        subprocess.run(["umount", "--lazy", path], check=False, timeout=30)
