"""The part of a listener that loads nothing: it keeps its spool ready to be fetched.

It takes the place of the loader process: segments of a predecessor that was killed are closed at
the start, and the document of coverage is kept up to date in a thread of its own, so that a disk
that hangs delays neither receiving nor the watchdog.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from hubbub.errors import HubbubError
from hubbub.logger import get_logger
from hubbub.store.handover.coverage import write_document
from hubbub.store.spool import folder as spool
from hubbub.store.state.database import State

__all__ = ["SpoolOnly"]

EVERY = 20.0  # seconds between two documents
_log = get_logger("hubbub.store")


class SpoolOnly:
    """Stands in for `LoaderProcess` where messages are loaded on another machine.

    Args:
        state: path of the listener's state file.
        folder: its spool.
    """

    restarts = 0
    alive = True

    def __init__(self, state: Path, folder: Path) -> None:
        self._path, self._folder = state, folder
        self._ending = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="handover", daemon=True)

    def start(self) -> None:
        """Close what a killed predecessor left open, and begin."""
        spool.recover(self._folder)
        self._thread.start()

    def renew(self, *_: Any, **__: Any) -> None:
        """Do nothing: no setting of loading applies here."""

    def stop(self, timeout: float = 5.0) -> bool:
        """Write the last document; return whether the disk answered in time (seconds)."""
        self._ending.set()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._ending.wait(EVERY):
            self._write()
        self._write()

    def _write(self) -> None:
        try:
            with State(self._path, create=False) as state:
                write_document(state, self._folder)
        except (HubbubError, OSError) as error:
            if not self._failing:  # once; segments are complete without it
                _log.warning("coverage is not handed over", why=str(error))
            self._failing = True
        else:
            self._failing = False
