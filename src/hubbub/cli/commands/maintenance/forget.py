"""`hubbub forget NAME`: replace an account's name by a pseudonym, also in future messages."""

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
@click.option(
    "--why",
    default="",
    metavar="TEXT",
    help="Reason, for the journal; the name in it is replaced.",
)
@click.option("--dry-run", is_flag=True, help="Only count what contains the name.")
@click.option(
    "--list", "listed", is_flag=True, help="List the journal: pseudonyms, times, reasons."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@pass_app
def forget(
    app: App, /, name: str | None, why: str, *, dry_run: bool, listed: bool, as_json: bool
) -> None:
    """Replace an account's name by a pseudonym in all stored and all future messages.

    No count changes. This cannot be undone: the name is not kept, only a keyed digest that
    recognises it. NAME is the account as the bus spells it, in upper or lower case; - reads it from
    standard input, to keep it out of the shell's history. A listener may keep running.
    """
    app.configure_logging()
    if listed:
        if name is not None:
            raise UsageError("--list takes no NAME", hint="the journal contains no names")
        with app.reading(load=False) as store:
            _show_journal(_journal(store), as_json=as_json)
        return
    if name is None:
        raise UsageError("which account?", hint="give NAME, or - to read it from standard input")
    if name == "-":
        name = sys.stdin.readline()
    if dry_run:
        from hubbub.store.privacy.forget import preview

        with app.reading() as store:
            result = preview(store, name)
        facts: dict[str, Any] = {"events": result.events, "bodies": result.bodies}
        if result.pseudonyms:
            facts = {"pseudonym": result.pseudonyms[0], **facts}
        app.print_facts(facts, as_json=as_json)
        return
    from hubbub.store.privacy.forget import forget as forget_account

    if not app.store_folder.exists():
        raise UsageError("there is no store here", where=str(app.store_folder))
    app.check_rules()
    with app.store() as store:
        result = forget_account(store, name, why, app.reader)
    app.print_facts(
        {
            "pseudonym": ", ".join(result.pseudonyms),
            "events": result.events,
            "bodies": result.bodies,
            "records": result.records,
        },
        as_json=as_json,
    )


def _journal(store: Store) -> list[dict[str, Any]]:
    from hubbub.store.privacy.forget import entries
    from hubbub.times import from_micros, iso

    return [
        {
            "pseudonym": entry.pseudonym,
            "time": iso(from_micros(entry.time).replace(microsecond=0)),
            "why": entry.why,
            "done": entry.done,
        }
        for entry in entries(store.state)
    ]


def _show_journal(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    from hubbub.cli.output.formats import dumps, show_table
    from hubbub.formats.tables import Table

    if as_json:
        click.echo(dumps(rows, indent=2))
    else:
        columns = ("pseudonym", "time", "why", "done")
        show_table(Table(columns, [[row[c] for c in columns] for row in rows]))
