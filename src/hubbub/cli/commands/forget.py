"""`hubbub forget NAME`: somebody's name out of the store, now and for ever."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.errors import UsageError

if TYPE_CHECKING:
    from hubbub.store import Store

__all__ = ["forget"]


@common_options
@click.command(name="forget")
@click.argument("name", required=False, metavar="NAME")
@click.option("--why", default="", metavar="TEXT", help="For the journal; the name is taken out.")
@click.option("--dry-run", is_flag=True, help="Say how much holds the name; change nothing.")
@click.option("--list", "listed", is_flag=True, help="The journal: pseudonyms, when and why.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_app
def forget(
    app: App, /, name: str | None, why: str, *, dry_run: bool, listed: bool, as_json: bool
) -> None:
    """Replace an account's name by a pseudonym in all that is stored and all that still arrives.

    No count changes. There is no way back: the name is kept nowhere, only a keyed digest that
    recognises it. NAME is the account as the bus spells it, in any case; - reads it from standard
    input, so that it stays out of the shell's history. A listener may run meanwhile.
    """
    app.configure_logging()
    if listed:
        if name is not None:
            raise UsageError("--list takes no NAME", hint="the journal holds no names")
        with app.reading(load=False) as store:
            _show(_journal(store), as_json=as_json)
        return
    if name is None:
        raise UsageError("whom?", hint="hubbub forget NAME, or - to read it from standard input")
    if name == "-":
        name = sys.stdin.readline()
    if dry_run:
        from hubbub.store.privacy.forget import would

        with app.reading() as store:
            found = would(store, name)
        facts: dict[str, Any] = {"events": found.events, "bodies": found.bodies}
        if found.pseudonyms:
            facts = {"pseudonym": found.pseudonyms[0], **facts}
        app.print_facts(facts, as_json=as_json)
        return
    from hubbub.store.privacy.forget import forget as act

    if not app.store_folder.exists():
        raise UsageError("there is no store here", where=str(app.store_folder))
    app.check_rules()
    with app.store() as store:
        done = act(store, name, why, app.reader)
    app.print_facts(
        {
            "pseudonym": ", ".join(done.pseudonyms),
            "events": done.events,
            "bodies": done.bodies,
            "records": done.records,
        },
        as_json=as_json,
    )


def _journal(store: Store) -> list[dict[str, Any]]:
    from hubbub.store.privacy.forget import entries
    from hubbub.times import from_micros, iso

    return [
        {
            "pseudonym": one.pseudonym,
            "time": iso(from_micros(one.time).replace(microsecond=0)),
            "why": one.why,
            "done": one.done,
        }
        for one in entries(store.state)
    ]


def _show(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    from hubbub.cli.output.formats import dumps, show_table
    from hubbub.cli.output.tables import Table

    if as_json:
        click.echo(dumps(rows, indent=2))
    else:
        columns = ("pseudonym", "time", "why", "done")
        show_table(Table(columns, [[row[c] for c in columns] for row in rows]))
