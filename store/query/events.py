"""The embedded engine: a snapshot of the events table as a lazy Ibis table on DuckDB.

Comes in: the files of a snapshot, a `Selection`, and which accounts are one person. Goes out:
`Events`, which analyzers turn into tables. It never writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from hubbub.store.query import identity_join
from hubbub.store.query.engine import connect, view
from hubbub.store.query.globs import matches, pattern
from hubbub.store.query.identity import NO_MERGES, Persons
from hubbub.store.query.selection import Selection
from hubbub.times import from_micros

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis.backends.duckdb import Backend

    from hubbub.store.query.from_rollups import RollupReader
    from hubbub.store.tables.events import File

__all__ = ["Events", "events", "from_accounts"]


def events(
    backend: Backend,
    version: int,
    files: Sequence[File],
    chosen: Selection,
    persons: Persons = NO_MERGES,
    *,
    rolled: RollupReader | None = None,
) -> Events:
    """The events that a selection leaves of a snapshot; only files of its range are looked at.

    Args:
        backend: the engine; a view for each set of files is made in it.
        version: of the table.
        files: of that version.
        chosen: the common filters.
        persons: which accounts count under another's name.
        rolled: the rollups of that version.
    """
    near = [f for f in files if f.overlaps(chosen.since, chosen.until)]
    if near:
        rows = view(backend, f"events_{version}", [f.uri for f in near])
    else:
        from hubbub.store.tables.events import SCHEMA

        # Not a memtable: an expression on nothing else would run on Ibis' default engine.
        backend.con.register("events_none", SCHEMA.empty_table())
        rows = backend.table("events_none")
    rows = _apply(rows, _needed(chosen, near), persons)
    return Events(identity_join.table(rows, persons), chosen, persons, stored=rows, rolled=rolled)


def _needed(chosen: Selection, files: Sequence[File]) -> Selection:
    """Without the ends of the range that cut no file: rows that nobody filters need not be read."""
    since, until = chosen.since, chosen.until
    if since is not None and all(f.first >= since for f in files):
        since = None
    if until is not None and all(f.last < until for f in files):
        until = None
    return replace(chosen, since=since, until=until)


def from_accounts(rows: Sequence[tuple[datetime, str]], like: Events) -> Events:
    """Events made of times and accounts alone, for what was stored of events that may be gone.

    Args:
        rows: aware times and accounts as stored, not persons.
        like: whose filters by user and whose merges apply to these too.
    """
    import pyarrow as pa

    from hubbub.store.tables.events import SCHEMA

    times, users = [when for when, _ in rows], [user for _, user in rows]
    made: dict[str, Any] = {"time": times, "agent": users, "users": [[user] for user in users]}
    columns = [
        pa.array(made[f.name], f.type)
        if f.name in made
        else pa.nulls(len(rows), f.type)
        if f.nullable
        else pa.array([0 if pa.types.is_integer(f.type) else ""] * len(rows), f.type)
        for f in SCHEMA
    ]
    backend = connect()
    backend.con.register("people", pa.Table.from_arrays(columns, schema=SCHEMA))
    stored = _apply(backend.table("people"), like.selection, like.persons)
    return Events(identity_join.table(stored, like.persons), like.selection, like.persons, stored)


class Events:
    """A thin wrapper over the lazy Ibis table: its columns and methods are this object's.

    Columns: `time` (timestamp, UTC), `id`, `topic`, `category`, `agent`, `users` (array of text),
    `objects` (array of text), `action`, `size` (bytes), `source`, `seq`, `extra` (map or null).

    `filter` gives `Events` again; everything else is Ibis' own.
    """

    __slots__ = ("persons", "rolled", "selection", "stored", "table")

    def __init__(
        self,
        table: ir.Table,
        selection: Selection | None = None,
        persons: Persons = NO_MERGES,
        stored: ir.Table | None = None,
        rolled: RollupReader | None = None,
    ) -> None:
        self.table = table
        self.selection = selection or Selection()
        #: Which accounts count under another's name; done already in `table`.
        self.persons = persons
        #: The same events with agent and users as stored: cheaper where nobody is counted.
        self.stored = table if stored is None else stored
        #: What answers for whole days and hours; None after `filter`.
        self.rolled = rolled

    def count_events(self) -> int:
        """How many events there are; runs now."""
        return int(self.stored.count().to_pyarrow().as_py())

    @property
    def by(self) -> str:
        """Who counts: `users` (everybody a message names) or `agent` (who did it)."""
        return self.selection.by

    @property
    def gone_before(self) -> date | None:
        """Retention let go of events of days before this one (UTC); None: of none."""
        cut = self.rolled.frozen if self.rolled is not None else 0
        return from_micros(cut).date() if cut else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.table, name)

    def __getitem__(self, what: Any) -> Any:
        return self.table[what]

    def filter(self, *predicates: Any) -> Events:
        """The events for which all predicates hold."""
        return Events(self.table.filter(*predicates), self.selection, self.persons)

    def unnest_users(self, *columns: str) -> ir.Table:
        """A row for each event and user, with the column `user`; events without a user drop.

        By `agent` there is at most one row an event. Users that the selection removes (`not_user`,
        bots) have no row. An event that names a person by several accounts gives that person one.

        Args:
            columns: the other columns that are wanted; all without any. Naming them is several
                times faster where accounts are merged.
        """
        narrow = bool(columns) and not {"agent", "users", "user"} & set(columns)
        if narrow and self.persons and self.stored is not self.table:
            rows = identity_join.people(self.stored, self.by, columns, self.persons)
        else:
            if self.by == "agent":
                rows = self.table.mutate(user=self.table.agent).filter(lambda t: t.user.notnull())
            else:
                rows = self.table.mutate(user=self.table.users.unnest())
            rows = rows.select(*columns, "user") if columns else rows
        removed = self.persons.widened(self.selection.removed)
        return rows.filter(lambda t: ~matches(t.user, removed)) if removed else rows

    def daily_users(self, *, summed: bool = True) -> ir.Table:
        """Columns `time` (the day, UTC), `user`, `messages`, `bytes`: see `rolled`.

        The same as counting `unnest_users`, and many times faster where nothing but users is
        filtered and no accounts are merged.

        Args:
            summed: one row for each day and user. Without it there may be several, each at any
                time of its day: cheaper for whoever adds them up by user, week or month.
        """
        from hubbub.store.query import from_rollups

        return from_rollups.users(self, "daily_users", summed=summed)

    def hourly_users(self, *, summed: bool = True) -> ir.Table:
        """`daily_users` by the hour."""
        from hubbub.store.query import from_rollups

        return from_rollups.users(self, "hourly_users", summed=summed)

    def weekly_users(self, *, summed: bool = False) -> ir.Table:
        """`daily_users`, each row at any time of its week (from Monday) and month.

        The cheapest for whoever adds up weeks, months or everything.

        Args:
            summed: at most a row for each day and user, where there is none for the week.
        """
        from hubbub.store.query import from_rollups

        return from_rollups.users(self, "weekly_users", summed=summed)

    def daily_topics(self, *, summed: bool = True) -> ir.Table:
        """Columns `time` (the day, UTC), `topic`, `category`, `messages`, `bytes`.

        Fast where nothing but topics and categories is filtered. `summed` as in `daily_users`.
        """
        from hubbub.store.query import from_rollups

        return from_rollups.topics(self, summed=summed)

    def unnest_objects(self) -> ir.Table:
        """A row for each event and object, with the column `object`."""
        return self.table.mutate(object=self.table.objects.unnest())


def _apply(rows: ir.Table, chosen: Selection, persons: Persons) -> ir.Table:
    """The events that a selection leaves, with the accounts as stored."""
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
    if chosen.user:
        wanted = persons.widened(chosen.user)
        by_agent = chosen.by == "agent"
        rows = rows.filter(matches(rows.agent, wanted) if by_agent else _any(rows.users, wanted))
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
