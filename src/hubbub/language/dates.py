"""Dates as text, in the order and with the names of the current language."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from hubbub.language.catalogue import _, current_language, pgettext

__all__ = [
    "date_name",
    "month_name",
    "numeric_date",
    "numeric_pattern",
    "short_date",
    "short_month",
    "short_weekday",
    "weekday",
]


def date_name(when: date, *, year: bool = False) -> str:
    """Format a date: `27 February`, `27 February 2026`."""
    month = _months_of_dates(current_language())[when.month - 1]
    if not year:
        return _("{day} {month}", day=when.day, month=month)
    return _("{day} {month} {year}", day=when.day, month=month, year=when.year)


def numeric_date(when: date) -> str:
    """Format a date in digits: `2026-02-27`."""
    return numeric_pattern().format(
        year=f"{when.year:04}", month=f"{when.month:02}", day=f"{when.day:02}"
    )


def numeric_pattern() -> str:
    """Return the pattern of a date in digits, with the places `year`, `month` and `day`."""
    return pgettext("numeric date", "{year}-{month}-{day}")


def short_date(when: date, *, year: bool = False) -> str:
    """Format a date for an axis: `27 Feb`, `27 Feb 2026`."""
    month = _short_months(current_language())[when.month - 1]
    if not year:
        return _("{day} {month}", day=when.day, month=month)
    return _("{day} {month} {year}", day=when.day, month=month, year=when.year)


def month_name(when: date) -> str:
    """Format the month of a date: `February 2026`."""
    month = _months(current_language())[when.month - 1]
    return _("{month} {year}", month=month, year=when.year)


def short_month(when: date, *, year: bool = False) -> str:
    """Format the month of a date for an axis: `Feb`, `Feb 2026`."""
    month = _short_months(current_language())[when.month - 1]
    return _("{month} {year}", month=month, year=when.year) if year else month


def weekday(number: int) -> str:
    """Name a day of the week; 0 is Monday."""
    return _weekdays(current_language())[number]


def short_weekday(number: int) -> str:
    """Name a day of the week shortly: `Mon`; 0 is Monday."""
    return _short_weekdays(current_language())[number]


@lru_cache
def _months(_language: str) -> tuple[str, ...]:
    return (
        pgettext("month", "January"),
        pgettext("month", "February"),
        pgettext("month", "March"),
        pgettext("month", "April"),
        pgettext("month", "May"),
        pgettext("month", "June"),
        pgettext("month", "July"),
        pgettext("month", "August"),
        pgettext("month", "September"),
        pgettext("month", "October"),
        pgettext("month", "November"),
        pgettext("month", "December"),
    )


@lru_cache
def _months_of_dates(_language: str) -> tuple[str, ...]:
    return (
        pgettext("month of a date", "January"),
        pgettext("month of a date", "February"),
        pgettext("month of a date", "March"),
        pgettext("month of a date", "April"),
        pgettext("month of a date", "May"),
        pgettext("month of a date", "June"),
        pgettext("month of a date", "July"),
        pgettext("month of a date", "August"),
        pgettext("month of a date", "September"),
        pgettext("month of a date", "October"),
        pgettext("month of a date", "November"),
        pgettext("month of a date", "December"),
    )


@lru_cache
def _short_months(_language: str) -> tuple[str, ...]:
    return (
        pgettext("short month", "Jan"),
        pgettext("short month", "Feb"),
        pgettext("short month", "Mar"),
        pgettext("short month", "Apr"),
        pgettext("short month", "May"),
        pgettext("short month", "Jun"),
        pgettext("short month", "Jul"),
        pgettext("short month", "Aug"),
        pgettext("short month", "Sep"),
        pgettext("short month", "Oct"),
        pgettext("short month", "Nov"),
        pgettext("short month", "Dec"),
    )


@lru_cache
def _weekdays(_language: str) -> tuple[str, ...]:
    return (
        pgettext("weekday", "Monday"),
        pgettext("weekday", "Tuesday"),
        pgettext("weekday", "Wednesday"),
        pgettext("weekday", "Thursday"),
        pgettext("weekday", "Friday"),
        pgettext("weekday", "Saturday"),
        pgettext("weekday", "Sunday"),
    )


@lru_cache
def _short_weekdays(_language: str) -> tuple[str, ...]:
    return (
        pgettext("short weekday", "Mon"),
        pgettext("short weekday", "Tue"),
        pgettext("short weekday", "Wed"),
        pgettext("short weekday", "Thu"),
        pgettext("short weekday", "Fri"),
        pgettext("short weekday", "Sat"),
        pgettext("short weekday", "Sun"),
    )
