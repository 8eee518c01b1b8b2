"""What a long step of maintenance that did not finish has done: the next one goes on from there.

    verify/done, rebuild/done   a line of JSON for each part that was done
    verify/*.ids                sorted hashes of the ids of a data file: see `uniqueness`

A line names the files that its part depends on by inode, size and times (`identity`): where one was
written since, by whomever, the part is done again. A bit that flips on the disk changes none of
these, as it would after a verification that finished; so what is older than `AGE` is done again,
too. A step that ends deletes its folder: none ever relies on an earlier one that finished. Needs
the loader's lock.
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

__all__ = ["AGE", "REBUILD", "VERIFY", "Checkpoint", "delete_abandoned", "identity"]

VERIFY, REBUILD = "verify", "rebuild"  # folders in the store
AGE = 86_400.0  # seconds
#: Of what is done, and of the lines; another number makes earlier lines worthless.
_FORMAT = 1


def identity(path: Path) -> tuple[Any, ...]:
    """Return what changes when a file is written.

    Raises:
        OSError: it cannot be found.
    """
    found = path.stat()
    return (str(path), found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


class Checkpoint:
    """The record of a step.

    Args:
        folder: of the step, in the store.
        restart: forget what an earlier one has done.

    Attributes:
        started: when the step began that this one continues, seconds since the epoch; None: it
            begins now.
        folder: as given; for other files of the step.
    """

    def __init__(self, folder: Path, *, restart: bool = False) -> None:
        self.folder = folder
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
            part: what is done.
            files: their order does not matter.
            facts: what else the outcome depends on.

        Raises:
            OSError: a file cannot be found.
        """
        identities = sorted(map(identity, files))
        text = json.dumps([part, identities, *map(str, facts)])
        return blake2b(text.encode(), digest_size=16).hexdigest()

    def facts(self, key: str) -> Any:
        """Return the facts that were recorded with a key; None if its part is not done."""
        return self._done.get(key)

    def record(self, key: str, facts: object) -> None:
        """Record that a part is done: that it was checked and has no fault.

        Args:
            key: see `key`; of the files as they were read, or as they were written.
            facts: JSON, not None.
        """
        self._done[key] = facts
        append(self._path, f"{json.dumps({'key': key, 'facts': facts})}\n".encode())

    def finish(self) -> None:
        """Forget everything: the step has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)


def delete_abandoned(store: Path) -> None:
    """Delete the records of steps that did not finish and are too old to be continued."""
    for name in (VERIFY, REBUILD):
        with suppress(FileNotFoundError):
            if not 0 <= time.time() - (store / name / "done").stat().st_mtime < AGE:
                shutil.rmtree(store / name, ignore_errors=True)
