"""Put posted events from the journal into the spool, so that they become stored events.

One process per store does so at a time. Doing it again after a crash changes nothing: the ids of
the events are made of the journal's key and their number.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

from hubbub.collector.decode.posted import frame_of
from hubbub.collector.event import Sink
from hubbub.errors import HubbubError
from hubbub.logger import get_logger
from hubbub.store import Store
from hubbub.store.journal.journal import Journal

__all__ = ["Feeder", "feed"]

EVERY = 0.5  # s between two looks into the journal
_ROWS, _SIZE = 2_000, 8 << 20  # rows and bytes that are put at once
_LOCK = "journal.lock"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_log = get_logger("hubbub.serve")


def feed(journal: Journal, sink: Sink) -> int:
    """Put the rows that are not in the spool yet; return how many.

    Args:
        journal: open.
        sink: the spool.

    Raises:
        StoreError: no room; the rows stay in the journal.
    """
    done = 0
    key = journal.key
    while rows := journal.after(journal.spooled, _ROWS, _SIZE):
        for row in rows:
            for nth, event in enumerate(row.events()):
                text = _encode(event)
                sink.put(
                    frame_of(text.encode(), key=key, row=row.number, nth=nth, received=row.received)
                )
        sink.flush()
        journal.mark_spooled(rows[-1].number)
        done += len(rows)
    return done


class Feeder:
    """A thread that feeds the spool of a store from its journal.

    Args:
        folder: of the store.
        on_fed: called after rows were put.
    """

    def __init__(self, folder: Path, on_fed: Callable[[], object] = lambda: None) -> None:
        self._folder, self._on_fed = folder, on_fed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal-feeder", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Put what is in the journal, and end the thread."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        descriptor = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while not _locked(descriptor):  # another process feeds
                if self._stop.wait(EVERY):
                    return
            with Store.open(self._folder) as store, Journal(self._folder) as journal:
                self._feed(store, journal)
        except HubbubError as error:
            _log.error("posted events do not reach the spool", why=error.what, where=error.where)
        finally:
            os.close(descriptor)

    def _feed(self, store: Store, journal: Journal) -> None:
        with store.spool("http") as sink:
            while True:
                last = self._stop.wait(EVERY)
                try:
                    if feed(journal, sink):
                        self._on_fed()
                    else:
                        sink.flush()  # seals a segment that is old
                except HubbubError as error:
                    _log.warning("posted events wait in the journal", why=error.what)
                if last:
                    return


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
