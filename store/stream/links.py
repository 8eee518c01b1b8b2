"""Second names of data files: they take no room, and stay when the table's own are deleted."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from hubbub.store.disk.files import new_file
from hubbub.store.stream.places import Position

__all__ = ["Waiting", "link", "waiting"]


class Waiting:
    """A file of the stream.

    Attributes:
        position: of its first row.
        path: the Parquet file.
    """

    __slots__ = ("path", "position")

    def __init__(self, path: Path) -> None:
        version, _, file = path.stem.partition("-")
        self.position = Position(int(version), int(file))
        self.path = path


def waiting(folder: Path) -> list[Waiting]:
    """Return the files in a folder of the stream, in order; none if there is no folder."""
    if not folder.is_dir():
        return []
    found = [Waiting(path) for path in folder.glob("*-*.parquet")]
    return sorted(found, key=lambda file: file.position)


def link(source: Path, target: Path) -> None:
    """Give a data file a second name, or copy it where the file system has no links."""
    with suppress(FileExistsError):
        try:
            os.link(source, target)
        except FileExistsError:
            raise
        except OSError:  # no hard links here, or too many of this file
            with source.open("rb") as data, new_file(target) as copy:
                shutil.copyfileobj(data, copy)
