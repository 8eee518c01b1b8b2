"""Durable files and folders: fsync of a file, of a folder, and of newly made parent folders.

`check_new` refuses to create a store in a folder that holds anything else.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from hubbub.errors import StoreError, UsageError

__all__ = ["check_new", "make_folder", "sync_file", "sync_folder"]


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


def make_folder(folder: Path) -> None:
    """Make a folder and what leads there, if need be: what is synced in it can be found again."""
    new = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in new:
        with suppress(PermissionError):  # we may write there, and not read
            sync_folder(one.parent)


def check_new(folder: Path, state: str, *, create: bool) -> None:
    """Refuse to make a store where something else is.

    Args:
        folder: need not exist.
        state: the name of the file that makes a folder a store; it was not there a moment ago.
        create: whether one may be made.

    Raises:
        StoreError: it was a store.
        UsageError: it is another program's, or none may be made.
    """
    others = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    if (folder / state).exists():
        return  # another process has just made it: whatever else is listed came after the state
    if any(name not in {"lost+found", f"{state}-wal", f"{state}-shm"} for name in others):
        if "events" in others or "spool" in others:
            raise StoreError(
                f"the store has lost its {state}",
                where=str(folder),
                hint="restore it from a backup, or use a new folder and gather again",
            )
        raise UsageError(
            f"this folder is not a store, and not empty ({min(others)}, …)",
            where=str(folder),
            hint="name a new or an empty folder",
        )
    if not create:
        raise UsageError(
            "there is no store here",
            where=str(folder),
            hint="`hubbub gather`, `listen` or `import` makes one; or name it with --store",
        )
