"""Durable files and folders: fsync, creation, and a guard against foreign folders."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from hubbub.errors import StoreError, UsageError

__all__ = [
    "check_new",
    "is_special",
    "make_folder",
    "replace_file",
    "sync_file",
    "sync_folder",
]


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


def is_special(path: Path) -> bool:
    """Whether a path is a device, a pipe or like `/dev/stdout`: it is written, not replaced."""
    folder = path.absolute().parent
    system = folder == Path("/dev") or folder.parts[:2] == ("/", "proc") or folder.name == "fd"
    return system or (path.exists() and not path.is_file())


def replace_file(path: Path, content: bytes) -> None:
    """Write a file as a whole or not at all; a link at its place is replaced, never followed.

    Raises:
        OSError: it cannot be written.
    """
    if is_special(path):
        path.write_bytes(content)
        return
    temporary = path.with_name(f".hubbub.{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:  # O_EXCL: never a file or link that is there already
            file.write(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def make_folder(folder: Path, *, private: bool = False) -> None:
    """Create a folder and its missing parents durably; do nothing if it exists.

    Args:
        folder: its path.
        private: only its owner may use it, if it is new or empty; whatever the umask says.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(mode=0o700 if private else 0o777, parents=True, exist_ok=True)
    if private and not any(folder.iterdir()):
        with suppress(PermissionError):  # an empty folder of another user
            folder.chmod(0o700)
    for path in missing:
        with suppress(PermissionError):  # a parent that is writable but not readable
            sync_folder(path.parent)


def check_new(folder: Path, state: str, *, create: bool) -> None:
    """Refuse to create a store in a folder that holds anything else.

    Args:
        folder: need not exist.
        state: name of the state file, which makes a folder a store; it was missing a moment ago.
        create: whether a store may be created.

    Raises:
        StoreError: a store whose state file is missing.
        UsageError: the folder holds something else, or no store may be created.
    """
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    if (folder / state).exists():
        return  # another process has just created the store; whatever else is listed is its own
    if any(name not in {"lost+found", f"{state}-wal", f"{state}-shm"} for name in names):
        if "events" in names or "spool" in names:
            raise StoreError(
                f"the store has lost its {state}",
                where=str(folder),
                hint="restore it from a backup, or use a new folder and gather again",
            )
        raise UsageError(
            f"this folder is not a store, and not empty ({min(names)}, …)",
            where=str(folder),
            hint="choose a new or an empty folder",
        )
    if not create:
        raise UsageError(
            "there is no store here",
            where=str(folder),
            hint="`hubbub gather`, `listen` or `import` makes one; or name it with --store",
        )
