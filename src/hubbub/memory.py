"""Malloc settings of this process: keep freed memory, or return it to the kernel early.

The settings last for the life of the process. Without glibc nothing here has any effect.
"""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["available", "release_early", "retain_freed", "trim"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # malloc.h
_RETAINED = 16 << 20  # bytes that may stay unused: several batches
_LARGE = 32 << 20  # bytes from which a block gets its own mapping; malloc's upper limit
_LARGE_EARLY = 256 << 10  # the same where memory is returned as soon as it is free
_ARROW_POOL = "ARROW_DEFAULT_MEMORY_POOL"


def retain_freed() -> bool:
    """Keep freed memory in the heap instead of returning it to the kernel after each batch.

    A batch's bytes are freed once they are durable; glibc would then trim the heap, and the next
    batch would fault every page in again: a fifth of the listener's time.

    Returns:
        False without glibc.
    """
    return _set(_TRIM_THRESHOLD, _RETAINED) and _set(_MMAP_THRESHOLD, _LARGE)


def release_early() -> bool:
    """Return large blocks to the kernel as soon as they are freed; share one heap among threads.

    Call it before Arrow is imported: Arrow's own allocator retains a third more than is used.

    Returns:
        False without glibc.
    """
    os.environ.setdefault(_ARROW_POOL, "system")
    return _set(_MMAP_THRESHOLD, _LARGE_EARLY) and _set(_ARENA_MAX, 1)


def available(root: Path = Path("/")) -> int:
    """Return the bytes of memory that this process may use: of its cgroup, else of the machine.

    Above `memory.high` the kernel slows a process down, and above `memory.max` it kills it.

    Args:
        root: of the file system, for tests.
    """
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in _cgroup_limits(root):
        with suppress(OSError, ValueError):  # no such file, or "max"
            limits.append(int(path.read_text()))
    return min(limits)


def _cgroup_limits(root: Path) -> list[Path]:
    """Return the files that may hold a limit of this process's control group or one above it."""
    groups = root / "sys/fs/cgroup"
    older = (groups / "memory", ("memory.limit_in_bytes",))
    newer = (groups, ("memory.max", "memory.high"))
    paths = [folder / file for folder, files in (older, newer) for file in files]
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, name = line.split(":", 2)
            folder, files = older if "memory" in controllers.split(",") else newer
            parts = Path(name.lstrip("/")).parts
            above = [folder.joinpath(*parts[:n]) for n in range(1, len(parts) + 1)]
            paths += [group / file for group in above for file in files]
    return paths


def trim() -> None:
    """Return all free memory to the kernel."""
    library = _library()
    if library is not None:
        library.malloc_trim(0)


def _set(parameter: int, value: int) -> bool:
    library = _library()
    return library is not None and bool(library.mallopt(parameter, value))


def _library() -> Any:
    """Return the C library if it is glibc, else None."""
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None
