"""The loader: moves messages from spool segments to the events table, each exactly once.

It also writes counters and dead letters, and deletes segments when all their content is durable
elsewhere. One loader at a time holds the store's loader lock.

The steps of a batch; a crash between any two of them neither loses nor duplicates a message:

1. SQLite: insert the batch's number, positions and counts (`pending`), and its dead letters; if
   bodies or samples are stored, commit those with the batch's number
2. fsync the data files; fsync the Delta log entry, which has the number as an application
   transaction
3. bring the id index up to the new version of the table
4. SQLite: apply positions and counters, delete the `pending` row
5. delete the segments that were read to their end

After a crash, a pending batch whose number is in the Delta log is finished from step 3 on. Any
other is abandoned: bodies and samples that it committed are removed, and its records are read
again.

A batch that does not fit into memory or on the disk is abandoned likewise, and its records are read
again from the spool in smaller batches. A single record that does not fit into memory becomes a
dead letter; on a full disk it waits.

The list of forgotten names is read at the start; it cannot change while the lock is held.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from hubbub.collector.event import Event, Understand
from hubbub.collector.people.reader import Reader
from hubbub.errors import NoMemoryError, NoRoomError, StoreError
from hubbub.logger import get_logger
from hubbub.store.disk.errors import translate_errors
from hubbub.store.disk.files import sync_folder
from hubbub.store.loader import recovery, unmapped
from hubbub.store.loader.batch import Batch
from hubbub.store.loader.batch_size import BatchSize
from hubbub.store.loader.bus_stats import BusStats
from hubbub.store.loader.damage import quarantine_segment, reopen
from hubbub.store.spool import folder, segment
from hubbub.store.spool.trust import Trusts
from hubbub.store.state import dead_letters
from hubbub.store.state.database import State
from hubbub.store.stream import stream
from hubbub.store.tables import samples
from hubbub.store.tables.bodies import Bodies, Body
from hubbub.store.tables.events import Events
from hubbub.store.tables.id_index import Hashes
from hubbub.store.tables.id_lookup import open_index
from hubbub.store.tables.samples import Samples

__all__ = ["Loaded", "Loader"]

EVENTS = 20_000  # records in one commit
HELD = 16 << 20  # bytes of bodies and dead letters in one commit
_log = get_logger("hubbub.store")


@dataclass(frozen=True, slots=True)
class Loaded:
    """The result of one run of the loader: numbers of messages."""

    new: int = 0
    known: int = 0
    refused: dict[str, int] = field(default_factory=dict)  # by reason
    busy: bool = False  # another loader held the lock, and we did not wait


class Loader:
    """One run of the loader; the caller holds the loader lock.

    Args:
        spool_folder: of the segments.
        table: the events table.
        bodies: the table of bodies.
        samples: the table of samples.
        ids_folder: of the id index.
        state: positions, counters, dead letters.
        understand: decodes a frame to its events; raises MessageError for one that it refuses.
        events: records per commit.
    """

    def __init__(
        self,
        *,
        spool_folder: Path,
        table: Events,
        bodies: Bodies,
        samples: Samples,
        ids_folder: Path,
        state: State,
        understand: Understand,
        events: int = EVENTS,
    ) -> None:
        self.spool, self.table, self.bodies, self.state = spool_folder, table, bodies, state
        self.samples, self.understand, self.events = samples, understand, events
        self._counts: Counter[tuple[str, str]] = Counter()
        self._batch = Batch(understand)  # being collected or committed
        self._missed = understand.missed if isinstance(understand, Reader) else {}
        folder.recover(spool_folder)
        recovery.resume(self.state, table, bodies, samples, spool_folder)
        self._stream_folder = spool_folder.parent / stream.FOLDER
        stream.catch_up(table, state, self._stream_folder)
        self._ids = open_index(ids_folder, table)
        self._ids.catch_up(table.version())

    def drain(self, stop: Callable[[], bool] = lambda: False) -> Loaded:
        """Load the whole spool, and retry dead letters; `stop` may end it early, after a commit.

        Raises:
            NoRoomError: there is no room on the disk even for a single record.
        """
        self._counts = Counter()
        size = BatchSize(self.state, self.events, HELD)
        unfit = set() if size.unfit is None else {size.unfit}  # places of records
        while True:
            try:
                self._load_spool(size, unfit, stop)
            except (MemoryError, NoMemoryError, NoRoomError) as e:
                batch = self._batch
                if batch.frames <= 1 and (isinstance(e, NoRoomError) or batch.last in unfit):
                    size.done()
                    raise
                _log.warning("a batch did not fit", records=batch.frames, why=type(e).__name__)
                if batch.frames <= 1:
                    unfit.add(batch.last)
                size.shrink(batch.frames)
                self._abandon()
            except Exception:
                size.done()
                raise
            else:
                size.done()
                return self._loaded()

    def _load_spool(self, size: BatchSize, unfit: set[str], stop: Callable[[], bool]) -> None:
        """Load in batches of at most this size; `unfit` are places of records to refuse."""
        bus_stats, trusts = BusStats(self.state), Trusts(self.state)
        new_batch = partial(Batch, self.understand, self.state.forgotten, bus_stats, unfit=unfit)
        self._batch = new_batch()
        finished: list[Path] = []
        for waiting in folder.segments(self.spool):
            flags = self._flags(waiting)
            if flags is None or not trusts.ready(flags):
                continue
            name, guard = waiting.name, trusts.guard(flags)
            for record in self._records(waiting):
                size.reading(name, record.start)
                self._batch.take(name, record, flags=flags, guard=guard)
                if self._commit_if_full(size):
                    self._delete(finished)
                    self._batch, finished = new_batch(), []
                    if stop():
                        return
            if not waiting.live:
                finished.append(waiting.path)
        for letter in dead_letters.to_retry(self.state.rows):
            if trusts.ready(letter.flags):
                size.reading(letter.place)
                self._batch.retry(letter, trusts.guard(letter.flags))
                if self._commit_if_full(size):
                    self._batch = new_batch()
        self._commit(self._batch)
        self._delete(finished)
        trusts.record_unready()

    def _commit_if_full(self, size: BatchSize) -> bool:
        if not size.full(self._batch.frames, self._batch.held):
            return False
        self._commit(self._batch)
        size.fitted()
        return True

    def _abandon(self) -> None:
        """Forget the batch that did not fit, or finish it if its events are in the table."""
        self._batch = Batch(self.understand)
        self._missed.clear()
        recovery.resume(self.state, self.table, self.bodies, self.samples, self.spool)
        self._ids.catch_up(self.table.version())

    def _flags(self, waiting: folder.Segment) -> int | None:
        """Return the flags of a segment; None: its head is damaged."""
        descriptor = folder.open_segment(waiting)
        if descriptor is None:
            return 0
        try:
            return segment.flags(descriptor, str(waiting.path))
        except StoreError as e:
            if not waiting.live:  # one that is still being written is quarantined once it is sealed
                place = quarantine_segment(self.state, self.spool.parent, waiting)
                _log.error("a segment is quarantined", why=e.what, where=e.where, kept=str(place))
            return None
        finally:
            os.close(descriptor)

    def _records(self, waiting: folder.Segment) -> Iterator[segment.Record | segment.Damage]:
        """Yield the records of a segment that are not loaded yet."""
        start = position(self.state, waiting.name)
        descriptor = folder.open_segment(waiting)
        if descriptor is None:
            return
        try:
            yield from segment.read(
                descriptor, start, name=str(waiting.path), live=waiting.live, torn=waiting.torn
            )
        finally:
            os.close(descriptor)

    def _commit(self, batch: Batch) -> None:
        """Steps 1 to 4."""
        if batch.frames:
            with translate_errors(self.spool.parent):
                self._commit_records(batch)

    def _commit_records(self, batch: Batch) -> None:
        new, new_hashes = self._new_events(batch)
        for source, n in Counter(event.source for event in new).items():
            batch.counts[source, "new"] += n
        number = self.table.batch() + 1
        document = {
            "positions": batch.positions,
            "counts": [[source, name, n] for (source, name), n in _changes(batch).items() if n],
            "letters": batch.settled,
            "unmapped": unmapped.tally(
                (self._missed[event.id], event.topic, event.id)
                for event in new
                if event.id in self._missed
            ),
            "hearing": batch.bus_stats.document(new) if batch.bus_stats else {},
        }
        self._missed.clear()
        with self.state.transaction() as db:
            dead_letters.bury(db, batch.letters)
            if batch.damaged is not None:
                reopen(self.state, batch.damaged)
            db.execute("INSERT INTO pending VALUES (?, ?)", (number, json.dumps(document)))
            if not new:
                recovery.finish(self.state, number)
        if not new:
            self._counts.update(batch.counts)
        else:
            if batch.bodies:
                self.bodies.append(
                    [
                        Body(event.time, event.id, batch.bodies[event.id])
                        for event in new
                        if event.id in batch.bodies
                    ],
                    number,
                )
            if new_samples := list(samples.from_events(new, batch.samples)):
                self.samples.append(new_samples, number)
            version = self.table.append(new, number)
            self._counts.update(batch.counts)  # whatever fails now, they are in the table
            self._ids.add(new_hashes, version)
            recovery.finish(self.state, number)
            stream.catch_up(self.table, self.state, self._stream_folder)

    def _new_events(self, batch: Batch) -> tuple[list[Event], Hashes]:
        """Return the events that are not in the table, and the hashes of their ids."""
        events = list(batch.events.values())
        hashes = np.frombuffer(b"".join(batch.digests), dtype="<u8")
        if not events:
            return [], hashes
        times = [e.time for e in events]
        known = self._ids.known(list(batch.events), hashes, (min(times), max(times)))
        if not known:
            return events, hashes
        for event in events:
            if event.id in known:
                batch.counts[event.source, "known"] += 1
        indices = [i for i, e in enumerate(events) if e.id not in known]
        return [events[i] for i in indices], hashes[indices]

    def _delete(self, segments: list[Path]) -> None:
        """Step 5."""
        if not segments:
            return
        try:
            for path in segments:
                path.unlink(missing_ok=True)
            sync_folder(self.spool)
        except OSError as e:
            raise StoreError(f"cannot delete a loaded segment: {e}", where=str(self.spool)) from e
        with self.state.transaction() as db:
            db.executemany("DELETE FROM segments WHERE name = ?", [(p.stem,) for p in segments])

    def _loaded(self) -> Loaded:
        totals: Counter[str] = Counter()
        for (_, name), n in self._counts.items():
            totals[name] += n
        refused = {
            name.removeprefix("refused:"): n
            for name, n in sorted(totals.items())
            if name.startswith("refused:")
        }
        return Loaded(totals["new"], totals["known"], refused)


def _changes(batch: Batch) -> Counter[tuple[str, str]]:
    """Return the changes of all counters by a batch; retried dead letters make some negative."""
    total = Counter(batch.counts)
    total.update(batch.corrections)
    return total


def position(state: State, name: str) -> int:
    """Return how many bytes of a segment are loaded."""
    rows = state.rows("SELECT position FROM segments WHERE name = ?", name)
    return int(rows[0][0]) if rows else 0
