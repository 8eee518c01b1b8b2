"""The Delta log of a table of a mirror."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from hubbub.store.delta.log import Commit, Log, read_entry
from hubbub.store.disk.files import make_folder, replace_file
from hubbub.store.mirror.place import Place

__all__ = ["RemoteLog"]


class RemoteLog(Log):
    """The log of a remote table; entries are fetched when they are asked for.

    Args:
        folder: local copies of entries.
        place: of the mirror.
        name: of the table's folder there.
        base: what the paths of data files begin with.
    """

    def __init__(self, folder: Path, place: Place, name: str, base: str) -> None:
        super().__init__(folder)
        self._place, self._name, self._base = place, name, base
        self.live: Callable[[], Iterable[str]] = tuple  # data files that are known to be there

    def check(self, *, checkpoint: bool = False) -> None:
        """Do nothing: the object store keeps entries whole."""

    def actions(self, version: int) -> list[dict[str, Any]]:
        """Return the actions of a version.

        Raises:
            FileNotFoundError: a checkpoint has replaced its entry.
            SourceError: it cannot be fetched.
        """
        path = self.entry(version)
        if not path.exists():
            name = f"{self._name}/_delta_log/{path.name}"
            if (content := self._place.read(name)) is None:
                raise FileNotFoundError(name)
            make_folder(self.folder)
            replace_file(path, content)
        return read_entry(path)

    def commits(self, first: int, last: int) -> list[Commit] | None:
        """Return the commits `first` to `last`; see `Log.commits`."""
        try:
            commits = [self._commit(version, self.actions(version))
                       for version in range(first, last + 1)]  # fmt: skip
        except (FileNotFoundError, ValueError):
            return None
        live = set(self.live())
        gone = [path for commit in commits for path in commit.added if path not in live]
        names = [f"{self._name}/{path.removeprefix(self._base).strip('/')}" for path in gone]
        return commits if not names or self._place.exist(names) else None

    def forget(self, before: int) -> None:
        """Delete local copies of entries before a version."""
        for path in self.folder.glob("*.json"):
            if path.stem.isdigit() and int(path.stem) < before:
                path.unlink(missing_ok=True)

    def _path(self, path: str) -> str:
        return f"{self._base}/{unquote(path)}"
