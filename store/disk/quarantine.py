"""Quarantine: damaged files, moved to `aside/` of the store and kept for inspection.

The caller recovers first whatever the file held that is available elsewhere, and takes back what
the ledger claimed because of a damaged segment (see `hubbub.store.loader.damage.reopen`).
"""

from __future__ import annotations

import shutil
from pathlib import Path

from hubbub.store.disk.files import sync_folder

__all__ = ["FOLDER", "clear", "move_to_quarantine", "quarantined"]

FOLDER = "aside"
_OLD_FOLDER = "move_to_quarantine"  # of one version, before its release


def move_to_quarantine(store: Path, path: Path) -> Path:
    """Move a file or folder of a store; return its new path, whose name contains the old one."""
    folder = store / FOLDER
    folder.mkdir(exist_ok=True)
    name = "-".join(path.relative_to(store).parts)
    target, n = folder / name, 1
    while target.exists():
        n += 1
        target = folder / f"{n}-{name}"
    path.rename(target)
    sync_folder(folder)
    sync_folder(path.parent)
    sync_folder(store)
    return target


def clear(store: Path) -> None:
    """Delete everything in quarantine: it may contain a name that is to be forgotten."""
    if quarantined(store):
        for folder in (FOLDER, _OLD_FOLDER):
            shutil.rmtree(store / folder, ignore_errors=not (store / folder).exists())
        sync_folder(store)


def quarantined(store: Path) -> list[Path]:
    """Return the files and folders in quarantine, sorted."""
    folders = [store / folder for folder in (FOLDER, _OLD_FOLDER)]
    return sorted(path for folder in folders if folder.is_dir() for path in folder.iterdir())
