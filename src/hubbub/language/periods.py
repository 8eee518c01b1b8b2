"""Periods of the calendar in sentences, by their unit.

A language may need another article, ending or word for each unit. So each sentence about a unit is
a message for each; a unit is hour, day, week, month, quarter, year, or `period` for another length.
"""

from __future__ import annotations

from collections.abc import Mapping

from hubbub.language.catalogue import N_, _
from hubbub.language.plurals import ngettext

__all__ = ["cut", "each", "left_out", "mostly", "partial", "per", "times", "to_newest"]

#: of columns and subtitles
_PER: Mapping[str, str] = {
    "hour": N_("per hour"),
    "day": N_("per day"),
    "week": N_("per week"),
    "month": N_("per month"),
    "quarter": N_("per quarter"),
    "year": N_("per year"),
    "period": N_("per period"),
}
#: of averages
_EACH: Mapping[str, str] = {
    "hour": N_("each hour"),
    "day": N_("each day"),
    "week": N_("each week"),
    "month": N_("each month"),
    "quarter": N_("each quarter"),
    "year": N_("each year"),
}
#: at the beginning of a sentence
_MOSTLY: Mapping[str, str] = {
    "hour": N_("In most hours"),
    "day": N_("On most days"),
    "week": N_("In most weeks"),
    "month": N_("In most months"),
    "quarter": N_("In most quarters"),
    "year": N_("In most years"),
}
#: of a range
_TO_NEWEST: Mapping[str, str] = {
    "hour": N_("the last hour ends with the newest message"),
    "day": N_("the last day ends with the newest message"),
    "week": N_("the last week ends with the newest message"),
    "month": N_("the last month ends with the newest message"),
    "quarter": N_("the last quarter ends with the newest message"),
    "year": N_("the last year ends with the newest message"),
    "period": N_("the last period ends with the newest message"),
}
#: of a range
_PARTIAL: Mapping[str, str] = {
    "hour": N_("the range holds only a part of the hour"),
    "day": N_("the range holds only a part of the day"),
    "week": N_("the range holds only a part of the week"),
    "month": N_("the range holds only a part of the month"),
    "quarter": N_("the range holds only a part of the quarter"),
    "year": N_("the range holds only a part of the year"),
    "period": N_("the range holds only a part of the period"),
}
#: of a range
_CUT_FIRST: Mapping[str, str] = {
    "hour": N_("the range cuts the first hour"),
    "day": N_("the range cuts the first day"),
    "week": N_("the range cuts the first week"),
    "month": N_("the range cuts the first month"),
    "quarter": N_("the range cuts the first quarter"),
    "year": N_("the range cuts the first year"),
    "period": N_("the range cuts the first period"),
}
#: of a range
_CUT_LAST: Mapping[str, str] = {
    "hour": N_("the range cuts the last hour"),
    "day": N_("the range cuts the last day"),
    "week": N_("the range cuts the last week"),
    "month": N_("the range cuts the last month"),
    "quarter": N_("the range cuts the last quarter"),
    "year": N_("the range cuts the last year"),
    "period": N_("the range cuts the last period"),
}
#: of a range
_CUT_BOTH: Mapping[str, str] = {
    "hour": N_("the range cuts the first and the last hour"),
    "day": N_("the range cuts the first and the last day"),
    "week": N_("the range cuts the first and the last week"),
    "month": N_("the range cuts the first and the last month"),
    "quarter": N_("the range cuts the first and the last quarter"),
    "year": N_("the range cuts the first and the last year"),
    "period": N_("the range cuts the first and the last period"),
}
#: what is not drawn
_BEFORE: Mapping[str, str] = {
    "hour": N_("the part of an hour before {end} is left out"),
    "day": N_("the part of a day before {end} is left out"),
    "week": N_("the part of a week before {end} is left out"),
    "month": N_("the part of a month before {end} is left out"),
    "quarter": N_("the part of a quarter before {end} is left out"),
    "year": N_("the part of a year before {end} is left out"),
    "period": N_("the part of a period before {end} is left out"),
}
#: what is not drawn
_FROM: Mapping[str, str] = {
    "hour": N_("the part of an hour from {start} on is left out"),
    "day": N_("the part of a day from {start} on is left out"),
    "week": N_("the part of a week from {start} on is left out"),
    "month": N_("the part of a month from {start} on is left out"),
    "quarter": N_("the part of a quarter from {start} on is left out"),
    "year": N_("the part of a year from {start} on is left out"),
    "period": N_("the part of a period from {start} on is left out"),
}
#: what is not drawn
_OUTSIDE: Mapping[str, str] = {
    "hour": N_("the parts of hours before {end} and from {start} on are left out"),
    "day": N_("the parts of days before {end} and from {start} on are left out"),
    "week": N_("the parts of weeks before {end} and from {start} on are left out"),
    "month": N_("the parts of months before {end} and from {start} on are left out"),
    "quarter": N_("the parts of quarters before {end} and from {start} on are left out"),
    "year": N_("the parts of years before {end} and from {start} on are left out"),
    "period": N_("the parts of periods before {end} and from {start} on are left out"),
}


def per(unit: str) -> str:
    """Name a rate: `per day`."""
    return _(_PER[unit])


def each(unit: str) -> str:
    """Say that something is so in every period: `each day`."""
    return _(_EACH[unit])


def mostly(unit: str) -> str:
    """Say that something is so in most periods, at the beginning of a sentence: `On most days`."""
    return _(_MOSTLY[unit])


def to_newest(unit: str) -> str:
    """State that the last period of a range has all that is stored, but may go on."""
    return _(_TO_NEWEST[unit])


def partial(unit: str) -> str:
    """State that a range is shorter than a period."""
    return _(_PARTIAL[unit])


def cut(unit: str, *, first: bool, last: bool) -> str:
    """State which periods a range cuts: the first, the last, or both."""
    table = _CUT_BOTH if first and last else _CUT_FIRST if first else _CUT_LAST
    return _(table[unit])


def left_out(unit: str, end: str, start: str) -> str:
    """State which parts of periods are not drawn.

    Args:
        unit: of the periods.
        end: where the first period that is drawn begins; empty: none before it is left out.
        start: where the last period that is drawn ends; empty: none after it is left out.
    """
    if end and start:
        return _(_OUTSIDE[unit], end=end, start=start)
    return _(_BEFORE[unit], end=end) if end else _(_FROM[unit], start=start)


def times(unit: str, n: int) -> str:
    """State in how many periods something was: `on 3 days`, `in 2 weeks`."""
    if unit == "day":
        return ngettext("on {n} day", "on {n} days", n)
    if unit == "hour":
        return ngettext("in {n} hour", "in {n} hours", n)
    if unit == "week":
        return ngettext("in {n} week", "in {n} weeks", n)
    if unit == "month":
        return ngettext("in {n} month", "in {n} months", n)
    if unit == "quarter":
        return ngettext("in {n} quarter", "in {n} quarters", n)
    return ngettext("in {n} year", "in {n} years", n)
