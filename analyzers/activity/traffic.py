"""The query `traffic`: requests to a web server by period and section of the site.

It reads only events of the topic `http.access`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.ticks import Ticks
from hubbub.collector.decode.logs.access_log import HTTP, ROOT_FILE
from hubbub.registry import query
from hubbub.store.query.sums import exact_sum

if TYPE_CHECKING:
    from hubbub.store.query.events import Events

__all__ = ["traffic"]

#: More periods than this are refused; 23 days of 10 s.
MAX_PERIODS = 200_000


@query(
    names_people=False,
    columns=(
        "start",
        "total_hits",
        "total_bytes",
        "max_section",
        "max_hit",
        "without_section",
        "sections",
    ),
)
def traffic(
    events: Events,
    *,
    period: timedelta = timedelta(seconds=10),
    root: bool = False,
) -> list[dict[str, Any]]:
    """Requests, bytes and sections of each period of a web server's log.

    Periods run from that of the first request to that of the last, including those without
    requests. Sections are sorted by requests, then by name; `max_section` is the first of them.
    Requests without a section (`OPTIONS *`) count in the totals. With --root, files directly under
    the root (`/index.html`) belong to the section `/`.

    Args:
        events: The selected events.
        period: Length of a period.
        root: Count files directly under the root as the section `/`.
    """
    from ibis import _

    table = events.stored
    table = table.filter(table.topic == HTTP)
    periods = Ticks.of(
        table, period, maximum=MAX_PERIODS, option="--period", until=None, zone=events.zone
    )
    section = table.objects[0]
    if root:
        request = table.extra.get("request", "")
        in_root = request.re_search(ROOT_FILE) | (table.extra.get("root_file", "") == "yes")
        section = (section.notnull() & in_root).ifelse("/", section)
    rows = table.select("size", section=section, bucket=periods.number_of(table.time))
    counted = rows.group_by("bucket", "section").agg(hits=_.count(), bytes=exact_sum(_["size"]))
    ordered = counted.order_by("bucket", _.hits.desc(), "section").to_pyarrow().to_pylist()
    by_period: dict[int, list[dict[str, Any]]] = {}
    for row in ordered:
        by_period.setdefault(row["bucket"], []).append(row)
    return [
        {"start": periods.first + period * number, **_record(by_period.get(number, []))}
        for number in range(periods.number)
    ]


def _record(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the numbers of one period.

    Args:
        rows: `section`, `hits` and `bytes` of each section, the busiest first.
    """
    sections = [[row["section"], row["hits"]] for row in rows if row["section"] is not None]
    name, hits = sections[0] if sections else (None, 0)
    total = sum(row["hits"] for row in rows)
    return {
        "total_hits": total,
        "total_bytes": int(sum(row["bytes"] for row in rows)),
        "max_section": name,
        "max_hit": hits,
        "without_section": total - sum(hits for _, hits in sections),
        "sections": sections,
    }
