"""`hubbub status`: what the store holds, what waits to be loaded, and where gaps are."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from math import floor
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.commands.maintenance.status_parts import (
    alerts_of,
    completeness_of,
    connections_of,
    mirrors_of,
    show_alerts,
    show_completeness,
    show_connections,
    show_mirrors,
)
from hubbub.cli.functions import request_zone, tz_option
from hubbub.language.plurals import plural

if TYPE_CHECKING:
    from hubbub.store import Store
    from hubbub.store.query.extent import Extent
    from hubbub.zones import Zone

__all__ = ["status"]

_MAX_SPANS = 40  # of the ledger, without --json
_MAX_DAYS = 14
_MAX_WRONG = 20  # messages with times that make no sense
_UNMAPPED_COLUMNS = ("topic", "messages", "why", "rule_now", "example")


@common_options
@click.command(name="status")
@click.option("--unmapped", is_flag=True, help="List topics without a matching rule.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@pass_app
def status(app: App, *, unmapped: bool, as_json: bool, tz: str | None) -> None:
    """Show what the store holds, what waits to be loaded, what was refused, and where gaps are.

    Waiting messages are counted, not loaded. --unmapped lists the topics that no rule covers, and
    those whose rule matched nothing in a message, with the id of an example.
    """
    app.configure_logging()
    zone = request_zone(app, tz)
    with app.reading(load=False) as store:
        facts = _facts(store, zone) | {"store": app.mirror_url or str(app.store_folder)}
        facts["unmapped"] = _unmapped_topics(app, store, judged=unmapped or as_json)
    if as_json:
        from hubbub.cli.output.formats import dumps

        click.echo(dumps(facts, indent=2))
    elif unmapped:
        _show_unmapped(facts["unmapped"])
    else:
        _show(facts, zone)


status.params.insert(2, tz_option())


def _facts(store: Store, zone: Zone) -> dict[str, Any]:
    from hubbub.store.disk.quarantine import quarantined
    from hubbub.store.query.extent import extent
    from hubbub.times import from_micros, iso

    now = time.time_ns() // 1000
    known = extent(store, store.spans(), now)
    waiting = store.waiting()
    spans = [
        {
            "source": span.source,
            "filters": span.filters,
            "start": iso(from_micros(span.start)),
            "end": iso(from_micros(span.end)),
            "state": span.state,
            "proof": span.proof,
        }
        for span in store.spans()
    ]
    sources: dict[str, dict[str, Any]] = {}
    refused: dict[str, int] = {}
    for source, counts in store.state.counts().items():
        reasons = {k.partition(":")[2]: n for k, n in counts.items() if k.startswith("refused:")}
        sources[source] = {
            "new": counts.get("new", 0),
            "known": counts.get("known", 0),
            "refused": reasons,
        }
        for reason, count in reasons.items():
            refused[reason] = refused.get(reason, 0) + count
    return {
        "store": str(store.path),
        "events": store.rows(),
        "oldest": None if known.oldest is None else iso(from_micros(known.oldest)),
        "newest": None if known.newest is None else iso(from_micros(known.newest)),
        "wrong_times": _wrong_times(store, known, now),
        "waiting": {
            "segments": waiting.segments,
            "records": waiting.records,
            "bytes": waiting.bytes,
        },
        "refused": refused,
        "dead_letters": store.state.dead_letter_counts(),
        "sources": sources,
        "connections": connections_of(store, now),
        "alerts": alerts_of(store, now),
        "mirrors": mirrors_of(store),
        "spans": spans,
        "gaps": sum(span.state == "gap" for span in store.spans()),
        "open_gaps": _open_gaps(store),
        "healed": sum(span.state == "healed" for span in store.spans()),
        "days": _days(store, zone),
        "completeness": completeness_of(store, sources),
        "disk": _disk(store),
        "open_to_others": bool(store.path.stat().st_mode & 0o077),
        "aside": [str(path) for path in quarantined(store.path)],
    }


def _wrong_times(store: Store, known: Extent, now: int) -> dict[str, Any]:
    """Return the events that default ranges leave out: how many, and the first of them."""
    from hubbub.store.query.extent import left_out
    from hubbub.times import from_micros, iso

    found = []
    if known.earlier or known.later:
        found = left_out(store, store.spans(), now, most=_MAX_WRONG)
    return {
        "earlier": known.earlier,
        "later": known.later,
        "messages": [asdict(event) | {"time": iso(from_micros(event.time))} for event in found],
    }


def _open_gaps(store: Store) -> int:
    """Count the gaps that no other source closes in full."""
    from hubbub.store.state.coverage import judge

    spans = store.spans()
    return sum(
        bool(judge(spans, gap.start, gap.end, filters=gap.filters).gaps)
        for gap in spans
        if gap.state == "gap"
    )


def _disk(store: Store) -> dict[str, int]:
    """Return the bytes of the store's disk: free and in total."""
    import os

    disk = os.statvfs(store.path)
    return {"free": disk.f_bavail * disk.f_frsize, "size": disk.f_blocks * disk.f_frsize}


def _days(store: Store, zone: Zone) -> list[dict[str, Any]]:
    """Return the coverage of each day in the ledger, newest first; seconds for each state."""
    from hubbub.store.state.coverage import days
    from hubbub.times import from_micros

    spans = [span for span in store.spans() if not span.filters]
    if not spans:
        return []
    since, until = min(span.start for span in spans), max(span.end for span in spans)
    return [
        {
            "day": zone.day(from_micros(day.start)).isoformat(),
            "percent": floor(day.percent * 100) / 100,  # 100 only if the day is complete
            "complete": day.complete / 1e6,
            "healed": day.healed / 1e6,
            "gap": day.gap / 1e6,
            "unproven": day.unproven / 1e6,
            "unknown": day.unknown / 1e6,
        }
        for day in reversed(days(spans, since, until, zone))
    ]


def _show(facts: dict[str, Any], zone: Zone) -> None:
    from hubbub.cli.output.formats import show_table
    from hubbub.formats.tables import Table, clean
    from hubbub.live.health import MIN_FREE

    waiting, free = facts["waiting"], facts["disk"]["free"]
    warning = "" if free >= MIN_FREE else ": free some space, or new messages will be lost"
    extent = "empty: use hubbub gather, listen or import to add events"
    if facts["oldest"]:
        extent = f"{facts['oldest']} to {facts['newest']}"
    records, segments = (
        plural(waiting["records"], "message"),
        plural(waiting["segments"], "segment"),
    )
    lines = [
        f"store         {clean(facts['store'])}",
        f"events        {facts['events']:,}",
        f"range         {extent}",
        f"waiting       {records} in {segments}",
        f"refused       {_reasons(facts['refused'])}",
        f"dead letters  {_reasons(facts['dead_letters'])}",
        f"unmapped      {_unmapped(facts['unmapped'])}",
        f"disk          {free:,} bytes are free{warning}",
    ]
    if facts["open_to_others"]:
        lines.append("permissions   other users of this machine may read it: chmod 700 the folder")
    if facts["aside"]:
        files = plural(len(facts["aside"]), "damaged file")
        lines.append(f"quarantine    {files}, in {clean(facts['store'])}/aside")
    click.echo("\n".join(lines))
    _show_wrong_times(facts["wrong_times"])
    if facts["sources"]:
        click.echo("\nsources")
        rows = [
            (source, counts["new"], counts["known"], sum(counts["refused"].values()))
            for source, counts in facts["sources"].items()
        ]
        show_table(Table(("source", "new", "known", "refused"), rows))
    show_connections(facts["connections"])
    show_alerts(facts["alerts"])
    show_mirrors(facts["mirrors"])
    if facts["spans"]:
        click.echo(f"\ncoverage: {_gaps(facts)}")
        columns = ("source", "filters", "start", "end", "state", "proof")
        newest = sorted(facts["spans"], key=lambda span: span["end"])[-_MAX_SPANS:]
        shown = [span for span in facts["spans"] if span in newest]
        show_table(Table(columns, [[span[c] for c in columns] for span in shown]))
        if hidden := len(facts["spans"]) - len(shown):
            spans = plural(hidden, "older span is", "older spans are")
            click.echo(f"{spans} not shown: use hubbub status --json or query coverage")
    show_completeness(facts["completeness"])
    if facts["days"]:
        click.echo(f"\nseconds of each day ({zone.name})")
        names = ("day", "percent", "complete", "healed", "gap", "unproven", "unknown")
        rows = [tuple(day[c] for c in names) for day in facts["days"][:_MAX_DAYS]]
        show_table(Table(names, rows))


def _gaps(facts: dict[str, Any]) -> str:
    """Say how many gaps are open, and how many were closed and how."""
    still_open = facts["open_gaps"]
    parts = [plural(still_open, "open gap")]
    if closed := facts["gaps"] - still_open:
        parts.append(f"{closed:,} closed by another source")
    return ", ".join([*parts, f"{facts['healed']:,} healed"])


def _show_wrong_times(wrong: dict[str, Any]) -> None:
    from hubbub.cli.output.formats import show_table
    from hubbub.formats.tables import Table

    count, columns = wrong["earlier"] + wrong["later"], ("time", "topic", "id", "source")
    if not count:
        return
    click.echo(
        f"\n{plural(count, 'message has a time that makes', 'messages have times that make')} no "
        f"sense ({wrong['earlier']:,} from before the store began, {wrong['later']:,} from after "
        "now); queries without --since and --until leave out what has such a time"
    )
    show_table(Table(columns, [[event[c] for c in columns] for event in wrong["messages"]]))
    if hidden := count - len(wrong["messages"]):
        click.echo(f"{plural(hidden, 'more is', 'more are')} not shown")


def _unmapped(topics: list[dict[str, Any]]) -> str:
    messages = sum(topic["messages"] for topic in topics)
    where = f" in {plural(len(topics), 'topic')} (hubbub status --unmapped)" if topics else ""
    return f"{plural(messages, 'message')} without a matching rule{where}"


def _reasons(counts: dict[str, int]) -> str:
    each = ", ".join(f"{n} {reason}" for reason, n in counts.items())
    return f"{sum(counts.values()):,}{f' ({each})' if each else ''}"


def _unmapped_topics(app: App, store: Store, *, judged: bool) -> list[dict[str, Any]]:
    """Return the store's unmapped topics, most frequent first.

    `rule_now` is whether the current rules cover the topic; events that are already loaded do not
    change. Only where it is `judged` the rules are read.
    """
    topics = store.unmapped()
    if not topics or not judged:
        return [asdict(topic) for topic in topics]
    from hubbub.collector.people.extract import has_rule

    rules = app.reader.rules
    return [
        asdict(topic) | {"rule_now": has_rule(topic.example_topic, rules=rules)} for topic in topics
    ]


def _show_unmapped(topics: Sequence[dict[str, Any]]) -> None:
    from hubbub.cli.output.formats import show_table
    from hubbub.collector.people.extract import MISSED
    from hubbub.formats.tables import Table

    if not topics:
        click.echo("every loaded topic has a rule, and every rule matched")
        return
    explained = [topic | {"why": MISSED.get(topic["why"], topic["why"])} for topic in topics]
    rows = [[topic[column] for column in _UNMAPPED_COLUMNS] for topic in explained]
    show_table(Table([column.replace("_", " ") for column in _UNMAPPED_COLUMNS], rows))
