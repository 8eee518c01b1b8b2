"""`hubbub status`: what the store holds, what waits, and what is known to be missing.

`--unmapped` lists topics without a rule, and topics whose rule did not match.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from math import floor
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app

if TYPE_CHECKING:
    from hubbub.store import Store

__all__ = ["show_unmapped", "status", "unmapped_topics"]


_SPANS = 40  # of the ledger that a person is shown
_DAYS = 14


@common_options
@click.command(name="status")
@click.option("--unmapped", is_flag=True, help="List the topics without a rule that fits.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_app
def status(app: App, *, unmapped: bool, as_json: bool) -> None:
    """Say what the store holds, what waits to be loaded, what was refused, and where gaps are.

    It loads nothing: what waits is counted. --unmapped lists the topics that no rule knows, and
    those whose rule found nothing in a body, with the id of a message to look at.
    """
    app.configure_logging()
    with app.reading(load=False) as store:
        facts = _facts(store) | {"store": str(app.store_folder)}
        facts["unmapped"] = unmapped_topics(app, store)
    if as_json:
        from hubbub.cli.output.formats import dumps

        click.echo(dumps(facts, indent=2))
    elif unmapped:
        show_unmapped(facts["unmapped"])
    else:
        _show(facts)


def _facts(store: Store) -> dict[str, Any]:
    from hubbub.store.disk.quarantine import kept
    from hubbub.times import from_micros, iso

    bounds = store.bounds()
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
        for reason, n in reasons.items():
            refused[reason] = refused.get(reason, 0) + n
    return {
        "store": str(store.path),
        "events": store.rows(),
        "oldest": None if bounds is None else iso(from_micros(bounds[0])),
        "newest": None if bounds is None else iso(from_micros(bounds[1])),
        "waiting": {
            "segments": waiting.segments,
            "records": waiting.records,
            "bytes": waiting.bytes,
        },
        "refused": refused,
        "dead_letters": store.state.dead_letter_counts(),
        "sources": sources,
        "spans": spans,
        "gaps": sum(span.state == "gap" for span in store.spans()),
        "healed": sum(span.state == "healed" for span in store.spans()),
        "days": _days(store),
        "disk": _disk(store),
        "aside": [str(path) for path in kept(store.path)],
    }


def _disk(store: Store) -> dict[str, int]:
    """Bytes."""
    import os

    now = os.statvfs(store.path)
    return {"free": now.f_bavail * now.f_frsize, "size": now.f_blocks * now.f_frsize}


def _days(store: Store) -> list[dict[str, Any]]:
    """How much of each day that the ledger knows is provably whole, newest first."""
    from hubbub.store.state.coverage import days
    from hubbub.times import from_micros

    spans = [span for span in store.spans() if not span.filters]
    if not spans:
        return []
    since, until = min(span.start for span in spans), max(span.end for span in spans)
    return [
        {
            "day": from_micros(day.start).date().isoformat(),
            "percent": floor(day.percent * 100) / 100,  # 100 is whole, and nothing else is
            "complete": day.complete / 1e6,
            "healed": day.healed / 1e6,
            "gap": day.gap / 1e6,
            "unproven": day.unproven / 1e6,
            "unknown": day.unknown / 1e6,
        }
        for day in reversed(days(spans, since, until))
    ]


def _show(facts: dict[str, Any]) -> None:
    from hubbub.cli.output.formats import show_table
    from hubbub.cli.output.tables import Table, clean
    from hubbub.live.health import FREE

    waiting, free = facts["waiting"], facts["disk"]["free"]
    full = (
        "" if free >= FREE else ": make room, or what comes waits in memory and is lost in the end"
    )
    held = "nothing yet: hubbub gather, listen or import brings events"
    if facts["oldest"]:
        held = f"{facts['oldest']} to {facts['newest']}"
    lines = [
        f"store         {clean(facts['store'])}",
        f"events        {facts['events']:,}",
        f"range         {held}",
        f"waiting       {waiting['records']:,} messages in {waiting['segments']} segments",
        f"refused       {_reasons(facts['refused'])}",
        f"dead letters  {_reasons(facts['dead_letters'])}",
        f"unmapped      {_unmapped(facts['unmapped'])}",
        f"disk          {free:,} bytes are free{full}",
    ]
    if facts["aside"]:
        n = len(facts["aside"])
        lines.append(f"set aside     {n:,} damaged files, in {clean(facts['store'])}/aside")
    click.echo("\n".join(lines))
    if facts["sources"]:
        click.echo("\nsources")
        rows = [
            (source, its["new"], its["known"], sum(its["refused"].values()))
            for source, its in facts["sources"].items()
        ]
        show_table(Table(("source", "new", "known", "refused"), rows))
    if facts["spans"]:
        click.echo(f"\ncoverage: {facts['gaps']:,} gaps, {facts['healed']:,} healed")
        columns = ("source", "filters", "start", "end", "state", "proof")
        latest = sorted(facts["spans"], key=lambda span: span["end"])[-_SPANS:]
        shown = [span for span in facts["spans"] if span in latest]
        show_table(Table(columns, [[span[c] for c in columns] for span in shown]))
        if len(shown) < len(facts["spans"]):
            more = len(facts["spans"]) - len(shown)
            click.echo(f"{more:,} older spans are not shown: hubbub status --json, query coverage")
    if facts["days"]:
        click.echo("\nseconds of each day (UTC)")
        names = ("day", "percent", "complete", "healed", "gap", "unproven", "unknown")
        rows = [tuple(day[c] for c in names) for day in facts["days"][:_DAYS]]
        show_table(Table(names, rows))


def _unmapped(lines: list[dict[str, Any]]) -> str:
    messages = sum(line["messages"] for line in lines)
    where = f" in {len(lines):,} topics (hubbub status --unmapped)" if lines else ""
    return f"{messages:,} messages without a rule that fits{where}"


def _reasons(counts: dict[str, int]) -> str:
    each = ", ".join(f"{n} {reason}" for reason, n in counts.items())
    return f"{sum(counts.values()):,}{f' ({each})' if each else ''}"


_COLUMNS = ("topic", "messages", "why", "rule_now", "example")


def unmapped_topics(app: App, store: Store) -> list[dict[str, Any]]:
    """The store's list, most frequent first.

    `rule_now`: the rules of this moment know the topic; what was loaded before stays as it is.
    """
    from hubbub.collector.people.extract import has_rule

    lines = store.unmapped()
    if not lines:
        return []
    rules = app.reader.rules
    return [
        asdict(line) | {"rule_now": has_rule(line.example_topic, rules=rules)} for line in lines
    ]


def show_unmapped(lines: Sequence[dict[str, Any]]) -> None:
    """Print the list for a person."""
    from hubbub.cli.output.formats import show_table
    from hubbub.cli.output.tables import Table
    from hubbub.collector.people.extract import MISSED

    if not lines:
        click.echo("every topic that was loaded has a rule, and every rule found something")
        return
    said = [line | {"why": MISSED.get(line["why"], line["why"])} for line in lines]
    rows = [[line[column] for column in _COLUMNS] for line in said]
    show_table(Table([column.replace("_", " ") for column in _COLUMNS], rows))
