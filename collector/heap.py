"""The heap of a process that takes and gives back a megabyte a hundred times a second.

Comes in: nothing. Goes out: a setting of the C library, for the life of the process.
"""

from __future__ import annotations

import ctypes

__all__ = ["keep"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h
_KEEP = 64 << 20  # bytes that may lie unused
_MAPPED = 32 << 20  # bytes from which a block gets a mapping of its own; malloc's upper limit


def keep() -> bool:
    """Let the heap keep freed memory instead of returning it to the kernel after each batch.

    A batch's bytes are freed when they are durable; glibc then cuts the heap, and the next batch
    faults every page in again: a fifth of the listener's time. False where there is no glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return bool(mallopt(_TRIM_THRESHOLD, _KEEP)) and bool(mallopt(_MMAP_THRESHOLD, _MAPPED))
