"""A snapshot of the events table as a lazy Ibis table.

`events` applies a `Selection` and the merges of accounts to the files of a snapshot, and returns
`Events`, which analyzers aggregate. It never writes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from hubbub.store.query import identity_join
from hubbub.store.query.audience import Audience
from hubbub.store.query.engine import connect, rows_in_memory, view
from hubbub.store.query.globs import matches, pattern
from hubbub.store.query.identity import NO_MERGES, Persons
from hubbub.store.query.selection import Selection
from hubbub.store.query.times import clock, micros, wall
from hubbub.times import from_micros
from hubbub.zones import UNIVERSAL, Zone

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.actions.kept import KeptActions
    from hubbub.store.query.from_rollups import RollupReader
    from hubbub.store.tables.events import File

__all__ = ["Events", "events", "from_accounts"]


def events(
    backend: Any,
    version: int,
    files: Sequence[File],
    chosen: Selection,
    persons: Persons = NO_MERGES,
    *,
    rollups: RollupReader | None = None,
) -> Events:
    """Return the events of a snapshot that match a selection; only files of its range are opened.

    Args:
        backend: the engine; a view for each set of files is created in it.
        version: of the table.
        files: of that version.
        chosen: the common filters.
        persons: the merged accounts.
        rollups: the rollups of that version.
    """
    in_range = [f for f in files if f.overlaps(chosen.since, chosen.until)]
    if in_range:
        rows = view(backend, f"events_{version}", [f.uri for f in in_range])
    else:
        from hubbub.store.tables.event_rows import SCHEMA

        rows = rows_in_memory(backend, "events_none", SCHEMA.empty_table())
    rows = _apply(rows, _without_idle_bounds(chosen, in_range), persons)
    return Events(
        identity_join.merge_accounts(rows, persons), chosen, persons, stored=rows, rollups=rollups
    )


def of_any_time(path: str) -> File:
    """Return a file that every time range includes."""
    from hubbub.store.tables.events import File

    return File(path, 0, 0, 0, 2**63 - 1)


def _without_idle_bounds(chosen: Selection, files: Sequence[File]) -> Selection:
    """Drop the bounds of the range that exclude no row of the files: `time` need not be read."""
    since, until = chosen.since, chosen.until
    if since is not None and all(f.first >= since for f in files):
        since = None
    if until is not None and all(f.last < until for f in files):
        until = None
    return replace(chosen, since=since, until=until)


def from_accounts(rows: Sequence[tuple[datetime, str]], like: Events) -> Events:
    """Build events from times and accounts alone, where the events themselves may be deleted.

    Args:
        rows: aware times and accounts as stored, not persons.
        like: whose selection and merges apply to these too.
    """
    import pyarrow as pa

    from hubbub.store.tables.event_rows import SCHEMA

    times, users = [when for when, _ in rows], [user for _, user in rows]
    values: dict[str, Any] = {"time": times, "agent": users, "users": [[user] for user in users]}
    columns = [
        pa.array(values[f.name], f.type)
        if f.name in values
        else pa.nulls(len(rows), f.type)
        if f.nullable
        else pa.array([0 if pa.types.is_integer(f.type) else ""] * len(rows), f.type)
        for f in SCHEMA
    ]
    people = rows_in_memory(connect(), "people", pa.Table.from_arrays(columns, schema=SCHEMA))
    persons = replace(like.persons, matching=None)  # it knows the names of stored events
    stored = _apply(people, like.selection, persons)
    merged = identity_join.merge_accounts(stored, persons)
    like.audience.instead = Events(merged, like.selection, persons, stored)
    return Events(merged, like.selection, persons, stored, audience=like.audience)


class Events:
    """A thin wrapper over a lazy Ibis table; the table's columns and methods are available on it.

    Columns: `time` (timestamp, UTC), `id`, `topic`, `category`, `agent`, `users` (array of text),
    `objects` (array of text), `action`, `size` (bytes), `source`, `seq`, `extra` (map or null).
    `filter` returns `Events`; every other method is Ibis' own.
    """

    __slots__ = ("actions", "audience", "beginning", "persons", "rollups", "selection", "stored",
                 "table")  # fmt: skip

    def __init__(  # noqa: PLR0917 - each belongs to the same events
        self,
        table: ir.Table,
        selection: Selection | None = None,
        persons: Persons = NO_MERGES,
        stored: ir.Table | None = None,
        rollups: RollupReader | None = None,
        audience: Audience | None = None,
    ) -> None:
        self.table = table
        self.selection = selection or Selection()
        #: The merged accounts; already applied to `table`.
        self.persons = persons
        #: The same events with agent and users as stored: cheaper where no users are counted.
        self.stored = table if stored is None else stored
        #: Answers queries about whole days and hours; None after `filter`.
        self.rollups = rollups
        #: Learns of each count of people; `filter` passes it on.
        self.audience = Audience() if audience is None else audience
        #: From when on (µs) nothing seems to be missing of a range that begins at a time (µs); None
        #: for events without a store.
        self.beginning: Callable[[int], int] | None = None
        #: What `hubbub.store.query.actions` has read for these events.
        self.actions: KeptActions | None = None

    def count_events(self) -> int:
        """Count the events; runs the query."""
        return int(self.stored.count().to_pyarrow().as_py())

    def everybody(self) -> Events:
        """Return the same events, with bots counted as people."""
        chosen = replace(self.selection, bots=True)
        return Events(self.table, chosen, self.persons, self.stored, self.rollups)

    def with_everybody(self) -> Events:
        """Return the same events, of which all users count."""
        chosen = replace(self.selection, bots=True, not_user=())
        return Events(self.table, chosen, self.persons, self.stored, self.rollups)

    def count_bots(self) -> int:
        """Count the known bots that these events name and `--user` and the like do not remove."""
        if not (bots := self.persons.left_out(self.selection.bot_names)):
            return 0
        names = self.everybody().in_utc().weekly_users().select("user").distinct()
        return int(names.filter(matches(names.user, bots)).count().to_pyarrow().as_py())

    def count_naming(self) -> tuple[int, int]:
        """Count the events that name a counted person: once each, and once for each such person."""
        removed = self.persons.left_out(self.selection.removed)
        rows = self.stored
        if self.by == "agent":
            named = rows.agent.notnull()
            named = named & ~matches(rows.agent, removed) if removed else named
            number = named.cast("int64")
        elif removed:
            number = rows.users.filter(lambda user: ~matches(user, removed)).length()
        else:
            number = rows.users.length()
        sums = rows.agg(naming=(number > 0).sum(), mentions=number.sum()).to_pyarrow().to_pylist()
        naming, mentions = (int(sums[0][name] or 0) for name in ("naming", "mentions"))
        if self.persons and mentions > naming:  # an event may name several accounts of a person
            mentions = int(self.unnest_users("time").count().to_pyarrow().as_py())
        return naming, mentions

    @property
    def by(self) -> str:
        """Whether `users` (all accounts that a message names) or `agent` (who did it) count."""
        return self.selection.by

    @property
    def retention_cut(self) -> date | None:
        """The day (UTC) before which retention has deleted events; None: it has deleted none."""
        cut = 0 if self.rollups is None else self.rollups.frozen
        return from_micros(cut).date() if cut else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.table, name)

    def __getitem__(self, key: Any) -> Any:
        return self.table[key]

    def filter(self, *predicates: Any) -> Events:
        """Return the events for which all predicates hold."""
        rows = self.table.filter(*predicates)
        return Events(rows, self.selection, self.persons, audience=self.audience)

    def unnest_users(self, *columns: str) -> ir.Table:
        """Return a row for each event and user, with the column `user`; drop events without one.

        By `agent` there is at most one row per event. Users that the selection removes (`not_user`,
        bots) have no row. An event that names several accounts of a person has one row for it.

        Args:
            columns: the other columns to keep; none: all of them. Naming them is several times
                faster where accounts are merged.
        """
        self.audience.note(self)
        narrow = bool(columns) and not {"agent", "users", "user"} & set(columns)
        if narrow and self.persons and self.stored is not self.table:
            rows = identity_join.unnest_persons(self.stored, self.by, columns, self.persons)
        else:
            if self.by == "agent":
                rows = self.table.mutate(user=self.table.agent).filter(lambda t: t.user.notnull())
            else:
                rows = self.table.mutate(user=self.table.users.unnest())
            rows = rows.select(*columns, "user") if columns else rows
        removed = self.persons.left_out(self.selection.removed)
        return rows.filter(lambda t: ~matches(t.user, removed)) if removed else rows

    def daily_users(self, *, summed: bool = True) -> ir.Table:
        """Return the columns `time` (start of the day in `zone`), `user`, `messages`, `bytes`.

        Equal to counting `unnest_users`, and many times faster where only users are filtered and no
        accounts are merged: see `from_rollups`.

        Args:
            summed: one row for each day and user. Pass False if you aggregate further by user, week
                or month: there may be several rows then, each at any time of its day.
        """
        from hubbub.store.query import from_rollups

        self.audience.note(self)
        return from_rollups.users(self, "daily_users", summed=summed)

    def hourly_users(self, *, summed: bool = True) -> ir.Table:
        """Return `daily_users` by the hour."""
        from hubbub.store.query import from_rollups

        self.audience.note(self)
        return from_rollups.users(self, "hourly_users", summed=summed)

    def weekly_users(self, *, summed: bool = False) -> ir.Table:
        """Return `daily_users`, each row at any time of its week (from Monday) and month.

        The cheapest if you aggregate further by week, by month or over the whole range.

        Args:
            summed: at most one row for each day and user, where there is none for the week.
        """
        from hubbub.store.query import from_rollups

        self.audience.note(self)
        return from_rollups.users(self, "weekly_users", summed=summed)

    def daily_topics(self, *, summed: bool = True) -> ir.Table:
        """Return the columns `time`, `topic`, `category`, `messages`, `bytes`.

        `time` is the start of the day. Fast where only topics and categories are filtered.
        """
        from hubbub.store.query import from_rollups

        return from_rollups.topics(self, summed=summed)

    def between(self, since: int, until: int | None) -> Events:
        """Return the events of [since, until) in µs, which lies within the range of these.

        Only for events of a store (`rollups` is not None).
        """
        assert self.rollups is not None
        part = self.rollups.select(None, replace(self.selection, since=since, until=until))
        part.rollups = self.rollups
        return part

    @property
    def zone(self) -> Zone:
        """The time zone in which days, weeks, months and hours are cut."""
        return self.selection.zone

    def in_utc(self) -> Events:
        """Return the same events, cut in UTC."""
        chosen = replace(self.selection, zone=UNIVERSAL)
        if chosen == self.selection:
            return self
        return Events(self.table, chosen, self.persons, self.stored, self.rollups, self.audience)

    def wall(self, when: ir.TimestampValue | None = None) -> ir.IntegerValue:
        """What clocks in `zone` show at a time (default: `time`), in µs since 1970."""
        return wall(micros(self.table.time if when is None else when), self.selection.offsets())

    def local(self, when: ir.TimestampValue | None = None) -> ir.TimestampValue:
        """What clocks in `zone` show at a time (default: `time`), as a timestamp without zone.

        Its year, month, weekday and hour are those of the zone.
        """
        return clock(self.wall(when))

    def unnest_objects(self) -> ir.Table:
        """Return a row for each event and object, with the column `object`."""
        return self.table.mutate(object=self.table.objects.unnest())


def _apply(rows: ir.Table, chosen: Selection, persons: Persons) -> ir.Table:
    """Filter the events by a selection, with the accounts as stored."""
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
        globs = persons.widened(chosen.user)
        by_agent = chosen.by == "agent"
        rows = rows.filter(
            matches(rows.agent, globs) if by_agent else _any_matches(rows.users, globs)
        )
    if chosen.object:
        rows = rows.filter(_any_matches(rows.objects, chosen.object))
    return rows


def _any_matches(texts: Any, globs: Sequence[str]) -> Any:
    """Whether one of an array's texts matches one of the globs."""
    if all(pattern(g) is None for g in globs):
        import ibis

        return ibis.or_(*(texts.contains(g) for g in globs))
    return texts.filter(lambda text: matches(text, globs)).length() > 0
