"""The heap of a process: kept where memory is taken and given back all the time, else given back.

Comes in: nothing. Goes out: settings of the C library, for the life of the process. None of them
does anything where there is no glibc.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any

__all__ = ["give_back", "keep", "small"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # malloc.h
_KEEP = 16 << 20  # bytes that may lie unused: several batches
_MAPPED = 32 << 20  # bytes from which a block gets a mapping of its own; malloc's upper limit
_LARGE = 256 << 10  # the same where memory is to go back as soon as it is free
_POOL = "ARROW_DEFAULT_MEMORY_POOL"


def keep() -> bool:
    """Let the heap keep freed memory instead of returning it to the kernel after each batch.

    A batch's bytes are freed when they are durable; glibc then cuts the heap, and the next batch
    faults every page in again: a fifth of the listener's time. False where there is no glibc.
    """
    return _set(_TRIM_THRESHOLD, _KEEP) and _set(_MMAP_THRESHOLD, _MAPPED)


def small() -> bool:
    """Let large blocks go back to the kernel at once, Arrow's too, and threads share one heap.

    Before Arrow is imported, whose own allocator keeps a third more than is used.
    """
    os.environ.setdefault(_POOL, "system")
    return _set(_MMAP_THRESHOLD, _LARGE) and _set(_ARENA_MAX, 1)


def give_back() -> None:
    """To the kernel, all that is free now."""
    library = _library()
    if library is not None:
        library.malloc_trim(0)


def _set(parameter: int, value: int) -> bool:
    library = _library()
    return library is not None and bool(library.mallopt(parameter, value))


def _library() -> Any:
    """The C library, where it is glibc."""
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None
