"""The view `overload`: signs of too much work, compared with each person's own past.

People are named only on request: a sign is a reason to ask someone how they are, not a thing to
publish.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hubbub.charts.chart import Chart
from hubbub.charts.picture import text
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.picture.scale import as_time
from hubbub.charts.picture.sheet import finite, records
from hubbub.language import N_, _, ngettext
from hubbub.language.numbers import amount, percent
from hubbub.language.wording import duration
from hubbub.registry import view

__all__ = ["overload"]

_MOST = 15  # people
_QUARTER = 0.25
#: Sign → name of its row.
_SIGNS: Mapping[str, str] = {
    "load": N_("more work than usual for them"),
    "off_hours": N_("more nights and weekends"),
    "no_pause": N_("three weeks without a pause"),
    "alone": N_("alone with something"),
}
#: Why nothing is said of a sign, as the query states it.
NOTES = (N_("too short to tell"), N_("not enough data"))


@view(names_people=False)
def overload(
    query: Any,
    chart: Chart,
    since: datetime,
    until: datetime,
    *,
    people: bool = False,
    recent: timedelta = timedelta(weeks=4),
) -> Drawing:
    """Signs of too much work lately, against each person's own past; names only with `--people`.

    Args:
        query: Calls queries.
        chart: Draws.
        since: Start of the range.
        until: End of the range, exclusive.
        people: List people with their signs, instead of counting them.
        recent: Length of the time that is compared with the past.
    """
    from hubbub.charts.graphs.bars import RowPlan, Rows
    from hubbub.charts.graphs.common import height_of
    from hubbub.charts.picture.canvas import draw

    result = query.overload(since=since, until=until, people=people, recent=recent, top=1000)
    rows = records(result)
    lately = recent / timedelta(days=1)
    if people:
        bars, finding, table = _persons(rows, result.diagnostics.get("base_rates") or ())
        columns: tuple[str, ...] = ("user", "signs", "load", "usual")
        subtitle = ngettext(
            "Signs of too much work in the last {n} days, against each person's own past",
            "Signs of too much work in the last {n} days, against each person's own past",
            lately,
        )
        if len(rows) > len(bars):
            subtitle = ngettext(
                "{subtitle}; {shown} of {n} person",
                "{subtitle}; {shown} of {n} people",
                len(rows),
                subtitle=subtitle,
                shown=len(bars),
            )
    else:
        begin = as_time(result.diagnostics.get("past_since"))
        bars, finding, table = _rates(rows, recent, None if begin is None else until - begin)
        columns = ("sign", "people", "of", "share")
        subtitle = ngettext(
            "Share of the people of whom the data tell who show a sign of too much work "
            "in the last {n} days",
            "Share of the people of whom the data tell who show a sign of too much work "
            "in the last {n} days",
            lately,
        )
    page = chart.sheet(
        result,
        finding=finding,
        subtitle=_("{subtitle}; a reason to ask, never a verdict", subtitle=subtitle),
        empty=finding,
        height=height_of(len(bars)) + 20,
    )
    return draw(
        Rows,
        page,
        # The axis reaches 25%, so that one in five hundred does not fill the width.
        RowPlan(tuple(bars), least=0.0 if people else _QUARTER),
        [("share", [b[0] for row in bars for b in row.bars])] if bars else [],
        columns=columns,
        rows=table,
    )


def _rates(
    rows: Sequence[Mapping[str, Any]], recent: timedelta, stored: timedelta | None
) -> tuple[list[Any], str, list[tuple[Any, ...]]]:
    """Return bars, finding and table of the shares of people with each sign.

    Args:
        rows: of the query.
        recent: the time that is judged.
        stored: the time of which anything is stored.
    """
    from hubbub.charts.graphs.bars import Row

    bars, known = [], []
    for row in rows:
        name, share = _named(row["sign"]), finite(row["share"])
        if share is None:
            label = ngettext(
                "{why} ({n} people)",
                "{why} ({n} people)",
                row["of"] or 0,
                why=text.clean(_(row.get("note") or NOTES[0])),
            )
            bars.append(Row(name, ((0.0, label, "fo"),)))
            continue
        known.append((share, row["people"], row["of"], row["sign"]))
        of = {"n": amount(row["people"]), "all": amount(row["of"])}
        label = _("{share} ({n} of {all})", share=percent(share), **of)
        bars.append(Row(name, ((share, label, "f0"),)))
    table = [(r["sign"], r["people"], r["of"], r["share"]) for r in rows]
    if not rows:
        return [], _("Nobody was active in this time"), table
    if not known and stored is not None and stored < recent:
        return bars, _short(stored, recent), table
    if not known:
        few = _("Too little is known of too few people to see signs of too much work")
        return bars, few, table
    share, shown, of, sign = max(known, key=lambda k: k[0])
    if not shown:
        return bars, _clear(len(known), len(rows)), table
    return bars, _showing(sign, shown, of), table


def _named(sign: str) -> str:
    """Return the name of a sign's row."""
    return _(_SIGNS[sign]) if sign in _SIGNS else text.clean(sign)


def _showing(sign: str, shown: int, of: int) -> str:
    """State how many people show a sign, of those of whom the data tell."""
    facts = {"all": amount(of)}
    if sign == "load":
        return ngettext(
            "{n} of {all} people did more work than is usual for them",
            "{n} of {all} people did more work than is usual for them",
            shown,
            **facts,
        )
    if sign == "off_hours":
        return ngettext(
            "{n} of {all} people worked more at night or on weekends than before",
            "{n} of {all} people worked more at night or on weekends than before",
            shown,
            **facts,
        )
    if sign == "no_pause":
        return ngettext(
            "{n} of {all} people had no two free days in three weeks or more",
            "{n} of {all} people had no two free days in three weeks or more",
            shown,
            **facts,
        )
    if sign == "alone":
        return ngettext(
            "{n} of {all} people had something that nobody else touched",
            "{n} of {all} people had something that nobody else touched",
            shown,
            **facts,
        )
    return ngettext(
        "{n} of {all} people shows {sign}",
        "{n} of {all} people show {sign}",
        shown,
        sign=text.clean(sign),
        **facts,
    )


def _short(stored: timedelta, recent: timedelta) -> str:
    return _(
        "Too short to see signs of too much work: {stored} are stored, "
        "less than the {judged} that are judged",
        stored=duration(stored),
        judged=duration(recent),
    )


def _clear(known: int, signs: int) -> str:
    """State that nobody shows a sign, as far as the data tell."""
    if known == signs:
        return _("Nobody shows a sign of too much work")
    return _(
        "Too short to tell: {n} of {all} signs cannot be judged, nobody shows the others",
        n=signs - known,
        all=signs,
    )


def _persons(
    rows: Sequence[Mapping[str, Any]], rates: Sequence[Mapping[str, Any]]
) -> tuple[list[Any], str, list[tuple[Any, ...]]]:
    """Return bars, finding and table of the people with signs; `rates` state who can be judged."""
    from hubbub.charts.graphs.bars import Row

    marked = [r for r in rows if r["signs"]]
    bars = []
    for row in marked[:_MOST]:
        names = ", ".join(map(_named, row["signs"]))
        label = text.fit(names, 420, 12)
        bars.append(Row(text.named(row["user"]), ((float(len(row["signs"])), label, "f0"),)))
    table = [(text.named(r["user"]), ", ".join(r["signs"]), r["load"], r["usual"]) for r in rows]
    if not rows:
        return [], _("Nobody was active in this time"), table
    if not marked:
        judged = min((int(rate["of"] or 0) for rate in rates), default=0)
        if judged < len(rows):
            told = ngettext(
                "No sign of too much work; the data tell all signs of {judged} of {n} person",
                "No sign of too much work; the data tell all signs of {judged} of {n} people",
                len(rows),
                judged=amount(judged),
            )
            return [], told, table
        return [], _("Nobody shows a sign of too much work"), table
    most = len(marked[0]["signs"])
    first = sum(len(r["signs"]) == most for r in marked)
    if first == 1:
        finding = ngettext(
            "{name} shows {n} sign of too much work",
            "{name} shows {n} signs of too much work",
            most,
            name=text.named(marked[0]["user"]),
        )
    else:
        finding = ngettext(
            "{people} people show {n} sign of too much work",
            "{people} people show {n} signs of too much work",
            most,
            people=amount(first),
        )
    return bars, finding, table
