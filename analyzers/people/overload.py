"""The query `overload`: people whose load rose above their own usual level.

The baseline is each person's own past; people are not compared with each other. Signs are reasons
to ask a person how they are, never a verdict, so names are listed only on request.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from hubbub.analyzers.common.limits import require_minimum
from hubbub.analyzers.common.materialised import materialise
from hubbub.analyzers.common.significance import at_least, fisher
from hubbub.analyzers.common.times import micros
from hubbub.analyzers.evenness.bootstrap import MIN_PEOPLE
from hubbub.analyzers.people.own_past import STEPS, Details, Past, Pasts
from hubbub.errors import UsageError
from hubbub.registry import query
from hubbub.store.query.months.totals import user_totals
from hubbub.store.query.months.touches import touches
from hubbub.times import from_micros, to_micros

if TYPE_CHECKING:
    from hubbub.store.query.events import Events

__all__ = ["judged_signs", "overload"]

_MICRO = timedelta(microseconds=1)
_DAY = timedelta(days=1) // _MICRO
#: A baseline needs at least this many weeks since the person was first seen, and two sums.
_MIN_WEEKS = 8
_NO_DETAILS = Details(None, 0, 0, 0, 0)
#: Loads and shares of fewer recent actions are not judged.
_MIN_ACTIONS = 20
#: An object depends on a person who alone touched it at least this often.
_MIN_MESSAGES = 5
_NO_PAUSE_DAYS = 21
#: Days that must be stored before anybody can be said to be the only one.
_ALONE_DAYS = 28
#: Significance levels of a load above the mean, and of one above the busiest times or of a share.
_LOAD_SIGNIFICANCE, _SIGNIFICANCE = 0.01, 0.05
_TOO_SHORT, _NOT_ENOUGH = "too short to tell", "not enough data"

_SIGNS = {
    "load": "clearly more actions than in nine of ten equally long times before",
    "off_hours": "a larger share of night and weekend work than before",
    "no_pause": "three weeks or more without two free days in a row",
    "alone": "objects or categories that nobody else touches",
}


@query(
    names_people="people",
    accounts=("user",),
    headline=("sign", "people", "of", "share", "note"),
)
def overload(
    events: Events,
    since: datetime,  # noqa: ARG001 - the past is read whatever the range
    until: datetime,
    *,
    people: bool = False,
    recent: timedelta = timedelta(weeks=4),
    top: int = 30,
    past: Events | None = None,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Signs of too much work in the last 4 weeks (`--recent`), against each person's own past.

    The past is all that is stored, also before `--since`. Without `--people` it counts how many
    of the active people show each sign, `of` how many with enough data to judge it. With fewer than
    10 of them `people` and `share` are null, and `note` says why: `too short to tell` where the
    past is too short, else `not enough data`. With it each person has a row, those with the most
    signs first, and these rates are in the diagnostics.

    `load` is the recent number of actions a week (a run of messages on one object is one action),
    `usual` its mean in the past and `usual_high` the value that one in ten of the person's past
    times of the same length exceeds; both are null with a past of less than 8 weeks. A load is a
    sign if it is significantly above both, and consists of at least 20 actions. `off_hours` and
    `off_hours_before` are shares of actions at night (23 to 7 h) or on weekends, in the time `zone`
    that the person's habits suggest. `weeks_without_pause` counts since the last two free days in a
    row. `alone_objects` (5 messages or more) and `alone_categories` are how many objects and
    categories no other person touched.

    Args:
        events: The selected events.
        since: Start of the range.
        until: End of the range, exclusive.
        people: List people with their signs, instead of counting them.
        recent: Length of the time that is compared with the past.
        top: How many people are listed.
        past: All stored events.
    """
    if recent <= timedelta(0):
        raise UsageError("--recent must be longer than zero", where="--recent")
    require_minimum(top, "--top")
    past = events if past is None else past
    split, step = to_micros(until - recent), max(1, recent // _MICRO // STEPS)
    begin = _begin(past)
    pasts = Pasts(past, begin, split, step)
    alone = _alone(past)
    stored = (to_micros(until) - begin) / _DAY
    weeks = recent / timedelta(weeks=1)
    details = pasts.details([u for u, each in pasts.of.items() if _needs_details(each, weeks)])
    days = pasts.long_streaks()

    def person(user: str) -> _Person:
        more, streak = details.get(user, _NO_DETAILS), days.get(user, 0)
        return _Person(pasts.of[user], more, streak, alone.get(user, {}), weeks, stored)

    signs = {user: person(user).signs() for user in pasts.of}
    rates = _rates(signs.values())
    notes: dict[str, Any] = {
        "recent_since": until - recent,
        "past_since": from_micros(begin) if signs else None,
    }
    if not people:
        return (rates if signs else []), notes

    def order(user: str) -> tuple[int, float, str]:
        return -[*signs[user].values()].count(True), -(person(user).ratio or 0), user

    listed = sorted(signs, key=order)[:top]
    details |= pasts.details([user for user in listed if user not in details])
    days |= pasts.streaks(listed)
    return [{"user": user, **person(user).row()} for user in listed], {**notes, "base_rates": rates}


def _begin(past: Events) -> int:
    """The beginning (µs) of the day of the oldest event; a day later than all if there is none."""
    from ibis import _

    [oldest] = past.stored.agg(first=micros(_.time.min())).to_pyarrow()["first"].to_pylist()
    return 0 if oldest is None else to_micros(past.zone.floor(from_micros(oldest), "day"))


def _needs_details(past: Past, weeks: float) -> bool:
    """Whether a sign depends on the details of a person's past."""
    if past.recent < _MIN_ACTIONS:
        return False
    return past.zone is not None or _busier_than_usual(past, weeks)


def _busier_than_usual(past: Past, weeks: float) -> bool:
    """Whether the recent load is significantly above the mean of the past."""
    if past.weeks < _MIN_WEEKS or not past.usual:
        return False
    return _clearly_busier(past.recent, weeks, past.actions, past.weeks, _LOAD_SIGNIFICANCE)


def _alone(events: Events) -> dict[str, dict[str, int]]:
    """Return by user how many `objects` and `categories` no other user touched."""
    from ibis import _

    counts = {
        "objects": touches(events).select("user", "messages", name="object"),
        "categories": user_totals(events).select("user", "messages", name="category"),
    }
    found: dict[str, dict[str, int]] = {}
    for kind, rows_of in counts.items():
        # Hashes of names, which are compared twice as fast, tell of most that several touch them.
        each = rows_of.group_by("name").agg(
            least=_.user.hash().min(), most=_.user.hash().max(), messages=_.messages.sum()
        )
        few = each.filter(each.least == each.most, each.messages >= _MIN_MESSAGES)
        few = materialise(events, few.select("name"))
        users = rows_of.semi_join(few, "name").group_by("name")
        users = users.agg(user=_.user.min(), last=_.user.max())
        only = users.filter(users.user == users["last"])
        for row in only.group_by("user").agg(n=_.count()).to_pyarrow().to_pylist():
            found.setdefault(row["user"], {})[kind] = row["n"]
    return found


def _share(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None


class _Person(NamedTuple):
    """All counts of a person.

    Attributes:
        past: the sums of the person.
        details: more of it, where there are enough recent actions or the person is listed.
        days: of the longest run without a pause.
        alone: `objects` and `categories` that only this person touches.
        weeks: the length of the recent time.
        stored: days from the beginning of the stored past to the end of the range.
    """

    past: Past
    details: Details
    days: int
    alone: Mapping[str, int]
    weeks: float
    stored: float

    @property
    def usual(self) -> float | None:
        """The usual number of actions a week; None where the past is too short."""
        past = self.past
        return past.actions / past.weeks if past.weeks >= _MIN_WEEKS and past.usual else None

    @property
    def ratio(self) -> float | None:
        """The load in relation to the usual one."""
        usual = self.usual
        return self.past.recent / self.weeks / usual if usual else None

    @property
    def off_hours(self) -> float | None:
        """The share of recent actions at night or on a weekend."""
        return _share(self.details.off_since, self.details.of_since)

    @property
    def off_hours_before(self) -> float | None:
        """The same of the past."""
        return _share(self.details.off_before, self.details.of_before)

    def signs(self) -> dict[str, bool | str]:
        """Return of each sign whether the person shows it, or why that is not known."""
        past, details, weeks = self.past, self.details, self.weeks
        load: bool | str = _NOT_ENOUGH
        off_hours: bool | str = _NOT_ENOUGH
        if self.usual is None:
            load = off_hours = _TOO_SHORT
        elif past.recent >= _MIN_ACTIONS:
            # A busy season is no sign where others were as busy: chance alone exceeds each other.
            busier = details.high is not None and _clearly_busier(
                past.recent, weeks, details.high, weeks, _SIGNIFICANCE
            )
            load = busier and _busier_than_usual(past, weeks)
        if details.of_since >= _MIN_ACTIONS and details.of_before:
            off_hours = _clearly_more(
                details.off_since, details.of_since, details.off_before, details.of_before
            )
        no_pause: bool | str = self.days >= _NO_PAUSE_DAYS
        if max(self.stored, self.days) < _NO_PAUSE_DAYS:
            no_pause = _TOO_SHORT
        alone = bool(self.alone) if self.stored >= _ALONE_DAYS else _TOO_SHORT
        return {"load": load, "off_hours": off_hours, "no_pause": no_pause, "alone": alone}

    def row(self) -> dict[str, Any]:
        """Return the numbers of the person that are listed."""
        high = self.details.high
        return {
            "signs": [sign for sign, shown in self.signs().items() if shown is True],
            "load": self.past.recent / self.weeks,
            "usual": self.usual,
            "usual_high": None if self.usual is None or high is None else high / self.weeks,
            "ratio": self.ratio,
            "zone": self.past.zone,
            "off_hours": self.off_hours,
            "off_hours_before": self.off_hours_before,
            "weeks_without_pause": self.days / 7,
            "alone_objects": self.alone.get("objects", 0),
            "alone_categories": self.alone.get("categories", 0),
        }


def judged_signs(person: Mapping[str, Any], recent: timedelta, stored: timedelta) -> list[str]:
    """Return the signs of which the data tell whether a person shows them.

    Args:
        person: the person's row of `overload`.
        recent: the length of the recent time.
        stored: from the beginning of the stored past to the end of the range.
    """
    enough = round(person["load"] * (recent / timedelta(weeks=1))) >= _MIN_ACTIONS
    days = stored / timedelta(days=1)
    shares = (person["off_hours"], person["off_hours_before"])
    judged = {
        "load": enough and person["usual_high"] is not None,
        "off_hours": enough and None not in shares,
        "no_pause": max(days, round(person["weeks_without_pause"] * 7)) >= _NO_PAUSE_DAYS,
        "alone": days >= _ALONE_DAYS,
    }
    return [sign for sign in _SIGNS if judged[sign]]


def _clearly_busier(recent: int, weeks: float, past: int, past_weeks: float, level: float) -> bool:
    """Whether a rate is significantly above the one before.

    At one rate the number of recent actions, given how many there are in both times, is binomial
    (the conditional test of two Poisson rates, Przyborowski and Wilenski 1940, Biometrika 31).
    """
    if recent * past_weeks <= past * weeks:  # not above the mean: it is no less likely than 1/2
        return False
    return at_least(recent, recent + past, weeks / (weeks + past_weeks)) < level


def _clearly_more(part: int, whole: int, part_before: int, whole_before: int) -> bool:
    """Whether a share is significantly larger than the one before (Fisher's exact test)."""
    return fisher(part, whole, part_before, whole_before) < _SIGNIFICANCE


def _rates(persons: Collection[Mapping[str, bool | str]]) -> list[dict[str, Any]]:
    """Compute how often each sign occurs among the people with enough data to judge it."""
    rates = []
    for sign, means in _SIGNS.items():
        found = Counter(person[sign] for person in persons)
        judged = found[True] + found[False]
        enough = judged >= MIN_PEOPLE
        short = 2 * found[_TOO_SHORT] > len(persons) - judged
        rates.append(
            {
                "sign": sign,
                "means": means,
                "people": found[True] if enough else None,
                "of": judged,
                "share": found[True] / judged if enough else None,
                "note": "" if enough else _TOO_SHORT if short else _NOT_ENOUGH,
            }
        )
    return rates
