"""A mounted file system of a few megabytes, which tests can fill completely and enlarge."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_BLOCK = 4096


class Disk:
    """A mounted disk; `path` is its root."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    @property
    def free(self) -> int:
        """Free bytes."""
        status = os.statvfs(self.path)
        return status.f_bavail * status.f_frsize

    def fill(self, leave: int = 0) -> None:
        """Use up all space except for so many bytes."""
        with self._ballast.open("ab") as file:
            while (take := (self.free - leave) // _BLOCK * _BLOCK) > 0:
                with suppress(OSError):  # another process was faster
                    os.posix_fallocate(file.fileno(), file.tell(), take)
                    file.seek(0, os.SEEK_END)

    def room(self) -> None:
        """Free the space that `fill` used."""
        self._ballast.unlink(missing_ok=True)

    def grow(self, megabytes: int) -> None:
        """Change the size of the disk."""
        subprocess.run(
            ["mount", "-o", f"remount,size={megabytes}m", self.path], check=True, timeout=30
        )


@contextmanager
def disk(path: Path, megabytes: int) -> Iterator[Disk]:
    """Mount a disk at this path, and unmount it at the end; skip the test without permission."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    try:
        yield Disk(path)
    finally:
        # lazily, since a process left by a failed test may have a file open
        subprocess.run(["umount", "--lazy", path], check=False, timeout=30)
