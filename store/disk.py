"""What makes a file survive a loss of power: fsync of the file and of the folder that names it."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["sync_file", "sync_folder"]


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Return when the file's content is durable."""
    _sync(path)


def sync_folder(path: Path) -> None:
    """Return when the names in this folder are durable."""
    _sync(path)
