"""`hubbub gather`: fetch messages from a history service into the store."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Event as Flag
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.functions import INCOMPLETE, request_zone
from hubbub.cli.options.decoding import bodies_option, decoding_options
from hubbub.cli.options.trust import max_message, size_option
from hubbub.errors import HubbubError, UsageError
from hubbub.language.plurals import plural
from hubbub.parameters import plain
from hubbub.times import from_micros

if TYPE_CHECKING:
    from hubbub.cli.output.progress import Update
    from hubbub.collector.history.client import History
    from hubbub.collector.history.estimate import Estimate
    from hubbub.collector.history.gather import Gathered
    from hubbub.store import Store

__all__ = ["gather"]

_JOBS = 4


@common_options
@click.command(name="gather")
@click.option("--url", metavar="URL", help="History service. Default: Fedora's public datagrepper.")
@click.option(
    "--since",
    default="7d",
    metavar="TIME",
    help="Start of the range: 2026-01-31, or 7d for 7 days ago. [default: 7d]",
)
@click.option("--until", metavar="TIME", help="End of the range, exclusive. [default: now]")
@click.option("categories", "--category", multiple=True, help="Only this category; repeatable.")
@click.option("topics", "--topic", multiple=True, help="Only this topic; repeatable.")
@click.option("users", "--user", multiple=True, help="Only messages of this user; repeatable.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Parallel requests. [default: 4]")
@click.option("--allow-incomplete", is_flag=True, help="Exit with 0 even if a gap remains.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@size_option
@bodies_option
@decoding_options
@pass_app
def gather(app: App, /, **options: Any) -> int:
    """Fetch from a history service the messages that the store lacks.

    Requests only what is not proven complete, and continues where an earlier run was interrupted.
    Prints how many messages are new, already known, or refused. The time of a refused row is a gap
    until it is read or dismissed (hubbub dead-letters). Before the start, standard error shows how
    many requests are expected, from the service's count.
    """
    from hubbub.collector.history.client import DEFAULT_URL, History

    app.configure_logging()
    app.check_rules()
    history = History(options["url"] or app.config.gather.url or DEFAULT_URL)
    with app.store() as store:
        changes = app.count_changes(store)
        try:
            result = _gather(app, history, store, options)
        except HubbubError:
            # what was received before the error is kept, and counted
            app.load(store)
            facts = changes([history.source])
            if any(facts.values()):
                app.print_facts(facts, as_json=options["as_json"])
            raise
        app.load(store)
        facts = changes([history.source])
    gaps = [span.proof for span in result.incomplete]
    app.print_facts(
        {"requests": result.requests, "received": result.rows, **facts, "gaps": len(gaps)},
        as_json=options["as_json"],
    )
    for gap in gaps:
        click.echo(f"hubbub: incomplete: {gap}", err=True)
    for span in result.refused:
        when = f"{plain(from_micros(span.start))} to {plain(from_micros(span.end))}"
        click.echo(f"hubbub: {when}: {span.proof}", err=True)
    return INCOMPLETE if gaps and not options["allow_incomplete"] else 0


def _gather(app: App, history: History, store: Store, options: dict[str, Any]) -> Gathered:
    from hubbub.cli.output.progress import bar
    from hubbub.collector.decode.rejected import Bounded
    from hubbub.collector.sources.history import HistorySource
    from hubbub.parameters import convert

    now = datetime.now(UTC)
    local = request_zone(app).local(now)  # dates are days of the configured time zone
    since: datetime = convert(datetime, options["since"], "since", local)
    until: datetime = convert(datetime, options["until"] or now, "until", local)
    if until <= since:
        raise UsageError(
            "the range is empty: --until is not after --since",
            hint="both take times (2026-01-31T10:00Z) or durations ago (7d)",
        )
    largest = max_message(app, options["max_message"])
    with (
        store.spool("gather", bodies=app.bodies) as sink,
        bar("gathering") as update,
    ):
        shown = _Dates(update, until)
        source = HistorySource(
            history,
            since,
            until,
            categories=options["categories"],
            topics=options["topics"],
            users=options["users"],
            jobs=options["jobs"] or app.config.gather.jobs or _JOBS,
            max_message=largest,
            progress=shown.progress,
            expect=lambda expected: click.echo(_expectation(expected, since, until), err=True),
            reached=shown.reached,
        )
        source.run(Bounded(sink, largest), store.state, Flag())
        assert source.gathered is not None
        return source.gathered


def _expectation(expected: Estimate, since: datetime, until: datetime) -> str:
    requests = plural(expected.requests, "request")
    if expected.requests > 1:
        requests = f"about {requests}"
    return (
        f"gathering {_minute(since)} to {_minute(until)} UTC: "
        f"about {plural(expected.rows, 'message')} by the service's count, {requests}"
    )


def _minute(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M}"


class _Dates:
    """The dates of a progress bar: how far a gather has come."""

    def __init__(self, update: Update, until: datetime) -> None:
        self._update, self._until = update, until
        self._done = self._total = 0

    def progress(self, done: int, total: int, _rows: int) -> None:
        """Take the seconds of history that are read and to be read."""
        self._done, self._total = done, total

    def reached(self, when: datetime) -> None:
        """Show the time before which everything is read."""
        text = f"{_minute(when)} of {_minute(self._until)}"
        self._update(self._done, self._total, text)
