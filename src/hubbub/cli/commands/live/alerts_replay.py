"""`hubbub alerts replay`: run the rules over the past."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.commands.live.alerts import chosen_rules, details, judging, moment
from hubbub.cli.functions import (
    configured_options,
    finish,
    make_runner,
    range_options,
    stated_parameters,
)
from hubbub.cli.output.rows import rows_format, show_rows
from hubbub.language.plurals import plural

if TYPE_CHECKING:
    from hubbub.live.alerts.replay import Replayed
    from hubbub.run.scope import CommonOptions, Range
    from hubbub.store import Store
    from hubbub.zones import Zone

__all__ = ["replay"]

_OWN = frozenset({"rules", "form", "output", "changes", "allow_incomplete"})
_RANGE = frozenset({"since", "until", "tz", "allow_incomplete"})
_USUAL = "30d"
_DAY = timedelta(days=1)


@click.command(name="replay")
@click.argument("rules", nargs=-1, metavar="[RULE]...")
@click.option("--changes", is_flag=True, help="List every change instead of a row for each rule.")
@click.option(
    "output",
    "-o",
    "--output",
    metavar="FILE",
    help="Also draw the alerts, with a lane for each rule: .svg, .png or .html.",
)
@rows_format
@pass_app
def replay(app: App, /, **values: Any) -> int:
    """Run the rules over the past, and say how many messages that would have sent.

    Without --since, the last 30 days. Nothing is sent or recorded. Waiting for the end of a digest
    and sending many changes at once as one message are counted as they would be done; silences are
    not.
    """
    from hubbub.live.alerts.replay import replay as run
    from hubbub.times import to_micros

    app.configure_logging()
    if values["output"]:
        from hubbub.cli.commands.results.chart import picture_suffix

        picture_suffix(values["output"])
        app.plugins()
    stated = stated_parameters(values, _OWN)
    if "since" not in stated:
        stated["since"] = _USUAL
    options = configured_options(app).updated(stated, datetime.now(UTC))
    rules = chosen_rules(app, values["rules"])
    with judging(app) as (store, judge):
        runner = make_runner(app, store, common=options)
        chosen = runner.range()
        since, until = to_micros(chosen.since), to_micros(chosen.until)
        replayed = [run(judge, rule, since, until) for rule in rules]
        if values["output"]:
            _draw(app, store, options, [rule.name for rule in rules], values["output"])
    if values["changes"]:
        show_rows("alerts replay", _changes(replayed, options.zone), values["form"])
    else:
        show_rows("alerts replay", _summaries(app, replayed, options.zone), values["form"])
    click.echo(_sentence(app, replayed, chosen), err=True)
    return finish(runner, allow_incomplete=values["allow_incomplete"])


def _draw(
    app: App, store: Store, options: CommonOptions, rules: Sequence[str], output: str
) -> None:
    """Draw the view `alerts` with these rules."""
    import msgspec

    from hubbub.cli.commands.results.chart import Raster, encode, picture_suffix, write_picture
    from hubbub.live.alerts.judged import judged_rules

    chosen = tuple(table for table in app.config.alerts if table.name in rules)
    config = msgspec.structs.replace(app.config, alerts=chosen)
    runner = make_runner(app, store, common=options, alert_rules=judged_rules(config))
    drawing = runner.view("alerts")
    write_picture(encode(drawing, picture_suffix(output), Raster()), output)


def _owners(app: App) -> dict[str, str | None]:
    return {name: getattr(channel, "person", None) for name, channel in app.config.notify.items()}


def _summaries(app: App, replayed: list[Replayed], zone: Zone) -> list[dict[str, Any]]:
    from hubbub.live.alerts.replay import messages

    return [
        {
            "rule": each.rule.name,
            "raised": each.raised,
            "subjects": len({change.subject for change in each.changes}),
            "messages": sum(messages([each], _owners(app)).values()),
            "judged_since": moment(each.judged_since, zone),
            "condition": each.rule.sentence(),
        }
        for each in replayed
    ]


def _changes(replayed: list[Replayed], zone: Zone) -> list[dict[str, Any]]:
    from hubbub.live.alerts.wording import measured

    found = sorted(
        (change for each in replayed for change in each.changes),
        key=lambda change: (change.time, change.rule, change.subject),
    )
    return [
        {
            "time": moment(change.time, zone),
            "rule": change.rule,
            "state": change.state,
            "subject": change.subject,
            "measured": change.measured,
            "expected": change.expected,
            "text": measured(change),
            "details": details(change, zone),
        }
        for change in found
    ]


def _sentence(app: App, replayed: list[Replayed], chosen: Range) -> str:
    """Say how many messages it would have been, for each channel, in the time that was judged."""
    from hubbub.live.alerts.replay import messages
    from hubbub.times import from_micros

    totals = messages(replayed, _owners(app))
    judged = [each.judged_since for each in replayed if each.judged_since is not None]
    if not judged:
        return "not enough data: no rule could be judged in this range"
    days = (chosen.until - max(chosen.since, from_micros(min(judged)))) / _DAY
    length = f"{days:.0f} days" if days >= 2 else f"{days * 24:.1f} hours"  # noqa: PLR2004
    number = sum(totals.values())
    text = f"this would have sent {plural(number, 'message')} in {length}"
    named = [f"{name}: {n:,}" for name, n in totals.items() if name]
    return f"{text} ({', '.join(named)})" if named else text


replay.params.extend(option for option in range_options() if option.name in _RANGE)
common_options(replay)
