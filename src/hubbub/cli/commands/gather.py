"""`hubbub gather`: history into the store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.functions import INCOMPLETE
from hubbub.cli.options.reading import bodies_option, reading_options
from hubbub.cli.options.trust import max_message, size_option
from hubbub.errors import HubbubError, UsageError

if TYPE_CHECKING:
    from hubbub.collector.history.client import History
    from hubbub.collector.history.gather import Gathered
    from hubbub.store import Store

__all__ = ["gather"]

_JOBS = 4


@common_options
@click.command(name="gather")
@click.option(
    "--url", metavar="URL", help="The history service. Default: Fedora's public datagrepper."
)
@click.option(
    "--since",
    default="7d",
    metavar="TIME",
    help="From here on: 2026-01-31, or 7d ago. [default: 7d]",
)
@click.option("--until", metavar="TIME", help="Up to here, without it. [default: now]")
@click.option("categories", "--category", multiple=True, help="Only this category; repeatable.")
@click.option("topics", "--topic", multiple=True, help="Only this topic; repeatable.")
@click.option("users", "--user", multiple=True, help="Only messages of this user; repeatable.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Requests side by side. [default: 4]")
@click.option("--allow-incomplete", is_flag=True, help="Exit with 0 although a gap is left.")
@click.option("--json", "as_json", is_flag=True, help="Say what was gathered as JSON.")
@size_option
@bodies_option
@reading_options
@pass_app
def gather(app: App, /, **options: Any) -> int:
    """Fetch the history that the store lacks.

    Asks only for what is not proven complete, and goes on where an earlier run was interrupted.
    Says how many messages are new, known already, or refused.
    """
    from hubbub.collector.history.client import DEFAULT_URL, History

    app.configure_logging()
    app.check_rules()
    history = History(options["url"] or app.config.gather.url or DEFAULT_URL)
    with app.store() as store:
        counts = app.count_changes(store)
        try:
            done = _gather(app, history, store, options)
        except HubbubError:
            # What came before the error stays; the counts say how much that is.
            app.load(store)
            facts = counts([history.source])
            if any(facts.values()):
                app.print_facts(facts, as_json=options["as_json"])
            raise
        app.load(store)
        facts = counts([history.source])
    gaps = [f"{span.proof}" for span in done.incomplete]
    app.print_facts(
        {"requests": done.requests, "received": done.rows, **facts, "gaps": len(gaps)},
        as_json=options["as_json"],
    )
    for gap in gaps:
        click.echo(f"hubbub: incomplete: {gap}", err=True)
    return INCOMPLETE if gaps and not options["allow_incomplete"] else 0


def _gather(app: App, history: History, store: Store, options: dict[str, Any]) -> Gathered:
    from hubbub.cli.output.progress import bar
    from hubbub.collector.decode.rejected import Bounded
    from hubbub.collector.history.gather import gather as walk
    from hubbub.parameters import convert

    now = datetime.now(UTC)
    since: datetime = convert(datetime, options["since"], "since", now)
    until: datetime = convert(datetime, options["until"] or now, "until", now)
    if until <= since:
        raise UsageError(
            "the range is empty: --until is not after --since",
            hint="both take times (2026-01-31T10:00Z) or durations ago (7d)",
        )
    largest = max_message(app, options["max_message"])
    with (
        store.spool("gather", bodies=app.bodies) as sink,
        bar("gathering", unit="s of time") as shown,
    ):
        return walk(
            history,
            Bounded(sink, largest),
            store.state,
            start=since,
            end=until,
            categories=options["categories"],
            topics=options["topics"],
            users=options["users"],
            jobs=options["jobs"] or app.config.gather.jobs or _JOBS,
            progress=lambda done, total, _rows: shown(done, total),
        )
