"""Changes of alerts in words: for messages, pages, the terminal and captions.

Text of messages (topics, categories, accounts) is cleaned and cut here. Escaping for HTML is the
business of pages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from hubbub.formats.tables import clean
from hubbub.language.plurals import plural
from hubbub.store.state.alerts import RAISED, NewChange

__all__ = ["ENDED_MARK", "RAISED_MARK", "Shown", "measured", "shown", "subject", "visible"]

RAISED_MARK, ENDED_MARK = "▲", "▽"
_LONGEST = 120  # characters of a subject
_PERSON = "a person"
_UNITS = {"messages": "messages", "users": "people"}
_RATES = ((1, "s"), (60, "min"), (3600, "h"), (86_400, "day"))
_SIZES = ("bytes", "kB", "MB", "GB", "TB")
_SIGNS: Mapping[str, str] = {
    "load": "more work than usual",
    "off_hours": "more work at night or on weekends",
    "no_pause": "no two free days in a row",
    "alone": "something that only this person touches",
}
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Shown:
    """A change as a reader may see it.

    Attributes:
        number: of the change, for its permanent link.
        rule: its name.
        subject: `category git`, `a person`; empty for the whole bus.
        state: `raised` or `ended`.
        time: µs since the epoch, event time.
        text: what was measured, and what it is compared with.
    """

    number: int
    rule: str
    subject: str
    state: str
    time: int
    text: str

    @property
    def mark(self) -> str:
        """▲ where it was raised, ▽ where it ended."""
        return RAISED_MARK if self.state == RAISED else ENDED_MARK

    @property
    def title(self) -> str:
        """Mark, rule and subject: `▲ busy: category git`."""
        return f"{self.mark} {self.rule}" + (f": {self.subject}" if self.subject else "")


def visible(change: NewChange, *, names: bool, person: str | None = None) -> bool:
    """Whether a reader may see a change at all.

    Args:
        change: of an alert.
        names: whether they may see names of people.
        person: who they are, if that is known.
    """
    return not change.private or names or change.subject == person


def subject(change: NewChange, *, names: bool, person: str | None = None) -> str:
    """Return whom or what an alert is about; empty for the whole bus.

    Args:
        change: of an alert.
        names: whether names of people may be seen.
        person: whose name may be seen all the same.
    """
    if change.per == "none" or not change.per:
        return ""
    if change.names_person and not names and change.subject != person:
        return _PERSON
    text = _SPACES.sub(" ", clean(change.subject[: 4 * _LONGEST])).strip() or "(no name)"
    text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return text if change.names_person else f"{change.per} {text}"


def shown(change: NewChange, *, number: int, names: bool, person: str | None = None) -> Shown:
    """Return a change as a reader may see it who may see it at all."""
    return Shown(
        number=number,
        rule=clean(change.rule),
        subject=subject(change, names=names, person=person),
        state=change.state,
        time=change.time,
        text=measured(change),
    )


def measured(change: NewChange) -> str:
    """Say what was measured, and what it is compared with; without names."""
    value, expected = change.measured, change.expected
    if value is None:
        return str(change.details.get("reason", change.state))
    if change.measure == "silence":
        return _silence(change.state, value, expected)
    if change.measure == "coverage":
        limit = "" if expected is None else f", {_number(expected)} % expected"
        return f"{_number(value)} % was received{limit}"
    if change.measure == "overload":
        signs = [_SIGNS[sign] for sign in change.details.get("signs", ()) if sign in _SIGNS]
        number = f"{plural(int(value), 'sign')} of too much work"
        return f"{number}: {'; '.join(signs)}" if signs else number
    return _rates(change.measure, value, expected)


def _silence(state: str, value: float, expected: float | None) -> str:
    usual = "" if expected is None else f"; its longest pause before was {_length(expected)}"
    if state == RAISED:
        return f"no message for {_length(value)}{usual}"
    return f"a message after {_length(value)}{usual}"


def _rates(measure: str, value: float, expected: float | None) -> str:
    """Compare two numbers per second, in the shortest unit in which one of them is at least 1."""
    largest = max(value, expected or 0.0)
    seconds, unit = next((rate for rate in _RATES if largest * rate[0] >= 1), _RATES[-1])
    if measure == "bytes":
        size, name = _size(largest * seconds)
        text = f"{_number(value * seconds / size)} {name}/{unit}"
        before = None if expected is None else _number(expected * seconds / size)
    else:
        text = f"{_number(value * seconds)} {_UNITS.get(measure, measure)}/{unit}"
        before = None if expected is None else _number(expected * seconds)
    if before is None or expected is None:
        return text
    if not expected:
        return f"{text}, none before"
    return f"{text}, {_number(value / expected)} times the {before} before"


def _size(number: float) -> tuple[float, str]:
    size = 1.0
    for name in _SIZES[:-1]:
        if number < 1000 * size:
            return size, name
        size *= 1000
    return size, _SIZES[-1]


def _number(value: float) -> str:
    """Format with three significant digits: 1,234, 12.3, 0.0123."""
    if abs(value) >= 100:  # noqa: PLR2004 - three digits
        return f"{value:,.0f}"
    return f"{float(f'{value:.3g}'):g}"


def _length(seconds: float) -> str:
    length = timedelta(seconds=round(seconds))
    for size, least, unit in ((86_400, 2, "days"), (3600, 1, "h"), (60, 1, "min")):
        if length.total_seconds() >= size * least:
            return f"{_number(round(length.total_seconds() / size, 1))} {unit}"
    return f"{_number(length.total_seconds())} s"
