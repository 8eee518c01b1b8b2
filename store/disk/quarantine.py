"""Damaged files, moved out of the way and kept: `aside/` of a store.

Comes in: a file that nobody can read any more. Goes out: its new place. Whatever it held that can
be had elsewhere was brought back by whoever moved it; a person may look at it, or delete it. What
was said of a damaged segment (that its rows are all there) is taken back: see `reopen`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from hubbub.store.disk.files import sync_folder

__all__ = ["FOLDER", "move_to_quarantine", "clear", "quarantined"]


FOLDER = "move_to_quarantine"


def move_to_quarantine(store: Path, path: Path) -> Path:
    """Move a file or folder of a store; its new name says where it was."""
    folder = store / FOLDER
    folder.mkdir(exist_ok=True)
    name = "-".join(path.relative_to(store).parts)
    place, n = folder / name, 1
    while place.exists():
        n += 1
        place = folder / f"{n}-{name}"
    path.rename(place)
    sync_folder(folder)
    sync_folder(path.parent)
    sync_folder(store)
    return place


def clear(store: Path) -> None:
    """Delete what lies there: it may hold a name that is to be forgotten."""
    if quarantined(store):
        shutil.rmtree(store / FOLDER)
        sync_folder(store)


def quarantined(store: Path) -> list[Path]:
    """What lies there."""
    folder = store / FOLDER
    return sorted(folder.iterdir()) if folder.is_dir() else []
