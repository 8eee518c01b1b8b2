"""What the explorer says, in the current language: titles, notes, and what its script writes."""

from __future__ import annotations

import json
from collections.abc import Collection

from hubbub.language import N_, _, ngettext, pgettext
from hubbub.language.dates import numeric_pattern
from hubbub.language.numbers import amount

__all__ = ["categories", "notes", "people", "texts", "topics"]

_TOPICS = {
    "day": N_("Messages by day and topic"),
    "week": N_("Messages by week and topic"),
    "month": N_("Messages by month and topic"),
}
_CATEGORIES = {
    "day": N_("Messages by day and category"),
    "week": N_("Messages by week and category"),
    "month": N_("Messages by month and category"),
}
_COARSE = {
    "week": N_("Because the range is long, messages are counted by week, not by day."),
    "month": N_("Because the range is long, messages are counted by month, not by day."),
}
_UNCOUNTED = {
    "day": N_("Because there are many, people are not counted by day."),
    "week": N_("Because there are many, people are not counted by week."),
}

#: Sentences and words by the key that the script uses. The script fills in the places.
_MESSAGES = {
    "nothing": N_("Nothing from {from} to {to}."),
    "nothing_category": N_("Nothing in the category {category} from {from} to {to}."),
    "nothing_topic": N_("Nothing in topics that contain “{topic}” from {from} to {to}."),
    "nothing_both": N_(
        "Nothing in the category {category}, in topics that contain “{topic}” from {from} to {to}."
    ),
    "messages": N_("Messages from {from} to {to}: {number}; most: {peak}."),
    "messages_category": N_(
        "Messages in the category {category} from {from} to {to}: {number}; most: {peak}."
    ),
    "messages_topic": N_(
        "Messages in topics that contain “{topic}” from {from} to {to}: {number}; most: {peak}."
    ),
    "messages_both": N_(
        "Messages in the category {category}, in topics that contain “{topic}” "
        "from {from} to {to}: {number}; most: {peak}."
    ),
    "bytes": N_("Bytes from {from} to {to}: {number}; most: {peak}."),
    "bytes_category": N_(
        "Bytes in the category {category} from {from} to {to}: {number}; most: {peak}."
    ),
    "bytes_topic": N_(
        "Bytes in topics that contain “{topic}” from {from} to {to}: {number}; most: {peak}."
    ),
    "bytes_both": N_(
        "Bytes in the category {category}, in topics that contain “{topic}” "
        "from {from} to {to}: {number}; most: {peak}."
    ),
    "people_day": N_(
        "Different people per day from {from} to {to}; most: {peak}. "
        "People are counted by category, not by topic."
    ),
    "people_week": N_(
        "Different people per week from {from} to {to}; most: {peak}. "
        "People are counted by category, not by topic."
    ),
    "people_month": N_(
        "Different people per month from {from} to {to}; most: {peak}. "
        "People are counted by category, not by topic."
    ),
    "people_day_category": N_(
        "Different people per day in the category {category} from {from} to {to}; most: {peak}. "
        "People are counted by category, not by topic."
    ),
    "people_week_category": N_(
        "Different people per week in the category {category} from {from} to {to}; most: {peak}. "
        "People are counted by category, not by topic."
    ),
    "people_month_category": N_(
        "Different people per month in the category {category} from {from} to {to}; most: {peak}. "
        "People are counted by category, not by topic."
    ),
    "few_people": N_("Fewer than {least} people in each period from {from} to {to}."),
    "few_people_category": N_(
        "Fewer than {least} people in each period in the category {category} from {from} to {to}."
    ),
    "peak_day": N_("{number} on {day}"),
    "peak_week": N_("{number} in the week from {day}"),
    "peak_month": N_("{number} in the month from {day}"),
    "by_category": N_("By category, the busiest {shown} of {all}"),
    "by_topic": N_("By topic, the busiest {shown} of {all}"),
    "most_day": N_("Most people in one day"),
    "most_week": N_("Most people in one week"),
    "most_month": N_("Most people in one month"),
    "each_day": N_("Each day, by its first day"),
    "each_week": N_("Each week, by its first day"),
    "each_month": N_("Each month, by its first day"),
    "other": N_("(other)"),
    "unnamed": N_("(no name)"),
    "category": N_("Category"),
    "topic": N_("Topic"),
    "unit_k": N_("{n}k"),
    "unit_M": N_("{n}M"),
    "unit_G": N_("{n}G"),
    "unit_T": N_("{n}T"),
    "trouble": N_("The numbers cannot be shown: {why}. The files below have all of them."),
    "unreadable": N_("{file} cannot be read"),
}


def topics(per: str) -> str:
    """Return the title of the table of topics, by the length of its periods."""
    return _(_TOPICS[per])


def categories(per: str) -> str:
    """Return the title of the table of categories, by the length of its periods."""
    return _(_CATEGORIES[per])


def people() -> str:
    """Return the title of the table of people."""
    return _("Different people by period")


def notes(
    per: str, people_per: Collection[str], *, beyond: int, rare: int, least: int
) -> list[str]:
    """Say what was left out of the tables.

    Args:
        per: the periods in which messages are counted: day, week or month.
        people_per: those in which people are counted.
        beyond: topics beyond the busiest.
        rare: topics that too few people use.
        least: how many people are enough.
    """
    found = [_(_COARSE[per])] if per in _COARSE else []
    if per not in people_per:
        found.append(_(_UNCOUNTED[per]))
    if beyond:
        found.append(
            ngettext(
                "{n} topic with fewer messages is added up as (other) of its category.",
                "{n} topics with fewer messages are added up as (other) of their category.",
                beyond,
            )
        )
    if rare:
        found.append(
            ngettext(
                "{n} topic that fewer than {least} people use is added up as (other) of its "
                "category.",
                "{n} topics that fewer than {least} people use are added up as (other) of their "
                "category.",
                rare,
                least=amount(least),
            )
        )
    return found


def texts(least: int) -> str:
    """Return JSON: texts, units and the signs of numbers.

    Args:
        least: fewer people than this are not counted.
    """
    found = {key: _(message) for key, message in _MESSAGES.items()}
    found |= {
        "unit_messages": _("messages"),
        "unit_bytes": _("bytes"),
        "unit_people": _("people"),
        "share": _("share"),
        "start": _("start"),
        "least": amount(least),
        "few": _("fewer than {least}", least=amount(least)),
        "date": numeric_pattern(),
        "decimal": pgettext("decimal sign", "."),
        "thousands": pgettext("thousands sign", ","),
        "percent": pgettext("percentage", "{n}%"),
    }
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
