"""`hubbub alerts silence`: hold notifications back, list silences, end one."""

from __future__ import annotations

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.commands.live.alerts import chosen_rules, moment, now
from hubbub.cli.functions import request_zone
from hubbub.cli.options.author import author_of
from hubbub.cli.output.rows import rows_format, show_rows
from hubbub.errors import UsageError

__all__ = ["silence"]

_EVERY = "every rule"


@common_options
@click.command(name="silence")
@click.argument("rule", required=False)
@click.option("--subject", metavar="TEXT", help="Only for this topic, category or account.")
@click.option("--all", "every", is_flag=True, help="Silence every rule.")
@click.option("--for", "length", metavar="TIME", help="How long: 2h, 1d.")
@click.option("--reason", metavar="TEXT", help="Why; it is shown to others.")
@click.option("--author", metavar="NAME", help="Who. Default: the system's user.")
@click.option("--list", "listing", is_flag=True, help="List the silences, and what each held back.")
@click.option("--end", "ending", type=int, metavar="NUMBER", help="End this silence now.")
@rows_format
@pass_app
def silence(  # noqa: PLR0917 - the options
    app: App,
    /,
    rule: str | None,
    subject: str | None,
    every: bool,  # noqa: FBT001 - click passes options by name
    length: str | None,
    reason: str | None,
    author: str | None,
    listing: bool,  # noqa: FBT001
    ending: int | None,
    *,
    form: str,
) -> None:
    """Hold the notifications of a RULE back for some time; alerts are still recorded and shown.

    \b
    hubbub alerts silence busy --for 2h --reason "mass rebuild"
    hubbub alerts silence --list
    hubbub alerts silence --end 3

    If the alert is still on when the silence ends, its notification is sent then.
    """  # noqa: D301  (click wants the control character)
    from hubbub.store.state import silences

    app.configure_logging()
    zone, at = request_zone(app), now()
    if not listing and ending is None:
        names = _rules(app, rule, every=every)
        if length is None or reason is None:
            missing = "--for" if length is None else "--reason"
            raise UsageError(f"a silence needs {missing}", hint='--for 2h --reason "mass rebuild"')
        ends = at + _micros(length)
        who = author_of(author, "--author")
        with app.store() as store:
            found = [
                silences.add(
                    store.state,
                    rule=names,
                    subject=subject or "",
                    author=who,
                    reason=reason,
                    starts=at,
                    ends=ends,
                )
            ]
    elif ending is not None:
        with app.store() as store:
            found = [silences.end(store.state, ending, now=at)]
    else:
        with app.reading(load=False) as store:
            found = silences.listed(store.state)
    rows = [
        {
            "number": each.number,
            "rule": each.rule or _EVERY,
            "subject": each.subject,
            "author": each.author,
            "reason": each.reason,
            "starts": moment(each.starts, zone),
            "ends": moment(each.ends, zone),
            "active": each.active(at),
            "held_back": each.suppressed,
        }
        for each in found
    ]
    show_rows("alerts silence", rows, form)


def _rules(app: App, rule: str | None, *, every: bool) -> str:
    """Return the name of the rule that is silenced; empty: every rule."""
    if every == (rule is not None):
        raise UsageError("which rule?", hint="name one rule, or give --all")
    if rule is not None:
        chosen_rules(app, [rule])
    return rule or ""


def _micros(length: str) -> int:
    from hubbub.times import parse_duration

    try:
        return round(parse_duration(length).total_seconds() * 1_000_000)
    except ValueError as error:
        raise UsageError(str(error), where="--for") from None
