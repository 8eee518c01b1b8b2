"""Durable files and folders: fsync, creation, and a guard against foreign folders."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from hubbub.errors import StoreError, UsageError

__all__ = [
    "MIRROR",
    "append",
    "check_new",
    "is_mirror",
    "is_special",
    "make_folder",
    "new_file",
    "replace_file",
    "sync_file",
    "sync_folder",
]

#: The file that makes a folder one of a mirror: its URL, as JSON (see `mirror.reading`).
MIRROR = "mirror.json"
_TEMPORARY = ".hubbub."  # and 16 hexadecimal digits
_ABANDONED = 86_400.0  # seconds without a write after which a temporary file is taken as left over


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


def is_mirror(folder: Path) -> bool:
    """Whether a folder stands for a mirror, and is no store."""
    return (folder / MIRROR).exists()


def is_special(path: Path) -> bool:
    """Whether a path is a device, a pipe or like `/dev/stdout`: it is written, not replaced.

    A link is not, whatever it leads to, except for those of the system in /dev and /proc.
    """
    folder = path.absolute().parent.resolve()
    if folder == Path("/dev") or folder.parts[:2] == ("/", "proc"):
        return True
    return not path.is_symlink() and path.exists() and not path.is_file()


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` as a whole at the end, durably, or not at all.

    For files that a user names. Until the end it has a random name beside
    `path`, and never that of a file or link that is there already. A link at `path` is replaced,
    never followed. Devices and pipes are written directly.

    Raises:
        OSError: it cannot be written.
    """
    if is_special(path):
        with path.open("wb") as file:
            yield file
        return
    _delete_abandoned(path.parent)
    temporary = path.with_name(f"{_TEMPORARY}{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:  # O_EXCL
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        with suppress(PermissionError):  # a folder that is writable but not readable
            sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _delete_abandoned(folder: Path) -> None:
    """Delete the temporary files of processes that were killed a day ago or more."""
    for temporary in folder.glob(f"{_TEMPORARY}{'[0-9a-f]' * 16}"):
        with suppress(OSError):  # another process was faster, or we may not delete it
            if time.time() - temporary.lstat().st_mtime > _ABANDONED:
                temporary.unlink()


def replace_file(path: Path, content: bytes) -> None:
    """Write a file as a whole or not at all; see `new_file`.

    Raises:
        OSError: it cannot be written.
    """
    with new_file(path) as file:
        file.write(content)


def append(path: Path, content: bytes) -> None:
    """Write at the end of a file, which is created where it is missing; not durably.

    Raises:
        OSError: it cannot be written.
    """
    with path.open("ab") as file:
        file.write(content)


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
