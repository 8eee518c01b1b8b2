"""What a verification that did not finish has proven, so that the next one goes on from there.

    verify/done       a line of JSON for each file or part that was checked and has no fault
    verify/*.ids      sorted hashes of the ids of a data file: see `uniqueness`

A line names files by inode, size and times (`identity`): one that was written since, by whomever,
is checked again. A bit that flips on the disk changes none of these, as it would after a
verification that finished; so what is older than `AGE` is checked again, too. A verification that
ends deletes the folder: none ever relies on an earlier one that finished. Needs the loader's lock.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

from hubbub.store.disk.files import append, make_folder, replace_file

__all__ = ["AGE", "Checkpoint", "delete_abandoned", "identity"]

FOLDER = "verify"
AGE = 86_400.0  # seconds
#: Of what is checked, and of the lines; another number makes earlier lines worthless.
_FORMAT = 1


def identity(path: Path) -> tuple[Any, ...]:
    """Return what changes when a file is written.

    Raises:
        OSError: it cannot be found.
    """
    found = path.stat()
    return (str(path), found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


class Checkpoint:
    """The record of a verification.

    Args:
        store: the store's folder.
        restart: forget what an earlier verification has proven.

    Attributes:
        started: when the verification began that this one continues, seconds since the epoch; None:
            it begins now.
        folder: for files of the verification.
    """

    def __init__(self, store: Path, *, restart: bool = False) -> None:
        self.folder = store / FOLDER
        self._path = self.folder / "done"
        self._done: dict[str, Any] = {}
        self.started = None if restart else self._read()
        if self.started is None:
            self.finish()
            make_folder(self.folder, private=True)
            head = {"format": _FORMAT, "started": time.time()}
            replace_file(self._path, f"{json.dumps(head)}\n".encode())

    def _read(self) -> float | None:
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return None
        try:
            head = json.loads(lines[0])
            started = float(head["started"])
            usable = head["format"] == _FORMAT and 0 <= time.time() - started < AGE
        except (ValueError, KeyError, TypeError):
            return None
        if not usable or not lines[1:-1]:
            return None
        for line in lines[1:-1]:  # the last one is empty, or torn
            with suppress(ValueError, KeyError, TypeError):  # torn, before one that was appended
                entry = json.loads(line)
                self._done[entry["key"]] = entry["facts"]
        if lines[-1]:
            append(self._path, b"\n")
        return started

    @staticmethod
    def key(part: str, files: Iterable[Path], *facts: object) -> str:
        """Return the key of a part that depends on these files, as they are now.

        Args:
            part: what is checked.
            files: their order does not matter.
            facts: what else the outcome depends on.

        Raises:
            OSError: a file cannot be found.
        """
        identities = sorted(map(identity, files))
        text = json.dumps([part, identities, *map(str, facts)])
        return blake2b(text.encode(), digest_size=16).hexdigest()

    def facts(self, key: str) -> Any:
        """Return the facts that were recorded with a key; None if it is not proven."""
        return self._done.get(key)

    def record(self, key: str, facts: object) -> None:
        """Record that a part was checked and has no fault.

        Args:
            key: see `key`; computed before the part was read.
            facts: JSON, not None.
        """
        self._done[key] = facts
        append(self._path, f"{json.dumps({'key': key, 'facts': facts})}\n".encode())

    def finish(self) -> None:
        """Forget everything: the verification has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)


def delete_abandoned(store: Path) -> None:
    """Delete the record of a verification that did not finish and is too old to be continued."""
    done = store / FOLDER / "done"
    with suppress(FileNotFoundError):
        if not 0 <= time.time() - done.stat().st_mtime < AGE:
            shutil.rmtree(store / FOLDER, ignore_errors=True)
