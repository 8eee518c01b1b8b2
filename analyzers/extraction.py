"""The job `usage`, which stores who used something day by day, and the query of that name.

The job stores a document for each day; the query counts distinct users per period of stored days.
Jobs of plugins can use `days` and `extract` for their own data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.people.active_users import ActiveUsers, Per, active_users
from hubbub.errors import UsageError
from hubbub.registry import cron, query
from hubbub.store.query.events import Events, from_accounts
from hubbub.store.query.extent import EARLIEST
from hubbub.store.query.globs import matches
from hubbub.times import from_micros, to_micros

if TYPE_CHECKING:
    from hubbub.run.injection import State
    from hubbub.store.state.documents import Collection, Documents

__all__ = ["CHECKPOINT", "Use", "days", "extract", "stored_usage", "usage"]

#: The key of `state` under which a job stores the last day that it finished.
CHECKPOINT = "checkpoint"
_FILTERS = "filters"
_DAY = timedelta(days=1)
_BATCH_DAYS = 7  # days that are read with one query

#: One use: `{"user": account, "created": ISO time in UTC, without zone}`.
Use = Mapping[str, str]


def days(
    checkpoint: date | None,
    *,
    today: date,
    config_start: date,
    start: date | None = None,
    end: date | None = None,
    reset: bool = False,
) -> list[date]:
    """Return the days that a run handles, oldest first; at least one.

    The first is `start`, else `config_start` if there is no checkpoint or with `reset`, else the
    day of the checkpoint, which may have been incomplete. The last is `end`, else `today`.

    Raises:
        UsageError: the last day is before the first, or after today.
    """
    first = start or (config_start if reset or checkpoint is None else checkpoint)
    last = end or today
    if last > today:
        raise UsageError(
            f"the last day, {last}, lies in the future: today is {today}",
            where="--end",
            hint="leave --end out, or give an earlier day",
        )
    if last < first:
        raise UsageError(
            f"the last day, {last}, is before the first, {first}",
            where="--start" if start or not end else "--end",
            hint="use --start DAY to read earlier days again; it does not move the checkpoint",
        )
    return [first + n * _DAY for n in range((last - first).days + 1)]


def extract(
    read: Callable[[date], Sequence[Any]],
    stored: Collection,
    state: State,
    dates: Sequence[date],
    *,
    backfill: bool = False,
    incomplete_before: date | None = None,
    progress: Callable[[float, float], None] = lambda _done, _total: None,
    source: Callable[[str], None] = lambda _name: None,
) -> None:
    """Read and store day by day, with a checkpoint from which the next run continues.

    For each day, in order: `read` it; store the result under the day, replacing an earlier one
    (an empty result is not stored) and, in the same transaction, set the checkpoint to the day;
    report progress, and the day as a source if it is not empty. An exception of `read` ends the run
    before that day is stored.

    Args:
        read: returns the content of a day as JSON-ready data; called once for each day.
        stored: the collection of days, by ISO date.
        state: where the checkpoint is, under `CHECKPOINT`.
        dates: the days to handle, as from `days`.
        backfill: do not move the checkpoint.
        incomplete_before: what is stored of days before this one is kept, and only added to.
        progress: called with the number of finished days and of all days.
        source: called with each day that is not empty.
    """
    for done, day in enumerate(dates, 1):
        content = list(read(day))
        with stored.transaction():
            if incomplete_before is not None and day < incomplete_before:
                before = stored.get(day.isoformat()) or []
                content = [*before, *(item for item in content if item not in before)]
            if content:
                stored[day.isoformat()] = content
            else:
                stored.pop(day.isoformat(), None)
            if not backfill:
                state.set(CHECKPOINT, day.isoformat())
        if content:
            source(day.isoformat())
        progress(done, len(dates))


class _DailyUses:
    """Read the uses of a day; the events are queried a week at a time."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._until = date.min  # all days before were read
        self._days: dict[date, list[Use]] = {}

    def __call__(self, day: date) -> list[Use]:
        """Return the uses of a day, sorted by user and time."""
        if day >= self._until:
            self._until = day + _BATCH_DAYS * _DAY
            self._read(day)
        return sorted(self._days.pop(day, []), key=lambda use: (use["user"], use["created"]))

    def _read(self, day: date) -> None:
        import ibis

        when = self._events.time
        batch = self._events.filter(
            when >= _midnight(day), when < ibis.literal(_midnight(self._until))
        )
        for row in batch.unnest_users("time").to_pyarrow().to_pylist():
            created = row["time"].astimezone(UTC).replace(tzinfo=None)
            use = {"user": row["user"], "created": created.isoformat()}
            self._days.setdefault(created.date(), []).append(use)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _matching(events: Events, **globs: Sequence[str]) -> Events:
    """Filter events by globs for columns; `*` also matches events without a value."""
    for column, patterns in globs.items():
        if patterns and "*" not in patterns:
            events = events.filter(matches(events[column], patterns))
    return events


def _filters(events: Events, **options: Sequence[str]) -> dict[str, Any]:
    """Return all filters as JSON; days extracted with different filters must not be mixed."""
    filters = {name: list(globs) for name, globs in options.items()}
    common = asdict(events.selection)
    filters |= {name: list(common[name]) for name in ("category", "user", "object") if common[name]}
    return filters | {"by": common["by"], "bots": common["bots"]}


@cron("0 3 * * *")
def usage(  # noqa: D417 - injected arguments are not options
    events: Events,
    *,
    db: Documents,
    state: State,
    clock: Callable[[], datetime],
    progress: Callable[[float, float], None],
    source: Callable[[str], None],
    start: datetime | None = None,
    end: datetime | None = None,
    reset: bool = False,
    config_start: datetime | None = None,
    topic: Sequence[str] = ("login",),
    action: Sequence[str] = ("*successful login*",),
    not_user: Sequence[str] = ("admin",),
    keep: timedelta | None = None,
) -> None:
    """Store who used something, day by day: users and times of the matching events.

    A run continues with the last day of the run before and ends with today. Stored days are kept
    when retention deletes their events, also if such a day is read again; `hubbub query usage`
    counts their users.

    Args:
        start: First day of a back-fill, which does not move the checkpoint.
        end: Last day. Default: today.
        reset: Start again at --config-start. If the filters changed, the stored days are deleted.
        config_start: First day of the first run. Default: the day of the oldest event.
        topic: Only these topics (glob).
        action: Only these actions (glob); * takes all.
        not_user: Without these users (glob).
        keep: How long stored days are kept, e.g. 2y. Default: as long as the store.
    """
    stored = db["usage"]
    filters = _filters(events, topic=topic, action=action, not_user=not_user)
    today, checkpoint = clock().astimezone(UTC).date(), state.get(CHECKPOINT)
    logins = _matching(_without_merging(events, not_user), topic=topic, action=action)
    first_day = _day(config_start)
    if first_day is None and start is None and (reset or checkpoint is None):
        first_day = min(filter(None, (_first_day(logins), today)))
    dates = days(
        None if checkpoint is None else date.fromisoformat(checkpoint),
        today=today,
        config_start=first_day or today,
        start=_day(start),
        end=_day(end),
        reset=reset,
    )
    _check_filters(filters, stored, state, reset=reset and start is None)
    extract(
        _DailyUses(logins),
        stored,
        state,
        dates,
        backfill=start is not None,
        incomplete_before=events.retention_cut,
        progress=progress,
        source=source,
    )
    if keep is not None:
        _delete_before(stored, today - keep)


def _delete_before(stored: Collection, first: date) -> None:
    """Delete the stored days before `first`."""
    with stored.transaction():
        for day in [day for day in stored if day < first.isoformat()]:
            del stored[day]


def _check_filters(
    filters: Mapping[str, Any], stored: Collection, state: State, *, reset: bool
) -> None:
    """Store the filters; with a reset, delete days that were stored with other filters.

    Raises:
        UsageError: there are such days, and `reset` is not set.
    """
    with stored.transaction():
        before = state.get(_FILTERS)
        state.set(_FILTERS, filters)
        # Compared as stored, because forgotten names are removed from it.
        if not stored or before in (None, state.get(_FILTERS)):
            return
        if not reset:
            raise UsageError(
                f"the stored days were extracted with other filters: {_as_options(before)}, "
                f"not {_as_options(filters)}",
                hint="give the same filters (in the configuration: [jobs.usage]), or --reset to "
                "delete the stored days",
            )
        stored.clear()
        state.delete(CHECKPOINT)


@query(name="usage", names_people=False, columns=("period", "users"))
def stored_usage(
    events: Events,
    *,
    db: Documents,
    state: State,
    since: datetime,
    until: datetime,
    per: Per = "w",
) -> tuple[list[ActiveUsers], dict[str, Any]]:
    """Distinct users per period, as active_users, from the days that the job `usage` stored.

    Days of deleted events count. Merges of accounts, --user, --not-user and --no-bots apply.

    Args:
        events: The merges and filters; none of them is read.
        db: Documents of the job.
        state: Its checkpoint.
        since: Start of the range.
        until: End of the range, exclusive.
        per: Length of a period.
    """
    selection = events.selection
    for name in ("topic", "category", "object", "action"):
        if getattr(selection, name):
            raise UsageError(
                f"stored days contain only times and users and cannot be filtered by {name}",
                where=f"--{name}",
                hint=f"`hubbub query active_users --{name} …` reads the events themselves",
            )
    stored = db["usage"]
    in_range = stored.between(since.date().isoformat(), until.date().isoformat())
    rows = [
        (created, use["user"])
        for uses in in_range.values()
        for use in uses
        if since <= (created := datetime.fromisoformat(use["created"]).replace(tzinfo=UTC)) < until
    ]
    dates = list(stored)
    notes = {"stored": f"{dates[0]} to {dates[-1]}"} if dates else {}
    if not dates:
        notes["note"] = _why_empty(state.get(CHECKPOINT))
    return active_users(from_accounts(rows, events), per=per), notes


def _why_empty(checkpoint: str | None) -> str:
    """Explain why no day is stored."""
    if checkpoint is None:
        return "nothing is stored yet: `hubbub jobs run usage` does it"
    return (
        f"the job usage has read all days to {checkpoint} and found none of its events: "
        "`hubbub jobs run usage --help` says which those are (--topic, --action)"
    )


def _without_merging(events: Events, not_user: Sequence[str]) -> Events:
    """Return the events with accounts as they were recorded; the query merges them on reading."""
    selection, widened = events.selection, events.persons.widened
    unmerged = replace(
        selection, not_user=widened(not_user), bot_names=widened(selection.bot_names)
    )
    return Events(events.stored, unmerged)


def _first_day(events: Events) -> date | None:
    """Return the day of the oldest event whose time makes sense, else of the oldest one."""
    oldest = events.time.min().to_pyarrow().as_py()
    if oldest is not None and to_micros(oldest) < EARLIEST:
        sensible = events.filter(events.time >= from_micros(EARLIEST))
        oldest = sensible.time.min().to_pyarrow().as_py() or oldest
    return None if oldest is None else oldest.astimezone(UTC).date()


def _day(when: datetime | None) -> date | None:
    return None if when is None else when.astimezone(UTC).date()


def _as_options(filters: Mapping[str, Any]) -> str:
    """Format filters as options of the command line."""
    options = [
        f"--{name.replace('_', '-')} {glob}"
        for name, globs in filters.items()
        if isinstance(globs, list)
        for glob in globs
    ]
    if filters.get("by") == "agent":
        options.append("--by agent")
    if filters.get("bots") is False:
        options.append("--no-bots")
    return " ".join(options) or "none"
