"""Copy the tables of a store to a mirror, as one of several collectors.

What waits in the store (`stream.outgoing`) is added in order, without the rows that the mirror has
already, with the number of the last file in the same commit: a process that dies at any moment is
followed by one that goes on exactly there. Bodies and samples are committed before their events. If
the answer to a commit is lost, the number tells whether it was made.

Numbers would repeat if the store were restored from a backup. The store therefore keeps which
number it is about to write; where the mirror has another one, the store begins again under another
name, and everything is compared with what the mirror has.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from random import random
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from hubbub.errors import HubbubError, UsageError
from hubbub.logger import get_logger
from hubbub.store.mirror.documents import (
    Collector,
    Documents,
    ForgottenNames,
    collector_of,
    fingerprint,
    holder,
    names_of,
)
from hubbub.store.mirror.failures import ConflictError
from hubbub.store.mirror.merging import ID, ITS_EVENT, SAMPLE, Known, merge
from hubbub.store.mirror.place import Place
from hubbub.store.mirror.tables import MirroredTables
from hubbub.store.mirror.upkeep import NAMES, Upkeeper, chain, unfinished
from hubbub.store.mirror.waiting import Part, matching, parts
from hubbub.store.privacy.scrub_tables import ScrubBodies, ScrubEvents
from hubbub.store.stream import outgoing, stream
from hubbub.store.tables.samples import origin_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from hubbub.store.store import Store

__all__ = ["EVERY", "Mirror", "Pass"]

EVERY = 5.0  # seconds between two passes
_RETRY = 0.5  # seconds at most until another attempt, where a collector was faster
_LONGEST = 60.0  # seconds: between two passes after failures
_SIGN = 60.0  # seconds between two signs of life
_ROWS = 65_536  # rows of events in one commit, about
_ROWS_WITH_BODIES = 8_192
_DOUBLINGS = 5
_log = get_logger("hubbub.mirror")


@dataclass(frozen=True, slots=True)
class Pass:
    """The result of one pass."""

    new: int = 0  # events that were added
    known: int = 0  # events that the mirror had
    waiting: int = 0  # files that are left
    more: bool = False  # whether upkeep goes on


class Mirror:
    """A mirror of a store. One process at a time: see `lock`.

    Args:
        store: whose tables are copied.
        url: of the mirror.

    Raises:
        UsageError: not the URL of a mirror.
    """

    def __init__(self, store: Store, url: str) -> None:
        self.store, self.place = store, Place(url)
        self._stream = store.path / stream.FOLDER
        self.folder = outgoing.folder_of(self._stream, self.place.url)
        self.tables = MirroredTables(self.place, store.path / "mirror" / self.folder.name)
        self.tables.clear()
        self.documents = Documents(self.place)
        self._upkeep = Upkeeper(self.tables, self.documents)
        own = self.tables.own
        self._events = own(self.tables.table)
        self.events = Known(self._events, ID)
        self.bodies = Known(own(self.tables.bodies), ID)
        self.samples = Known(own(self.tables.samples), SAMPLE)
        self._mark = ""  # of this process' files
        self._said: tuple[Collector, ForgottenNames | None] | None = None

    def lock(self) -> AbstractContextManager[bool]:
        """Acquire the right to write this mirror of the store; the context is whether it was."""
        return self.store.lock(self.folder.name, wait=False)

    def waiting(self) -> int:
        """Return the number of files that wait."""
        mirrors = outgoing.outgoing(self.store.state, self.place.url)
        return len(self._waiting(mirrors[0])) if mirrors else 0

    def run(
        self,
        stop: Callable[[], bool],
        wait: Callable[[float], object],
        *,
        every: float = EVERY,
    ) -> None:
        """Copy again and again until `stop`; what fails is logged, and tried again.

        Args:
            stop: polled between commits.
            wait: waits for so many seconds, or until it is to stop.
            every: seconds between two passes.
        """
        failures = 0
        while not stop():
            started = time.monotonic()
            try:
                done = self.step(stop)
            except ConflictError as error:
                _log.debug("another collector was faster", why=error.what)
                wait(random() * _RETRY)
                continue
            except HubbubError as error:
                failures += 1
                _log.error("the mirror waits", why=error.what, where=error.where, hint=error.hint)
            else:
                if failures:
                    _log.info("the mirror goes on", url=self.place.url)
                failures = 0
                if done.new or done.known:
                    _log.debug("mirrored", new=done.new, known=done.known, waiting=done.waiting)
                if done.more:
                    continue
            pause = min(every * 2.0 ** min(failures, _DOUBLINGS), _LONGEST)
            wait(max(0.0, pause - (time.monotonic() - started)))

    def step(self, stop: Callable[[], bool] = lambda: False) -> Pass:
        """Add what waits, and do some upkeep if it is this collector's turn.

        Raises:
            ConflictError: another collector was faster; try again.
            SourceError, UsageError: the mirror cannot be reached.
            StoreError: damage; or NoRoomError: a disk is full.
        """
        try:
            return self._step(stop)
        except ConflictError:
            raise
        except HubbubError as error:
            self._note(error=f"{error.what} ({error.where})" if error.where else error.what)
            raise

    def _note(self, **changes: Any) -> None:
        """Note in the state how it went."""
        for mirror in outgoing.outgoing(self.store.state, self.place.url):
            mirror.save(self.store.state, seen=time.time_ns() // 1000, **changes)

    def _step(self, stop: Callable[[], bool]) -> Pass:
        self.place.reach()
        self._events.refresh()
        mirror = self._registered()
        self._begin(mirror)
        self._adopt_key()
        self._speak(mirror)
        names, collectors = self.documents.forgotten(), self.documents.collectors()
        cut = max((each.cut for each in collectors), default=0)
        bodies_cut = max((each.bodies_cut for each in collectors), default=0)
        new = known = 0
        pushing = _Pushing(self, mirror, names, cut, bodies_cut)
        for part in parts(self._waiting(mirror), self._most()):
            if stop():
                break
            added, had = pushing.push(part)
            new, known = new + added, known + had
        left = len(self._waiting(mirror))
        self._note(**({} if left else {"reached": time.time_ns() // 1000}))
        more = False
        if not stop() and holder(collectors, mirror.collector, time.time_ns() // 1000):
            more = self._upkeep.run(names, cut, bodies_cut)
        self._note(error="")
        return Pass(new, known, left, more)

    def _most(self) -> int:
        return _ROWS_WITH_BODIES if self.store.bodies.exists() else _ROWS

    def _waiting(self, mirror: outgoing.Outgoing) -> list[Any]:
        """Return the files that wait, as far as the store has noted them."""
        for current in outgoing.outgoing(self.store.state, self.place.url):
            files = stream.waiting(self.folder)
            return [f for f in files if mirror.done < f.position.version < current.next]
        return []

    def _registered(self) -> outgoing.Outgoing:
        """Return how far this store is; begin anew where the mirror has another number."""
        state = self.store.state
        known = outgoing.outgoing(state, self.place.url)
        if known:
            mirror = known[0]
            if mirror.done and not self.place.is_there():
                raise UsageError(
                    "the mirror's folder is missing",
                    where=self.place.url,
                    hint="mount it; if it was deleted, `hubbub mirror --drop` begins again",
                )
            number = self._events.number(application(mirror.collector))
            if number in {mirror.done, mirror.attempt}:
                if number != mirror.done:
                    mirror = mirror.save(state, done=number)
                passed = [f for f in stream.waiting(self.folder) if f.position.version <= number]
                outgoing.release(self.folder, passed)
                return mirror
            _log.warning(
                "the mirror is compared with the whole store: one of them was replaced",
                number=number, expected=[mirror.done, mirror.attempt],
            )  # fmt: skip
            self.documents.delete(mirror.collector)
        with self.store.loader_lock():
            mirror = outgoing.register(self.store.table, state, self._stream, self.place.url)
        _log.info("a new mirror", url=self.place.url, collector=mirror.collector)
        return mirror

    def _begin(self, mirror: outgoing.Outgoing) -> None:
        """Delete what an earlier process of this collector has copied and not committed."""
        if self._mark != mirror.collector:
            self._mark = mirror.collector
            self.tables.sign(mirror.collector)
            self.tables.refresh()
            for table in self.tables:
                unfinished(table)

    # what collectors tell each other

    def _adopt_key(self) -> None:
        """Take over the key of another collector, so that all give a person the same pseudonym."""
        state = self.store.state
        if state.rows("SELECT 1 FROM secrets WHERE name = 'forget'"):
            return
        for names in self.documents.forgotten().values():
            key = bytes.fromhex(names.key)
            with state.transaction() as db:
                db.execute("INSERT OR IGNORE INTO secrets VALUES ('forget', ?)", (key,))
            state.reload_forgotten()
            return

    def _speak(self, mirror: outgoing.Outgoing) -> None:
        """Write what the others have to know, if it has changed or a minute has passed."""
        state = self.store.state
        names = names_of(state)
        said = collector_of(state, mirror.collector, mirror.events)
        if self._said is not None:
            before, names_before = self._said
            if names != names_before and names is not None:
                self.documents.write_names(mirror.collector, names)
            same = _without_time(before) == _without_time(said)
            if same and said.seen - before.seen < _SIGN * 1e6:
                self._said = before, names
                return
        elif names is not None:
            self.documents.write_names(mirror.collector, names)
        self.documents.write(said)
        self._said = said, names


def _without_time(said: Collector) -> Collector:
    import msgspec

    return msgspec.structs.replace(said, seen=0, events=0)


def application(collector: str) -> str:
    """Return the name under which a collector writes numbers into the tables."""
    return f"hubbub-mirror:{collector}"


class _Pushing:
    """Adds what waits, with the names and the retention of all collectors."""

    def __init__(
        self,
        owner: Mirror,
        mirror: outgoing.Outgoing,
        names: dict[str, ForgottenNames],
        cut: int,
        bodies_cut: int,
    ) -> None:
        self.folderer, self._mirror, self._cut, self._bodies_cut = owner, mirror, cut, bodies_cut
        lists = [each.names() for each in names.values() if each.digests]
        self._events = chain([ScrubEvents(each) for each in lists])
        self._bodies = chain([ScrubBodies(each) for each in lists])
        self._info = {NAMES: fingerprint(names)}

    def push(self, part: Part) -> tuple[int, int]:
        """Add a part; return how many events were new and how many known."""
        owner, state = self.folderer, self.folderer.store.state
        mirror, name = self._mirror, application(self._mirror.collector)
        # before the last row of a file is added, the mirror keeps the number that it has
        number = part.ends[-1].position.version if part.ends else mirror.done
        if number != mirror.done:
            mirror = mirror.save(state, attempt=number)
        rows = since(part.rows, self._cut)
        added = known = 0
        if rows.num_rows:
            store = owner.store
            bodies = matching(store.bodies, ID, rows["id"], rows)
            bodies = self._bodies(since(bodies, self._bodies_cut))
            merge(owner.bodies, bodies, name, number, self._info)
            if store.samples.exists():
                samples = _samples_of(store, rows)
                merge(owner.samples, samples, name, number, self._info)
            done = merge(owner.events, self._events(rows), name, number, self._info)
            added, known = done.rows, done.known
            if done.committed:
                mirror = mirror.save(state, done=number, events=mirror.events + added)
        self._mirror = mirror.save(state, known=mirror.known + known)
        outgoing.release(owner.folder, part.ends)
        return added, known


def since(rows: Any, cut: int) -> Any:
    """Return the rows from a time (µs) on."""
    return rows.filter(pc.greater_equal(rows["time"].cast(pa.int64()), cut)) if cut else rows


def _samples_of(store: Store, events: Any) -> Any:
    """Return the samples of these events."""
    origins = {source: origin_of(source) for source in pc.unique(events["source"]).to_pylist()}
    wanted = pa.table(
        {
            "time": events["time"].cast(pa.int64()),
            "seq": events["seq"],
            "origin": pa.array([origins[source] for source in events["source"].to_pylist()]),
        }
    )
    return matching(store.samples, ITS_EVENT, ITS_EVENT.of(wanted), events)
