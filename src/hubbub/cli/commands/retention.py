"""`hubbub retention`: what is older than its time goes."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.options.retention import retention_settings
from hubbub.errors import UsageError

__all__ = ["retention"]


@common_options
@click.command(name="retention")
@click.option("--events", metavar="TIME", help="How long events are kept. [default: 10y]")
@click.option("--bodies", metavar="TIME", help="How long bodies are kept. [default: 30d]")
@click.option("--dry-run", is_flag=True, help="Say what would go; change nothing.")
@click.option("--trust-clock", is_flag=True, help="The clock is right, though days ahead.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_app
def retention(
    app: App,
    /,
    events: str | None,
    bodies: str | None,
    *,
    dry_run: bool,
    trust_clock: bool,
    as_json: bool,
) -> None:
    """Let go of events and bodies that are older than the configuration's `[retention]` says.

    TIME is a duration (30d, 26w, 10y) or forever. Bodies are gone from the disk at once, files of
    events after an hour, by the next run: whoever reads them may finish.

    Where the clock is days further than when retention ran last, and no message of these days is
    stored, nothing goes: it is set wrong more likely than not. --trust-clock says that it is right.
    """
    from hubbub.store.maintenance.retention import doubt, prune
    from hubbub.store.policy import LAST
    from hubbub.store.state import dead_letters
    from hubbub.times import iso, to_micros

    app.configure_logging()
    spans = retention_settings(app, events, bodies)
    now = datetime.now(UTC)
    with app.reading(load=False) as store:
        if not dry_run and not trust_clock and (why := doubt(store, now)):
            raise UsageError(
                f"nothing is let go: {why}", hint="set the clock; --trust-clock says it is right"
            )
        done = prune(store, now=now, events=spans.events, bodies=spans.bodies, dry=dry_run)
        if not dry_run:
            dead_letters.bound(store.state, spans)
            with store.state.transaction() as db:
                dead_letters.prune(db)
            store.state.set(LAST, to_micros(now))
    verb = "would go" if dry_run else "gone"
    if as_json:
        facts = {
            one.table: {"before": iso(one.before), "rows": one.rows, "bytes": one.bytes}
            for one in done
        }
        from hubbub.cli.output.formats import dumps

        click.echo(dumps(facts, indent=2))
        return
    for one in done:
        until = iso(one.before.replace(microsecond=0))
        click.echo(f"{one.table} before {until}: {one.rows:,} {verb}, {one.bytes:,} bytes")
    if not done:
        click.echo("everything is kept for ever")
