"""`hubbub top`: what happens on the bus now, or happened on a past day."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.commands.live.top_sources import SPEED, Chosen, open_source
from hubbub.cli.functions import configured_options, range_options, stated_parameters
from hubbub.cli.options.buses import bus_options
from hubbub.cli.options.decoding import decoding_options
from hubbub.errors import UsageError

if TYPE_CHECKING:
    from hubbub.live.terminal.averages import Averages
    from hubbub.live.terminal.periods import Periods
    from hubbub.live.terminal.sources import Source
    from hubbub.zones import Zone

__all__ = ["top"]

_POLL = 0.1  # s
_SECOND = 1_000_000  # µs
#: Common options that are not those of this command: no range, and no people are counted.
_WITHOUT = frozenset(
    {"since", "until", "topic", "not_user", "by", "bots", "allow_incomplete"}
)  # fmt: skip
_FILTERS = ("category", "user", "object", "action", "tz")


@click.command(name="top")
@click.argument("file", required=False, metavar="[FILE]")
@click.option(
    "form",
    "--format",
    type=click.Choice(["access-log", "jsonl"]),
    help="Format of FILE, a log that grows; - is standard input.",
)
@click.option("--replay", metavar="DAY", help="Show a past day of the store: 2026-11-14.")
@click.option(
    "--speed",
    metavar="N",
    help=f"Seconds of the past in a second, 1 to 3600, for --replay. [default: {SPEED}]",
)
@click.option(
    "--names/--no-names", default=True, help="Name people, or number them. [default: name them]"
)
@click.option(
    "--period",
    default="10s",
    metavar="TIME",
    help="Length of a period where lines are printed. [default: 10s]",
)
@click.option("--lines", is_flag=True, help="Print a line for each period, also on a terminal.")
@click.option("as_json", "--json", is_flag=True, help="Print each period as a JSON object.")
@click.option("as_csv", "--csv", is_flag=True, help="Print each period as a row of CSV.")
@click.option(
    "--root",
    is_flag=True,
    help="In lines of an access log, files directly under the root belong to the section /.",
)
@click.option(
    "--alerts/--no-alerts",
    default=True,
    help="Say when a moving average of what is received rises, and when that ends. The next five "
    "options are those of the query alerts. [default: --alerts]",
)
@click.option(
    "--measure",
    type=click.Choice(["messages", "bytes"]),
    default="messages",
    show_default=True,
    help="What the averages are of.",
)
@click.option(
    "--short", type=int, default=12, show_default=True, help="Ticks of the short average."
)
@click.option("--long", type=int, default=120, show_default=True, help="Ticks of the long average.")
@click.option(
    "--threshold", type=float, default=1.5, show_default=True,
    help="An alert is raised above this multiple of the long average.",
)  # fmt: skip
@click.option(
    "--resolution", default="10s", metavar="TIME", help="Length of a tick. [default: 10s]"
)
@decoding_options
@bus_options
@pass_app
def top(app: App, /, topics: tuple[str, ...], **options: Any) -> None:
    """Show what happens now: of the running listener, of a bus, or of a log that grows.

    \b
    hubbub top                                        # what `hubbub listen` receives here
    hubbub top --amqp fedora                          # a bus, without a store
    hubbub top --format access-log /var/log/access.log
    hubbub top --replay 2026-11-14 --speed 300        # a past day of the store

    On a terminal it is a view with tables, which needs the extra `top`; press ? there for its
    keys. Otherwise, or with --lines, it prints a line for each period: how many messages, how many
    bytes, and what was most active; and a line for each alert. Press Ctrl-C to end.
    """  # noqa: D301  (click wants the control character)
    from hubbub.live.terminal.periods import Periods
    from hubbub.store.query.selection import EventFilters

    app.configure_logging()
    common = {name: options.pop(name) for name in _FILTERS}
    configured = configured_options(app).updated(
        stated_parameters(common, frozenset()), datetime.now(UTC)
    )
    filters = EventFilters(**{name: getattr(configured, name) for name in _FILTERS[:-1]})
    period, averages = _seconds(options, "period"), _averages(options)
    if options["as_json"] and options["as_csv"]:
        raise UsageError("either --json or --csv", hint="leave out one of them")
    chosen = Chosen(options, topics, filters, configured.zone)
    with open_source(app, chosen) as source:
        if _on_terminal(options):
            _run_screen(source, configured.zone, averages, names=options["names"])
        else:
            form = "json" if options["as_json"] else "csv" if options["as_csv"] else "text"
            start = source.now // _SECOND * _SECOND
            periods = Periods(start, round(period * _SECOND), root=options["root"])
            _print_lines(source, periods, configured.zone, averages, form)


def _seconds(options: dict[str, Any], name: str) -> float:
    """Return a duration of one second at least."""
    from hubbub.times import parse_duration

    try:
        seconds = parse_duration(options[name]).total_seconds()
    except ValueError as error:
        raise UsageError(str(error), where=f"--{name}", hint="write 10s or 1min") from None
    if seconds < 1:
        raise UsageError("it lasts one second at least", where=f"--{name}")
    return seconds


def _averages(options: dict[str, Any]) -> Averages | None:
    """Return what compares the moving averages; None: that is not wanted."""
    from datetime import timedelta

    from hubbub.live.terminal.averages import AverageRule, Averages

    resolution = timedelta(seconds=_seconds(options, "resolution"))
    rule = AverageRule(
        options["measure"], options["short"], options["long"], options["threshold"], resolution,
        grace=0.0 if options["replay"] is not None else 2.0,
    )  # fmt: skip
    try:
        averages = Averages(rule)
    except ValueError as error:
        raise UsageError(
            str(error), hint="write for example --short 12 --long 120 --threshold 1.5"
        ) from None
    return averages if options["alerts"] else None


def _on_terminal(options: dict[str, Any]) -> bool:
    """Whether the view can be shown, and is wanted."""
    if options["lines"] or options["as_json"] or options["as_csv"] or options["file"] == "-":
        return False
    if not sys.stdout.isatty():
        return False
    if not (sys.stdin.isatty() and sys.stderr.isatty()):  # keys are read, and it is drawn there
        click.echo(
            "note: the view needs a terminal as standard input and error; here are lines", err=True
        )
        return False
    if os.environ.get("TERM", "dumb") in {"dumb", "unknown"}:
        click.echo("note: this terminal cannot show the view; here are lines", err=True)
        return False
    return True


def _run_screen(source: Source, zone: Zone, averages: Averages | None, *, names: bool) -> None:
    """Show the view on the terminal until it is closed."""
    try:
        from hubbub.live.terminal.screen import TopApp
    except ModuleNotFoundError as error:
        if error.name != "textual":
            raise
        raise UsageError(
            "the view on a terminal needs the library textual",
            hint="install hubbub[top], or add --lines",
        ) from None
    view = TopApp(source, zone, averages=averages, names=names)
    view.run()
    if view.failure is not None:
        raise view.failure


def _print_lines(
    source: Source, periods: Periods, zone: Zone, averages: Averages | None, form: str
) -> None:
    """Print a line for each period until the source ends or a signal is received."""
    from hubbub.cli.output.formats import dumps
    from hubbub.cli.signals import stop_signal
    from hubbub.live.alerts.wording import shown
    from hubbub.live.terminal.periods import format_change, format_line
    from hubbub.live.terminal.records import (
        change_document,
        csv_header,
        csv_row,
        period_document,
    )

    if form == "csv":
        click.echo(csv_header(), nl=False)
    with stop_signal() as stop:
        while not stop.wait(_POLL) and not source.ended():
            received = source.poll()
            now = source.now
            ended = [*periods.add(received), *periods.complete(now, skip=source.replay is None)]
            if source.ended():
                ended += periods.rest(now)
            for period in ended:
                if form == "text":
                    click.echo(format_line(period, periods.seconds, zone, source.noun))
                elif form == "csv":
                    click.echo(csv_row(period, zone), nl=False)
                else:
                    click.echo(dumps(period_document(period, zone)))
            if averages is None:
                continue
            averages.add(received)
            for change in averages.complete(now):
                if form == "json":
                    click.echo(dumps(change_document(change, zone)))
                else:
                    text = format_change(shown(change, number=0, names=True), zone)
                    click.echo(text, err=form == "csv")


top.params.extend(range_options(_WITHOUT))
common_options(top)
