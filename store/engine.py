"""The embedded engine: a snapshot of the events table as a lazy Ibis table on DuckDB.

Comes in: the files of a snapshot and the common filters. Goes out: `Events`, which analyzers turn
into tables. It never writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from hubbub.store.globs import matches, pattern
from hubbub.store.selection import Selection
from hubbub.times import from_micros, to_micros

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis.backends.duckdb import Backend

    from hubbub.store.tables import File

__all__ = ["Events", "Snapshot", "connect"]


def connect() -> Backend:
    """An engine in memory: UTC, no extension from the network."""
    import ibis

    backend = ibis.duckdb.connect()
    for statement in (
        "SET autoinstall_known_extensions = false",
        "SET autoload_known_extensions = false",
        "SET TimeZone = 'UTC'",
        "SET enable_progress_bar = false",
        "SET preserve_insertion_order = false",
    ):
        backend.raw_sql(statement).fetchall()
    return backend


class Snapshot:
    """The files of one version of the events table, and the engine that reads them."""

    def __init__(self, backend: Backend, version: int, files: Sequence[File]) -> None:
        self.backend, self.version, self.files = backend, version, files

    def events(self, chosen: Selection | None = None) -> Events:
        """The events that a selection leaves; only files that overlap its range are looked at."""
        chosen = chosen or Selection()
        return Events(_apply(self._table(chosen.since, chosen.until), chosen), chosen, self)

    def _table(self, since: int | None, until: int | None) -> ir.Table:
        near = [f.uri for f in self.files if f.overlaps(since, until)]
        name = f"events_{self.version}_{since}_{until}".replace("-", "m")
        if near:
            return self.backend.read_parquet(near, table_name=name, hive_partitioning=False)
        from hubbub.store.tables import SCHEMA

        # Not a memtable: an expression on nothing else would run on Ibis' default engine.
        self.backend.con.register(name, SCHEMA.empty_table())
        return self.backend.table(name)


class Events:
    """A thin wrapper over the lazy Ibis table: its columns and methods are this object's.

    Columns: `time` (timestamp, UTC), `id`, `topic`, `category`, `agent`, `users` (array of text),
    `objects` (array of text), `action`, `size` (bytes), `source`, `seq`, `extra` (map or null).

    `filter` and `scope` give `Events` again; everything else is Ibis' own.
    """

    __slots__ = ("_snapshot", "selection", "table")

    def __init__(
        self, table: ir.Table, selection: Selection | None = None, snapshot: Snapshot | None = None
    ) -> None:
        self.table = table
        self.selection = selection or Selection()
        self._snapshot = snapshot

    def scope(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        by: Literal["agent", "users"] = "users",
        bots: Sequence[str] | None = None,
        topic: Sequence[str] = (),
        category: Sequence[str] = (),
        user: Sequence[str] = (),
        not_user: Sequence[str] = (),
        object: Sequence[str] = (),  # noqa: A002 - the option's name
        action: Sequence[str] = (),
    ) -> Events:
        """The events of a question: the common filters of every query and view.

        Starts from the whole snapshot, whatever this object was filtered by.

        Args:
            since: inclusive; None: from the oldest event.
            until: exclusive; None: to the newest event.
            by: who counts: everybody a message names, or who did it.
            bots: globs of accounts that have no row in `unnest_users`; None: all have.
            topic: globs; alternatives, as in the other fields. Fields add up.
            category: globs.
            user: globs; keeps the events that name such a user (by agent: that such a user did),
                with all their users.
            not_user: globs of users that have no row. Their messages still count as messages.
            object: globs; keeps the events that touch such an object.
            action: globs.
        """
        assert self._snapshot is not None, "made from a bare table"
        return self._snapshot.events(
            Selection(
                since=None if since is None else to_micros(since),
                until=None if until is None else to_micros(until),
                by=by,
                removed=(*not_user, *(bots or ())),
                topic=tuple(topic),
                category=tuple(category),
                user=tuple(user),
                object=tuple(object),
                action=tuple(action),
            )
        )

    def count_events(self) -> int:
        """How many events there are; runs now."""
        return int(self.table.count().to_pyarrow().as_py())

    @property
    def by(self) -> str:
        """Who counts: `users` (everybody a message names) or `agent` (who did it)."""
        return self.selection.by

    def __getattr__(self, name: str) -> Any:
        return getattr(self.table, name)

    def __getitem__(self, what: Any) -> Any:
        return self.table[what]

    def filter(self, *predicates: Any) -> Events:
        """The events for which all predicates hold."""
        return Events(self.table.filter(*predicates), self.selection, self._snapshot)

    def unnest_users(self) -> ir.Table:
        """A row for each event and user, with the column `user`; events without a user drop.

        By `agent` there is at most one row an event. Users that the selection removes (`not_user`,
        bots) have no row.
        """
        if self.by == "agent":
            rows = self.table.mutate(user=self.table.agent).filter(lambda t: t.user.notnull())
        else:
            rows = self.table.mutate(user=self.table.users.unnest())
        removed = self.selection.removed
        return rows.filter(lambda t: ~matches(t.user, removed)) if removed else rows

    def unnest_objects(self) -> ir.Table:
        """A row for each event and object, with the column `object`."""
        return self.table.mutate(object=self.table.objects.unnest())


def _apply(rows: ir.Table, chosen: Selection) -> ir.Table:
    """The events that a selection leaves."""
    import ibis

    if chosen.since is not None:
        rows = rows.filter(rows.time >= ibis.timestamp(from_micros(chosen.since)))
    if chosen.until is not None:
        rows = rows.filter(rows.time < ibis.timestamp(from_micros(chosen.until)))
    for column, globs in (
        ("topic", chosen.topic),
        ("category", chosen.category),
        ("action", chosen.action),
    ):
        if globs:
            rows = rows.filter(matches(rows[column], globs))
    if chosen.user and chosen.by == "agent":
        rows = rows.filter(matches(rows.agent, chosen.user))
    elif chosen.user:
        rows = rows.filter(_any(rows.users, chosen.user))
    if chosen.object:
        rows = rows.filter(_any(rows.objects, chosen.object))
    return rows


def _any(texts: Any, globs: Sequence[str]) -> Any:
    """Whether one of an array's texts matches one of the globs."""
    if all(pattern(g) is None for g in globs):
        import ibis

        found = [texts.contains(g) for g in globs]
        return ibis.or_(*found)
    return texts.filter(lambda one: matches(one, globs)).length() > 0
