"""The job `usage` and the query of that name: who used something, extracted day by day.

Comes in: events, and what earlier runs stored. Goes out: a stored document for each day, and unique
users per day, week, month, quarter or year of what is stored. It stores through what is injected;
`extract` is the part that any job may use for days of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.people.active_users import Active, Per, active_users
from hubbub.errors import UsageError
from hubbub.registry import cron, query
from hubbub.store.query.events import Events, from_accounts
from hubbub.store.query.globs import matches

if TYPE_CHECKING:
    from hubbub.run.injection import State
    from hubbub.store.state.documents import Collection, Documents

__all__ = ["CHECKPOINT", "Use", "days", "extract", "stored_usage", "usage"]

#: The key of `state` under which a job keeps the last day that it finished.
CHECKPOINT = "checkpoint"
_FILTERS = "filters"
_DAY = timedelta(days=1)
_AT_ONCE = 7  # days that one question to the events answers

#: One use: `{"user": account, "created": time without zone, UTC}`.
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
    """The days that a run handles, oldest first; never none.

    From `start`; else from `config_start` where there is no checkpoint or with `reset`; else from
    the checkpoint, whose day may have been incomplete. To `end`, else `today`.

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
            hint="--start DAY reads earlier days again and leaves the checkpoint alone",
        )
    return [first + n * _DAY for n in range((last - first).days + 1)]


def extract(
    read: Callable[[date], Sequence[Any]],
    stored: Collection,
    state: State,
    every: Sequence[date],
    *,
    backfill: bool = False,
    gone: date | None = None,
    progress: Callable[[float, float], None] = lambda _done, _total: None,
    source: Callable[[str], None] = lambda _name: None,
) -> None:
    """Store what each day holds, with a checkpoint: a run that dies is continued by the next.

    For each day, in order: `read` it; store that under the day, in place of what was there (nothing
    where the day is empty) and, in the same transaction, set the checkpoint to the day; name the
    day as a source if it held something; report progress. Whatever `read` raises ends the run
    before that day is stored.

    Args:
        read: what a day holds, as JSON; called once a day.
        stored: the collection of days, by ISO date.
        state: where the checkpoint is, under `CHECKPOINT`.
        every: the days, as `days` gives them.
        backfill: leave the checkpoint alone.
        gone: of days before this one events may be gone by retention: what is stored of them stays,
            and what is found is added.
        progress: called with the number of days that are done, and of all.
        source: called with each day that held something.
    """
    for done, day in enumerate(every, 1):
        found = list(read(day))
        with stored.transaction():
            if gone is not None and day < gone:
                before = stored.get(day.isoformat()) or []
                found = [*before, *(one for one in found if one not in before)]
            if found:
                stored[day.isoformat()] = found
            else:
                stored.pop(day.isoformat(), None)
            if not backfill:
                state.set(CHECKPOINT, day.isoformat())
        if found:
            source(day.isoformat())
        progress(done, len(every))


class _Uses:
    """The uses of each day, read a week at a time."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._until = date.min  # what is before that was read
        self._days: dict[date, list[Use]] = {}

    def __call__(self, day: date) -> list[Use]:
        """Sorted by user and time."""
        if day >= self._until:
            self._until = day + _AT_ONCE * _DAY
            self._read(day)
        return sorted(self._days.pop(day, []), key=lambda use: (use["user"], use["created"]))

    def _read(self, day: date) -> None:
        import ibis

        when = self._events.time
        near = self._events.filter(
            when >= _midnight(day), when < ibis.literal(_midnight(self._until))
        )
        for row in near.unnest_users("time").to_pyarrow().to_pylist():
            created = row["time"].astimezone(UTC).replace(tzinfo=None)
            use = {"user": row["user"], "created": created.isoformat()}
            self._days.setdefault(created.date(), []).append(use)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _chosen(events: Events, **globs: Sequence[str]) -> Events:
    """The events whose columns match; `*` leaves also those that have nothing there."""
    for column, those in globs.items():
        if those and "*" not in those:
            events = events.filter(matches(events[column], those))
    return events


def _question(events: Events, **own: Sequence[str]) -> dict[str, Any]:
    """What is extracted, as JSON: days of two questions do not belong together."""
    asked = {name: list(globs) for name, globs in own.items()}
    common = asdict(events.selection)
    asked |= {name: list(common[name]) for name in ("category", "user", "object") if common[name]}
    return asked | {"by": common["by"], "bots": common["bots"]}


@cron("0 3 * * *")
def usage(  # noqa: D417 - what is injected is no option
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
    """Who used something each day: stores the users and times of these events, day by day.

    A run goes on where the last one ended, with that day once more, and to today. What it stores
    stays when the events are gone by retention, also where such a day is read again; `hubbub query
    usage` counts it.

    Args:
        start: First day; a back-fill, which leaves the checkpoint alone.
        end: Last day. Default: today.
        reset: Begin again at --config-start. With other filters than before, what is stored goes.
        config_start: First day of all. Default: that of the oldest event.
        topic: Only these topics (glob).
        action: Only these actions (glob); * takes all.
        not_user: Leave these users out (glob).
        keep: How long stored days are kept, e.g. 2y. Default: as long as the store.
    """
    kept, question = db["usage"], _question(events, topic=topic, action=action, not_user=not_user)
    today, checkpoint = clock().astimezone(UTC).date(), state.get(CHECKPOINT)
    logins = _chosen(_accounts(events, not_user), topic=topic, action=action)
    anew = start is None and (reset or checkpoint is None)  # else it is not worth a look at all
    every = days(
        None if checkpoint is None else date.fromisoformat(checkpoint),
        today=today,
        config_start=_day(config_start) or (_oldest(logins) if anew else None) or today,
        start=_day(start),
        end=_day(end),
        reset=reset,
    )
    _ask(question, kept, state, reset=reset and start is None)
    extract(
        _Uses(logins),
        kept,
        state,
        every,
        backfill=start is not None,
        gone=events.gone_before,
        progress=progress,
        source=source,
    )
    if keep is not None:
        _let_go(kept, today - keep)


def _let_go(kept: Collection, before: date) -> None:
    """Remove the days before that one."""
    with kept.transaction():
        for day in [day for day in kept if day < before.isoformat()]:
            del kept[day]


def _ask(question: Mapping[str, Any], kept: Collection, state: State, *, reset: bool) -> None:
    """Note what is extracted; days of another question go with a reset.

    Raises:
        UsageError: there are such days, and no reset was asked for.
    """
    with kept.transaction():
        before = state.get(_FILTERS)
        state.set(_FILTERS, question)
        if not kept or before in (None, state.get(_FILTERS)):  # as it is stored: names may go
            return
        if not reset:
            raise UsageError(
                f"the stored days answer another question: {_said(before)}, not {_said(question)}",
                hint="give the same filters (in the configuration: [jobs.usage]), or --reset, "
                "which lets the stored days go",
            )
        kept.clear()
        state.delete(CHECKPOINT)


@query(name="usage")
def stored_usage(
    events: Events,
    *,
    db: Documents,
    state: State,
    since: datetime,
    until: datetime,
    per: Per = "w",
) -> tuple[list[Active], dict[str, Any]]:
    """Distinct users per period of what the job `usage` stored: as active_users, also of old days.

    `hubbub jobs run usage` stores them day by day; events are not looked at, so that days are
    counted whose events are gone. Merges of accounts apply, and --user, --not-user and --no-bots.
    """
    chosen = events.selection
    for name in ("topic", "category", "object", "action"):
        if getattr(chosen, name):
            raise UsageError(
                f"what is stored by the job knows times and users, no {name}",
                where=f"--{name}",
                hint=f"`hubbub query active_users --{name} …` asks the events themselves",
            )
    kept = db["usage"]
    near = kept.between(since.date().isoformat(), until.date().isoformat())
    rows = [
        (created, use["user"])
        for uses in near.values()
        for use in uses
        if since <= (created := datetime.fromisoformat(use["created"]).replace(tzinfo=UTC)) < until
    ]
    dates = list(kept)
    notes = {"stored": f"{dates[0]} to {dates[-1]}"} if dates else {}
    if not dates:
        notes["note"] = _nothing(state.get(CHECKPOINT))
    return active_users(from_accounts(rows, events), per=per), notes


def _nothing(checkpoint: str | None) -> str:
    """Why no day is stored."""
    if checkpoint is None:
        return "nothing is stored yet: `hubbub jobs run usage` does it"
    return (
        f"the job usage has read all days to {checkpoint} and found none of its events: "
        "`hubbub jobs run usage --help` says which those are (--topic, --action)"
    )


def _accounts(events: Events, not_user: Sequence[str]) -> Events:
    """The same events with accounts as they stand there: who is one person is said when reading."""
    chosen, wide = events.selection, events.persons.widened
    removed = replace(chosen, not_user=wide(not_user), bot_names=wide(chosen.bot_names))
    return Events(events.stored, removed)


def _oldest(events: Events) -> date | None:
    """The day of the first of them."""
    found = events.time.min().to_pyarrow().as_py()
    return None if found is None else found.astimezone(UTC).date()


def _day(when: datetime | None) -> date | None:
    return None if when is None else when.astimezone(UTC).date()


def _said(question: Mapping[str, Any]) -> str:
    """A question as options of the command line."""
    words = [
        f"--{name.replace('_', '-')} {glob}"
        for name, globs in question.items()
        if isinstance(globs, list)
        for glob in globs
    ]
    if question.get("by") == "agent":
        words.append("--by agent")
    if question.get("bots") is False:
        words.append("--no-bots")
    return " ".join(words) or "everything"
