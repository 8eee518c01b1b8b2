"""`hubbub identity merge|undo|list|suspects`: accounts of one person, and suspected bots."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.functions import (
    configured_options,
    finish,
    make_runner,
    range_options,
    stated_parameters,
)
from hubbub.cli.options.author import author_of
from hubbub.errors import UsageError

if TYPE_CHECKING:
    from hubbub.store import Store
    from hubbub.store.query.identity import Entry

__all__ = ["identity"]

_OWN = frozenset({"as_json", "allow_incomplete"})


@common_options
@click.group(name="identity")
def identity() -> None:
    """Merge accounts that belong to one person; list accounts that may be bots.

    Merges apply when events are read; stored events never change.
    """


_WHO = click.option(
    "--who", metavar="NAME", help="Author of the journal entry. Default: the system's user."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@common_options
@identity.command(name="merge")
@click.argument("account", metavar="ACCOUNT")
@click.argument("person", metavar="PERSON")
@click.option("--why", required=True, metavar="TEXT", help="Reason, for the journal.")
@_WHO
@_JSON
@pass_app
def merge(
    app: App, /, account: str, person: str, why: str, who: str | None, *, as_json: bool
) -> None:
    """Merge ACCOUNT and PERSON into one person, counted under the name PERSON.

    If either was merged before, the two persons become one. `identity undo` reverts a merge.
    """
    from hubbub.store.query import identity as journal

    app.configure_logging()
    _require_store(app)
    with app.reading() as store:
        store.require_writable()
        entry = journal.merge(
            store.state,
            account,
            person,
            who=author_of(who, "--who"),
            why=why,
            time=time.time_ns() // 1000,
        )
        for note in _notes(app, store, entry):
            click.echo(f"note: {note}", err=True)
        persons = store.persons
    person = persons.name(entry.person)
    accounts = persons.accounts[person]
    app.print_facts(
        {
            "entry": entry.number,
            "person": person,
            "accounts": accounts if as_json else ", ".join(accounts),
        },
        as_json=as_json,
    )


@common_options
@identity.command(name="undo")
@click.argument("number", metavar="N", type=int)
@click.option("--why", default="", metavar="TEXT", help="Reason, for the journal.")
@_WHO
@_JSON
@pass_app
def undo(app: App, /, number: int, why: str, who: str | None, *, as_json: bool) -> None:
    """Revert the merge with the number N."""
    from hubbub.store.query import identity as journal

    app.configure_logging()
    _require_store(app)
    with app.store() as store:
        entry = journal.undo(
            store.state, number, who=author_of(who, "--who"), why=why, time=time.time_ns() // 1000
        )
        names = {name: store.persons.name(name) for name in (entry.account, entry.person)}
    persons: dict[str, Any] = (
        {"persons": names}
        if as_json
        else {f"{account} counts as": name for account, name in names.items()}
    )
    app.print_facts({"entry": entry.number, "undoes": number, **persons}, as_json=as_json)


@common_options
@identity.command(name="list")
@_JSON
@pass_app
def list_entries(app: App, *, as_json: bool) -> None:
    """List the journal of merges, and the resulting persons."""
    from hubbub.cli.output.formats import dumps, show_table
    from hubbub.formats.tables import Table
    from hubbub.store.query import identity as journal
    from hubbub.times import from_micros, iso

    app.configure_logging()
    with app.reading(load=False) as store:
        entries, persons = journal.entries(store.state), store.persons
    rows = [
        {
            "entry": entry.number,
            "time": iso(from_micros(entry.time).replace(microsecond=0)),
            "who": entry.who,
            "account": entry.account,
            "person": entry.person,
            "state": _state(entry),
            "why": entry.why,
        }
        for entry in entries
    ]
    if as_json:
        click.echo(dumps({"entries": rows, "persons": persons.accounts}, indent=2))
        return
    columns = ("entry", "time", "who", "account", "person", "state", "why")
    show_table(Table(columns, [[row[c] for c in columns] for row in rows]))
    if persons:
        click.echo("\npersons")
        merged = [(person, list(accounts[1:])) for person, accounts in persons.accounts.items()]
        show_table(Table(("person", "also"), merged))


@click.command(name="suspects")
@_JSON
@pass_app
def suspects(app: App, /, **values: Any) -> int:
    """List accounts with the rhythm of a program, for review.

    No account is left out of results because of this list. It is the same as
    `hubbub query suspects`, which explains the measures and has more formats.
    """
    from hubbub.cli.output.formats import write

    app.configure_logging()
    app.plugins()
    with app.reading() as store:
        runner = make_runner(app, store, common=configured_options(app))
        result = runner.query("suspects", **stated_parameters(values, _OWN))
        write(result, "json" if values["as_json"] else "table")
    if result.data and not values["as_json"]:
        click.echo(
            "note: these accounts may be bots; review them, and add bots to `[people] bots` in the "
            "configuration",
            err=True,
        )
    return finish(runner, allow_incomplete=values["allow_incomplete"])


suspects.params.extend(range_options())
identity.add_command(common_options(suspects))


def _require_store(app: App) -> None:
    """Raise a UsageError if there is no store: the journal is kept in it."""
    if not app.store_folder.exists():
        raise UsageError(
            "there is no store here",
            where=str(app.store_folder),
            hint="`hubbub gather`, `listen` or `import` creates one; or give --store PATH",
        )


def _state(entry: Entry) -> str:
    if entry.undoes is not None:
        return f"undoes {entry.undoes}"
    return "applies" if entry.undone is None else f"undone by {entry.undone}"


def _notes(app: App, store: Store, entry: Entry) -> list[str]:
    """Return notes on possible mistakes: an account without events, a bot merged with a person."""
    from hubbub.store.query.globs import fits
    from hubbub.store.query.selection import bot_globs

    names = (entry.account, entry.person)
    rows = store.events().stored  # `users` and `agent` before merges are applied
    occurrences = {
        f"n{i}": ((rows.agent == name) | rows.users.contains(name)).any()
        for i, name in enumerate(names)
    }
    (occurs,) = rows.aggregate(**occurrences).to_pyarrow().to_pylist()
    notes = [
        f"no event in the store has the account {name!r} yet"
        for i, name in enumerate(names)
        if not occurs[f"n{i}"]
    ]
    globs = bot_globs(app.config.people.bots, app.config.people.more_bots)
    bots = [name for name in names if fits(name, globs)]
    if len(bots) == 1:
        notes.append(f"{bots[0]!r} is on the list of bots: the whole person is left out")
    return notes
