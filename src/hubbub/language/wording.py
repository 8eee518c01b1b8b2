"""Durations, lists and periods of the calendar as parts of sentences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from hubbub.language.catalogue import _, pgettext
from hubbub.language.numbers import amount
from hubbub.language.plurals import ngettext, npgettext

__all__ = ["continued", "duration", "duration_after_in", "joined", "mean_over"]

_DAYS = 172_800  # seconds from which on a duration is in days


def joined(words: Sequence[str]) -> str:
    """Join words as in a sentence: `a`, `a and b`, `a, b and c`."""
    if not words:
        return ""
    text = words[0]
    for word in words[1:-1]:
        text = pgettext("list", "{words}, {word}", words=text, word=word)
    if len(words) == 1:
        return text
    return pgettext("list", "{words} and {word}", words=text, word=words[-1])


def duration(d: timedelta) -> str:
    """Format a duration: `7 days`, `24 h`, `20 min`, `3 s`; days from two on."""
    seconds = d.total_seconds()
    if seconds >= _DAYS:
        return ngettext("{n} day", "{n} days", round(seconds / 86400, 1))
    return _short(seconds)


def duration_after_in(d: timedelta) -> str:
    """Format a duration as `duration`, to follow a preposition: `in 7 days`."""
    seconds = d.total_seconds()
    if seconds >= _DAYS:
        return npgettext("after 'in'", "{n} day", "{n} days", round(seconds / 86400, 1))
    return _short(seconds)


def mean_over(d: timedelta) -> str:
    """Name the mean of a duration: `20-min mean`, `2.5-day mean`."""
    seconds = d.total_seconds()
    if seconds >= _DAYS:
        return _("{n}-day mean", n=amount(round(seconds / 86400, 1)))
    if seconds >= 3600:  # noqa: PLR2004 (an hour)
        return _("{n}-h mean", n=amount(round(seconds / 3600, 1)))
    if seconds >= 60:  # noqa: PLR2004 (a minute)
        return _("{n}-min mean", n=amount(round(seconds / 60, 1)))
    return _("{n}-s mean", n=amount(round(seconds, 3)))


def _short(seconds: float) -> str:
    if seconds >= 3600:  # noqa: PLR2004 (an hour)
        return pgettext("duration", "{n} h", n=amount(round(seconds / 3600, 1)))
    if seconds >= 60:  # noqa: PLR2004 (a minute)
        return pgettext("duration", "{n} min", n=amount(round(seconds / 60, 1)))
    return pgettext("duration", "{n} s", n=amount(round(seconds, 3)))


def continued(sentence: str) -> str:
    """Return a sentence as it goes on within another one: after a colon, in parentheses."""
    if pgettext("first letter of a sentence within another", "small") != "small":
        return sentence
    return sentence[:1].lower() + sentence[1:]
