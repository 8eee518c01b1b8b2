"""`hubbub alerts list|check|history`, and the group of `replay` and `silence`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.functions import request_zone, tz_option
from hubbub.cli.lazy import Lazy, LazyGroup
from hubbub.cli.output.rows import rows_format, show_rows
from hubbub.language.plurals import plural

if TYPE_CHECKING:
    from hubbub.live.alerts.judge import Judge
    from hubbub.live.alerts.rules import AlertRule
    from hubbub.store import Store
    from hubbub.store.state.alerts import NewChange
    from hubbub.zones import Zone

__all__ = ["alerts", "chosen_rules", "details", "judging", "moment", "now"]

_SUBJECTS = 5


@common_options
@click.group(
    name="alerts",
    cls=LazyGroup,
    lazy={
        "replay": Lazy(
            "hubbub.cli.commands.live.alerts_replay:replay",
            "Run the rules over the past, and count the messages.",
        ),
        "silence": Lazy(
            "hubbub.cli.commands.live.alerts_silence:silence",
            "Hold notifications back for some time.",
        ),
    },
)
def alerts() -> None:
    """List and check alert rules, run them over the past, silence them; list what they alerted.

    Rules are the tables [[alerts]] of the configuration. `listen`, `serve`, `import --follow` and
    `jobs run --due` evaluate them while they run.
    """


def now() -> int:
    """Return the current time in µs since the epoch."""
    return time.time_ns() // 1000


def chosen_rules(app: App, names: Sequence[str]) -> list[AlertRule]:
    """Return the configured rules, or those of some names.

    Raises:
        UsageError: a rule is not valid, or there is none of a name.
    """
    from hubbub.live.alerts.delivery.service import notify_settings
    from hubbub.live.alerts.rules import find_rule, read_rules

    rules = read_rules(app.config.alerts)
    notify_settings(app.config)
    return [find_rule(rules, name) for name in names] if names else list(rules)


def moment(micros: int | None, zone: Zone) -> str | None:
    """Format a time of the store as ISO 8601, whole seconds."""
    from hubbub.times import from_micros

    return None if micros is None else zone.iso(from_micros(micros).replace(microsecond=0))


def details(change: NewChange, zone: Zone) -> dict[str, Any]:
    """Return the details of a change, with the time at which its condition began."""
    since = change.details.get("since")
    return {**change.details, "since": moment(since, zone)} if since else dict(change.details)


@contextmanager
def judging(app: App) -> Iterator[tuple[Store, Judge]]:
    """Open the store, load what waits, and prepare to judge rules."""
    from hubbub.live.alerts.judge import Judge
    from hubbub.live.alerts.runner import Alerting

    with app.reading() as store:
        yield store, Judge(store, now(), Alerting.of(app.config).base)


def _note_missing(rules: Sequence[AlertRule]) -> None:
    if not rules:
        click.echo("note: the configuration has no [[alerts]]: see docs/alerts.md", err=True)


@common_options
@alerts.command(name="list")
@rows_format
@pass_app
def list_rules(app: App, /, *, form: str) -> None:
    """List the rules: what each alerts on, its channels, and what is on now."""
    from hubbub.store.state import alerts as stored
    from hubbub.store.state import silences

    app.configure_logging()
    rules, zone = chosen_rules(app, ()), request_zone(app)
    _note_missing(rules)
    with app.reading(load=False) as store:
        on = stored.opened(store.state)
        latest = {
            rule.name: stored.changes(store.state, rules=[rule.name], limit=1) for rule in rules
        }
        active = silences.listed(store.state, since=now())
    rows = []
    for rule in rules:
        since = min((change.time for change in on if change.rule == rule.name), default=None)
        silent = [each.ends for each in active if each.rule in {"", rule.name} and not each.subject]
        rows.append(
            {
                "rule": rule.name,
                "condition": rule.sentence(),
                "notify": list(rule.notify),
                "open": sum(change.rule == rule.name for change in on),
                "since": moment(since, zone),
                "last_change": moment(latest[rule.name][0].time, zone)
                if latest[rule.name]
                else None,
                "silenced_until": moment(max(silent, default=None), zone),
            }
        )
    show_rows("alerts list", rows, form)


def _send_test(app: App, channel: str) -> None:
    from hubbub.errors import UsageError
    from hubbub.live.alerts.delivery.service import notify_settings, send_test

    settings = notify_settings(app.config)
    if settings is None:
        raise UsageError("no channel is configured", hint="see docs/notifications.md")
    send_test(settings, channel)
    click.echo(f"the message was sent to {channel}")


def _warn_of_channels(app: App) -> None:
    from hubbub.live.alerts.delivery.service import channel_problems, notify_settings

    if (settings := notify_settings(app.config)) is not None:
        for problem in channel_problems(settings):
            click.echo(f"warning: {problem}", err=True)


@common_options
@alerts.command(name="check")
@click.argument("rules", nargs=-1, metavar="[RULE]...")
@click.option(
    "--top",
    type=click.IntRange(1),
    default=_SUBJECTS,
    show_default=True,
    help="Subjects of each rule to show, those nearest to an alert first.",
)
@click.option("--test", metavar="CHANNEL", help="Only send a test message to a channel.")
@rows_format
@pass_app
def check(app: App, /, rules: tuple[str, ...], top: int, *, test: str | None, form: str) -> None:
    """Check the rules and channels, and say what each rule measures now.

    Averages are per second, silence is in seconds, coverage in percent. `alert` is empty where the
    rule cannot be judged: there is not enough history yet, or the listener missed messages.
    """
    from hubbub.live.alerts.present import readings
    from hubbub.live.alerts.wording import measured
    from hubbub.store.query.selection import FILTERS
    from hubbub.store.query.unmatched import unmatched

    app.configure_logging()
    if test is not None:
        _send_test(app, test)
        return
    chosen, zone = chosen_rules(app, rules), request_zone(app)
    _note_missing(chosen)
    _warn_of_channels(app)
    rows: list[dict[str, Any]] = []
    with judging(app) as (store, judge):
        for rule in chosen:
            for name in FILTERS:
                for missing in unmatched(store, {name: getattr(rule.filters, name)}, "users"):
                    click.echo(f"note: {rule.name}: {missing}", err=True)
            found = readings(judge, rule, now())
            for each in found[:top]:
                value = each.value
                text = measured(each.change(rule)) if value is not None else None
                rows.append(
                    {
                        "rule": rule.name,
                        "subject": each.subject,
                        "alert": each.holds,
                        "measured": None if value is None else value.measured,
                        "expected": None if value is None else value.expected,
                        "until": moment(each.time, zone),
                        "text": text or "there is not enough history to judge it",
                    }
                )
            if len(found) > top:
                click.echo(
                    f"note: {rule.name}: {plural(len(found) - top, 'more subject')}", err=True
                )
            if not found:
                rows.append({"rule": rule.name, "text": "nothing to measure yet"})
    columns = ("rule", "subject", "alert", "measured", "expected", "until", "text")
    show_rows("alerts check", [{name: row.get(name) for name in columns} for row in rows], form)


@common_options
@alerts.command(name="history")
@click.argument("rules", nargs=-1, metavar="[RULE]...")
@click.option("--since", metavar="TIME", help="Only later changes: 2026-01-31, or 7d.")
@click.option("--until", metavar="TIME", help="Only earlier changes.")
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=100,
    show_default=True,
    help="How many changes at most, the newest.",
)
@rows_format
@pass_app
def history(  # noqa: PLR0917 - the options
    app: App,
    /,
    rules: tuple[str, ...],
    since: str | None,
    until: str | None,
    limit: int,
    tz: str | None,
    *,
    form: str,
) -> None:
    """List what was alerted, newest first, and what became of each notification.

    The rules need not be in the configuration any more. `notifications` are the channels with
    their states: pending, sending, sent, unsure (it may have been sent), failed (given up),
    silenced, withheld (the channel may not see it).
    """
    from datetime import UTC, datetime

    from hubbub.errors import UsageError
    from hubbub.live.alerts.wording import measured
    from hubbub.store.state import alerts as stored
    from hubbub.store.state import notifications
    from hubbub.times import parse_time, to_micros

    app.configure_logging()
    zone, at = request_zone(app, tz), datetime.now(UTC)

    def time_of(text: str | None, option: str) -> int | None:
        try:
            return None if text is None else to_micros(parse_time(text, at))
        except ValueError as error:
            raise UsageError(str(error), where=option) from None

    with app.reading(load=False) as store:
        changes = stored.changes(
            store.state,
            since=time_of(since, "--since"),
            until=time_of(until, "--until"),
            rules=rules or None,
            limit=limit,
        )
        sent = notifications.of_changes(store.state, [change.number for change in changes])
    rows = [
        {
            "number": change.number,
            "time": moment(change.time, zone),
            "rule": change.rule,
            "state": change.state,
            "subject": change.subject,
            "text": change.details.get("reason") or measured(change),
            "detected": moment(change.detected, zone),
            "notifications": [each.summary for each in sent.get(change.number, ())],
        }
        for change in changes
    ]
    if not rows:
        click.echo("note: nothing was alerted", err=True)
    if form not in {"table", "csv"}:
        for row, change in zip(rows, changes, strict=True):
            row |= {
                "measured": change.measured,
                "expected": change.expected,
                "measure": change.measure,
                "details": details(change, zone),
            }
    show_rows("alerts history", rows, form)


history.params.append(tz_option())
