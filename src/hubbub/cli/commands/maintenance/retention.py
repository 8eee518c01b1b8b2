"""`hubbub retention`: delete what is past its retention period."""

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
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted.")
@click.option("--trust-clock", is_flag=True, help="Accept the clock although it jumped days ahead.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
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
    """Delete events, bodies and dead letters that are past their retention period.

    The periods are those of the configuration's `[retention]`, unless options are given. TIME is a
    duration (30d, 26w, 10y) or forever. Files of bodies are deleted at once, files of events by the
    next run after an hour, so that running queries can finish.

    If the clock is days ahead of the last run and no message of these days is stored, nothing is
    deleted: the clock is probably wrong. --trust-clock accepts it.
    """
    from hubbub.store.maintenance.retention import check_clock, prune
    from hubbub.store.policy import LAST_RUN
    from hubbub.store.state import dead_letters
    from hubbub.times import iso, to_micros

    app.configure_logging()
    periods = retention_settings(app, events, bodies)
    now = datetime.now(UTC)
    with app.reading(load=False) as store:
        if not dry_run and not trust_clock and (why := check_clock(store, now)):
            raise UsageError(
                f"nothing is deleted: {why}",
                hint="set the clock, or confirm with --trust-clock that it is right",
            )
        pruned = prune(store, now=now, events=periods.events, bodies=periods.bodies, dry=dry_run)
        if not dry_run:
            dead_letters.set_bounds(store.state, periods)
            with store.state.transaction() as db:
                dead_letters.prune(db)
            store.state.set(LAST_RUN, to_micros(now))
    verb = "would be deleted" if dry_run else "deleted"
    if as_json:
        facts = {
            part.table: {"before": iso(part.before), "rows": part.rows, "bytes": part.bytes}
            for part in pruned
        }
        from hubbub.cli.output.formats import dumps

        click.echo(dumps(facts, indent=2))
        return
    for part in pruned:
        before = iso(part.before.replace(microsecond=0))
        click.echo(f"{part.table} before {before}: {part.rows:,} {verb}, {part.bytes:,} bytes")
    if not pruned:
        click.echo("everything is kept forever")
