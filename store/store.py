"""`Store`: a folder with the spool, the tables, the index of ids and the state.

    state.sqlite    checkpoints, coverage, counters, dead letters
    state.reserve   disk space to open the state on a full disk
    spool/          messages that are received and not loaded yet
    events/         the Delta table of events
    ids/            the index of event ids: their hashes
    bodies/, samples/  Delta tables of messages as received, where configured, and of gauges
    rollups/        Delta tables of sums by hour, day and week, and of actions
    permanent/      answers behind permanent links; plugins/: what plugins cache and publish
    stream/         new events that wait for event handlers and mirrors; journal.sqlite: posted ones
    spill/, aside/  what queries do not hold in memory; the quarantine of damaged files
    verify/, rebuild/  what a verification or rebuild has done that did not finish
    loader.lock     held by the process that loads

Any number of processes may have it open.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from hubbub.closeable import Closeable
from hubbub.collector.event import Understand
from hubbub.errors import UsageError
from hubbub.store.disk.errors import translate_errors
from hubbub.store.disk.files import check_new, make_folder
from hubbub.store.disk.filesystem import check_local, check_path, is_writable
from hubbub.store.disk.lock import locked
from hubbub.store.disk.spill import Spill
from hubbub.store.loader import unmapped
from hubbub.store.loader.unmapped import Unmapped
from hubbub.store.opened import LocalTables, mirror_of, open_tables, stored_files
from hubbub.store.query import identity
from hubbub.store.query.selection import Selection
from hubbub.store.spool import folder as spool
from hubbub.store.spool import segment, writer
from hubbub.store.spool.waiting import Waiting, count_waiting
from hubbub.store.state import coverage
from hubbub.store.state.database import State
from hubbub.store.state.ledger import CoverageSpan

if TYPE_CHECKING:
    from hubbub.collector.signatures.guard import TrustFiles
    from hubbub.store.delta.table import Table as DeltaTable
    from hubbub.store.loader.loader import Loaded
    from hubbub.store.mirror.tables import MirroredTables
    from hubbub.store.query import events
    from hubbub.store.query.identity import Persons
    from hubbub.store.rollups.refresh import Rollup
    from hubbub.store.state.dead_letters import DeadLetter
    from hubbub.store.tables.bodies import Bodies
    from hubbub.store.tables.events import Events as Table
    from hubbub.store.tables.samples import Samples

__all__ = ["Store", "Waiting"]

_STATE = "state.sqlite"


class Store(Closeable):
    """An open store. Use `Store.open`."""

    def __init__(self, path: Path, state: State) -> None:
        self.path, self.state = path, state
        self.mirror = mirror_of(path)  # whose tables these are, where this is no store
        self.engine_url: str | None = None  # of another query engine than the built-in one; secret
        self.engine_memory: int | None = None  # bytes of the built-in one; set before it is used
        self.engine_disk: int | None = None  # bytes, for what does not fit into its memory
        self.spool_folder = path / "spool"

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], *, create: bool = True, reading: bool = False
    ) -> Self:
        """Open the store at `path`, or create it.

        Args:
            path: its folder.
            create: create it if it does not exist.
            reading: accept a store that this process may not write; nothing is written then
                (`read_only`), and its state is that of this moment.

        Raises:
            UsageError: `path` is a file or another program's folder, there is no permission,
                it is not on a local disk, or there is no store and `create` is false.
            StoreError: the store is damaged, or of a newer version.
        """
        check_path(folder := Path(path))
        try:
            check_local(folder)
            if folder.exists() and not folder.is_dir():
                raise UsageError("this is a file; a store is a folder", where=str(folder))
            exists = folder.is_dir() and (folder / _STATE).exists()
            if exists and not is_writable(folder, folder / _STATE):
                state = State(folder / _STATE, read_only=True)
                if not reading:
                    with state:
                        state.require_writable()
                return cls(folder, state)
            if not exists:
                check_new(folder, _STATE, create=create)
                make_folder(folder, private=True)
            state = State(folder / _STATE)
            make_folder(folder / "spool")
        except OSError as e:
            raise UsageError(
                f"cannot use this folder as a store: {e.strerror or e}", where=str(folder)
            ) from e
        return cls(folder, state)

    @property
    def read_only(self) -> bool:
        """Whether nothing of it may be written: waiting messages are not loaded."""
        return self.state.read_only or self.mirror is not None

    def require_writable(self) -> None:
        """Raise UsageError where the store is `read_only`."""
        if self.mirror is not None:
            raise self.mirror.refuse()
        self.state.require_writable()

    def close(self) -> None:
        """Close the state and the query engine."""
        if (backend := self.__dict__.pop("backend", None)) is not None:
            backend.disconnect()
        if "_spill" in self.__dict__:
            self.__dict__.pop("_spill").close()
        self.state.close()

    def spool(
        self, name: str, *, bodies: bool = False, trust: TrustFiles | None = None
    ) -> writer.SpoolWriter:
        """Return a `Sink` for one writer and thread; close it.

        Args:
            name: of the writer.
            bodies: also store the messages as received, in the table of bodies.
            trust: the trust settings to check these messages by when they are loaded; None: accept
                all.
        """
        self.require_writable()
        flags = segment.BODIES if bodies else 0
        if trust is not None:
            from hubbub.store.spool.trust import register_trust

            flags |= register_trust(self.state, trust) << segment.TRUST
        return writer.SpoolWriter(self.spool_folder, name, flags=flags)

    def waiting(self) -> Waiting:
        """Count what is not loaded yet. Only the heads of records are read."""
        if self.read_only and not self.spool_folder.exists():  # a copy without empty folders
            return Waiting()
        loaded = self.state.rows("SELECT name, position FROM segments")
        return count_waiting(self.spool_folder, dict(loaded))

    def has_work(self) -> bool:
        """Whether `load` has anything to do: segments, retries, unfinished forgetting."""
        return not self.read_only and (
            self._unfinished_forget()
            or bool(self.state.rows("SELECT 1 FROM dead_letters WHERE again LIMIT 1"))
            or any(spool.segments(self.spool_folder))
        )

    def _unfinished_forget(self) -> bool:
        return bool(self.state.rows("SELECT 1 FROM forgotten WHERE done = 0 LIMIT 1"))

    def load(
        self,
        *,
        wait: bool = True,
        understand: Understand | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Loaded:
        """Load the spool into the tables, in this process.

        Args:
            wait: wait for another loader to finish; otherwise return with `busy`.
            understand: decodes a frame to its events; by default by hubbub's own rules.
            stop: polled after each commit; True ends the run early.

        Raises:
            StoreError: no room, or damage. Messages that are not loaded stay in the spool.
        """
        from hubbub.store.loader.loader import Loaded

        unfinished = self._unfinished_forget()
        if self.read_only or not self.has_work():
            return Loaded()
        with translate_errors(self.path), self.loader_lock(wait=wait) as acquired:
            if not acquired:
                return Loaded(busy=True)
            if unfinished:
                from hubbub.store.privacy.forget import finish

                finish(self, understand)  # the process that was forgetting a name died
            loaded = self.drain(understand, stop)
            from hubbub.store.rollups.refresh import keep_up

            keep_up(self)
            return loaded

    def drain(
        self,
        understand: Understand | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Loaded:
        """Load the spool; the caller holds the loader lock."""
        from hubbub.collector.people.reader import Reader
        from hubbub.store.loader.loader import Loader
        from hubbub.store.maintenance.repair import prepare

        prepare(self)
        loader = Loader(
            spool_folder=self.spool_folder,
            table=self.table,
            bodies=self.bodies,
            samples=self.samples,
            ids_folder=self.path / "ids",
            state=self.state,
            understand=understand or Reader(),
        )
        return loader.drain(stop)

    def loader_lock(self, *, wait: bool = True) -> AbstractContextManager[bool]:
        """Acquire the loader lock: see `lock`."""
        return self.lock("loader", wait=wait)

    def lock(self, name: str, *, wait: bool = True) -> AbstractContextManager[bool]:
        """Acquire a lock of one process at a time; the context is whether it is held."""
        self.require_writable()
        return locked(self.path / f"{name}.lock", wait=wait)

    @cached_property
    def _open_tables(self) -> LocalTables | MirroredTables:
        return open_tables(self.path, self.mirror)

    @cached_property
    def table(self) -> Table:
        """The Delta table of events."""
        return self._open_tables.table

    @cached_property
    def bodies(self) -> Bodies:
        """The Delta table of bodies."""
        return self._open_tables.bodies

    @cached_property
    def samples(self) -> Samples:
        """The Delta table of samples."""
        return self._open_tables.samples

    @property
    def tables(self) -> tuple[DeltaTable, ...]:
        """All tables, events first."""
        return (self.table, self.bodies, self.samples, *self.rollups)

    @cached_property
    def rollups(self) -> tuple[Rollup, ...]:
        """The Delta tables of sums by hour, day and week, and of details of events."""
        return self._open_tables.rollups

    @cached_property
    def backend(self) -> Any:
        """The engine that queries run on."""
        from hubbub.store.query import engine

        if self.engine_url is not None:
            return engine.connect_to(self.engine_url, shared=self.mirror is not None)
        backend = engine.connect(self._spill.path, self.engine_memory, self.engine_disk)
        if self.mirror is not None:
            self.mirror.attach(backend)
        return backend

    @cached_property
    def _spill(self) -> Spill:
        return Spill(None if self.state.read_only else self.path)

    def events(self, selection: Selection | None = None) -> events.Events:
        """Return the stored events that match a selection, as a lazy Ibis table of this moment.

        Merged accounts count as one person. The spool is not loaded first.
        """
        from hubbub.store.query import events
        from hubbub.store.rollups.frozen import frozen

        version, files = self.table.snapshot()
        chosen, known = selection or Selection(), self.persons

        def select(paths: Sequence[str] | None, part: Selection) -> events.Events:
            # few files: read whatever their times
            those = files if paths is None else [events.of_any_time(path) for path in paths]
            return events.events(self.backend, version, those, part, known)

        reader, cut = None, frozen(self)
        if files or cut:  # rollups outlive the last event, too
            from hubbub.store.query.from_rollups import RollupReader
            from hubbub.store.query.names import knowing_names

            oldest, newest = (files[0].first, max(f.last for f in files)) if files else (cut, cut)
            reader = RollupReader(
                backend=self.backend,
                table=self.table,
                version=version,
                oldest=oldest,
                newest=newest,
                rollups=self.rollups,
                frozen=cut,
                select=select,
            )
            known = knowing_names(known, reader, chosen)
        return events.events(self.backend, version, files, chosen, known, rollups=reader)

    @property
    def persons(self) -> Persons:
        """The merged accounts, by the journal as of now."""
        return identity.persons(self.state)

    def bounds(self) -> tuple[int, int] | None:
        """Return the times of the oldest and newest stored event in µs; None in an empty store."""
        files = stored_files(self)
        return (files[0].first, max(f.last for f in files)) if files else None

    def rows(self) -> int:
        """Return the number of stored events."""
        return sum(f.rows for f in stored_files(self))

    def spans(self, since: int | None = None, until: int | None = None) -> list[CoverageSpan]:
        """Return the ledger's spans that overlap [since, until) in µs, by source and time."""
        return self.state.coverage(since, until)

    def coverage(self, since: int, until: int, *, filters: str = "") -> coverage.Verdict:
        """Return how complete [since, until) (µs) is, and its gaps."""
        return coverage.judge(self.spans(since, until), since, until, filters=filters)

    def unmapped(self) -> list[Unmapped]:
        """Return topics without a rule or whose rule matched nothing; most frequent first."""
        return unmapped.unmapped(self.state.get(unmapped.KEY))

    def dead_letters(
        self, *, reason: str | None = None, source: str | None = None, limit: int = 100
    ) -> list[DeadLetter]:
        """Return the messages that could not be decoded, newest first."""
        return self.state.dead_letters(reason=reason, source=source, limit=limit)
