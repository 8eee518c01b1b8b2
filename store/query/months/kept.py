"""Which part of a range a rollup by month answers, and the events that it lacks.

Whole months are read from the rollup; the ends that the range cuts off, and messages committed
later, from the events. With filters of events a row may count messages that do not match, so the
events answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from hubbub.store.query import identity_join
from hubbub.store.query.events import Events
from hubbub.store.query.globs import matches
from hubbub.store.query.identity_join import person_names, repeated_accounts
from hubbub.store.query.times import micros, stamp
from hubbub.store.rollups.monthly import is_crowded

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from hubbub.store.query.from_rollups import RollupReader, UsableRollup

__all__ = ["KeptMonths", "by_person", "counted", "is_direct", "named", "union"]

#: The filters that each rollup answers for.
_FILTERS = {
    "monthly_touches": frozenset[str](),
    "monthly_users": frozenset({"category"}),
    "monthly_objects": frozenset[str](),
}


@dataclass(frozen=True)
class KeptMonths:
    """The whole months of a selection in a rollup.

    Attributes:
        events: the selection.
        reader: the rollups of its snapshot.
        usable: the rollup.
        low: start of the whole months, µs; None: from the oldest event.
        high: end of the whole months, µs; None: to the newest event.
    """

    events: Events
    reader: RollupReader
    usable: UsableRollup
    low: int | None
    high: int | None

    @classmethod
    def of(cls, events: Events, name: str) -> Self | None:
        """Return the months of these events; None if the rollup cannot answer for them."""
        chosen, reader = events.selection, events.rollups
        filters = {
            "topic": chosen.topic, "category": chosen.category, "action": chosen.action,
            "object": chosen.object, "user": chosen.user,
        }  # fmt: skip
        filtered = {filter_name for filter_name, globs in filters.items() if globs}
        by_agent = events.by != "users" and name != "monthly_objects"
        if reader is None or by_agent or filtered - _FILTERS[name]:
            return None
        usable = reader.rollup(name)
        return None if usable is None else cls._within(events, reader, usable)

    @classmethod
    def _within(cls, events: Events, reader: RollupReader, usable: UsableRollup) -> Self | None:
        """Return the months within the range; None if there is none."""
        since, until = events.selection.since, events.selection.until
        cut_before = since is not None and since > reader.oldest
        cut_after = until is not None and until <= reader.newest
        low = usable.rollup.ceil(since) if since is not None and cut_before else None
        high = usable.rollup.floor(until) if until is not None and cut_after else None
        if (reader.oldest if low is None else low) >= (reader.newest + 1 if high is None else high):
            return None
        return cls(events, reader, usable, low, high)

    def between(self, since: int, until: int) -> Self | None:
        """Return the months of a part of the range [µs, µs); None if there is none."""
        part = self.events.between(since, until)
        return self._within(part, self.reader, self.usable)

    def includes(self, time: int) -> bool:
        """Whether a time (µs) lies in the whole months."""
        return (self.low is None or self.low <= time) and (self.high is None or time < self.high)

    @property
    def months(self) -> list[int]:
        """The starts (µs) of the months with rows of the rollup."""
        return sorted({self.usable.rollup.floor(file.first) for file in self.usable.files})

    def sizes(self) -> dict[int, int]:
        """Return about how many events each month (µs) has; all months with events are there."""
        sizes: dict[int, int] = {}
        rollup = self.usable.rollup
        for file in self.reader.table.files():
            month = rollup.floor(file.first)
            sizes[month] = sizes.get(month, 0) + file.rows  # a file has rows of one month
        return sizes

    @property
    def is_unique(self) -> bool:
        """Whether each month and name has one row, but for events with too many pairs."""
        since, until = self.events.selection.since, self.events.selection.until
        if self.events.persons or self.low not in {None, since} or self.high not in {None, until}:
            return False
        return not any(
            (until is None or first < until) and (since is None or end > since)
            for first, end in self.usable.repeated()
        )

    def rows(self, rows: ir.Table | None = None) -> ir.Table:
        """Return the rollup's rows of the whole months, or these of its rows."""
        rows = self.usable.rows if rows is None else rows
        if self.low is not None:
            rows = rows.filter(rows.time >= stamp(self.low))
        if self.high is not None:
            rows = rows.filter(rows.time < stamp(self.high))
        if self.events.selection.category:
            rows = rows.filter(matches(rows.category, self.events.selection.category))
        return rows

    def size(self) -> int:
        """Return the number of rows in the files of the whole months."""
        return sum(f.rows for f in self.usable.files if f.overlaps(self.low, self.high))

    def ends(self) -> list[ir.Table]:
        """Return the stored events of the ends that the range cuts off."""
        since, until = self.events.selection.since, self.events.selection.until
        ranges: list[tuple[int | None, int | None]] = []
        if self.low is not None:
            ranges.append((since, self.low))
        if self.high is not None:
            ranges.append((self.high, until))
        return [self._select(None, *edges).stored for edges in ranges if edges[0] != edges[1]]

    def newer(self) -> ir.Table | None:
        """Return the stored events of the whole months that the rollup lacks; None: no file."""
        files = self.usable.since.files
        return self._select(files, self.low, self.high).stored if files else None

    def missing(self) -> list[ir.Table]:
        """Return all stored events that the rollup lacks."""
        newer = self.newer()
        return self.ends() if newer is None else [*self.ends(), newer]

    def missing_touches(self) -> list[ir.Table]:
        """Return all stored events whose pairs the rollup lacks, those with too many included."""
        span, newer = self._crowded_span(), self.newer()
        parts = self.ends()
        if newer is not None:
            parts.append(newer if span is None else newer.filter(~_crowded(newer, span)))
        if span is not None:
            rows = self._select(None, *span).stored
            parts.append(rows.filter(_crowded(rows, span)))
        return parts

    def _crowded_span(self) -> tuple[int, int] | None:
        """Return the times [µs, µs) of messages with too many pairs; None if there is none."""
        rows = self.rows()
        rows = rows.filter(rows.user == "")
        ends = rows.agg(first=rows["first"].min(), last=(rows["first"] + rows.length).max())
        [found] = self.reader.backend.to_pyarrow(ends).to_pylist()
        if found["first"] is None:
            return None
        low = found["first"] if self.low is None else max(self.low, found["first"])
        high = found["last"] + 1 if self.high is None else min(self.high, found["last"] + 1)
        return low, high

    def within(self, condition: ir.BooleanValue) -> ir.Table:
        """Return the stored events of the whole months for which a condition holds."""
        stored = self.events.stored.filter(condition)
        if self.low is not None:
            stored = stored.filter(stored.time >= stamp(self.low))
        if self.high is not None:
            stored = stored.filter(stored.time < stamp(self.high))
        return stored

    def of_several(self) -> list[Events]:
        """Return the events that do not count in the column `alone`.

        They name no account or several, or the rollup lacks them.
        """
        parts = [self.within(is_direct(self.events.stored)), *self.ends()]
        if (newer := self.newer()) is not None:
            parts.append(newer.filter(~is_direct(newer)))
        return [self.only(rows) for rows in parts]

    def only(self, stored: ir.Table) -> Events:
        """Return the events of these rows, with merged accounts."""
        events = self.events
        rows = identity_join.merge_accounts(stored, events.persons)
        return Events(rows, events.selection, events.persons, stored, audience=events.audience)

    def _select(self, files: Sequence[str] | None, since: int | None, until: int | None) -> Events:
        return self.reader.select(files, replace(self.events.selection, since=since, until=until))


def is_direct(rows: ir.Table, also: Sequence[str] = ()) -> ir.BooleanValue:
    """Whether events name no account, several, or one of these."""
    answer: ir.BooleanValue = (rows.users.length() != 1).fill_null(True)  # noqa: FBT003 - Ibis'
    return answer | rows.users[0].isin(also).fill_null(False) if also else answer  # noqa: FBT003


def _crowded(rows: ir.Table, span: tuple[int, int]) -> ir.BooleanValue:
    """Whether events name too many pairs, at one of these times [µs, µs)."""
    import ibis

    inside = (rows.time >= stamp(span[0])) & (rows.time < stamp(span[1]))
    crowded = is_crowded(rows.users.length(), rows.objects.length(), ibis.greatest)
    answer: ir.BooleanValue = inside & crowded.fill_null(False)  # noqa: FBT003 - Ibis' signature
    return answer


def by_person(events: Events, accounts: ir.Table, *columns: str) -> ir.Table:
    """Return counts by account as counts by person, without the users who do not count.

    An event that names several accounts of a person was counted once for each of them: rows with
    negative counts correct that.

    Args:
        events: all that are counted.
        accounts: the columns `user` (an account), `messages`, these, and perhaps `bytes`, `first`
            and `last` (µs).
        columns: of events: `category` or `objects`; the latter is `object` in the counts.
    """
    rows = named(events, accounts)
    if events.persons:
        rows = union([rows, _repeated(events, columns).select(rows.columns)])
    return counted(events, rows)


def named(events: Events, accounts: ir.Table) -> ir.Table:
    """Return the rows with persons for accounts in the column `user`."""
    import ibis

    if not events.persons:
        return accounts
    names = person_names(events.persons)
    rows = accounts.left_join(names, accounts.user == names.merged)
    return rows.mutate(user=ibis.coalesce(rows.person, rows.user)).select(accounts.columns)


def _repeated(events: Events, columns: Sequence[str]) -> ir.Table:
    """Return the counts to take off, of events that name several accounts of a person."""
    import ibis

    several = events.stored.filter(events.stored.users.length() > 1)
    rows = repeated_accounts(several, ["time", "size", *columns], events.persons)
    at = micros(rows.time)
    counts = {"messages": ibis.literal(-1, "int64"), "bytes": -rows["size"], "first": at,
              "last": at}  # fmt: skip
    if "objects" in columns:
        return rows.select("user", object=rows.objects.unnest(), **counts)
    return rows.select("user", *columns, **counts)


def counted(events: Events, rows: ir.Table) -> ir.Table:
    """Return the rows of users who count, by the column `user`."""
    removed = events.persons.left_out(events.selection.removed)
    return rows.filter(~matches(rows.user, removed)) if removed else rows


def union(parts: Sequence[ir.Table]) -> ir.Table:
    """Return the rows of all parts, which have the same columns."""
    rows, *others = parts
    for other in others:
        rows = rows.union(other)
    return rows
