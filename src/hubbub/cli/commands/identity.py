"""`hubbub identity merge|undo|list|suspects`: which accounts are one person, which a program."""

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
from hubbub.errors import UsageError

if TYPE_CHECKING:
    from hubbub.store import Store
    from hubbub.store.query.identity import Entry

__all__ = ["identity"]

_TAKEN = frozenset({"as_json", "allow_incomplete"})


@common_options
@click.group(name="identity")
def identity() -> None:
    """Say which accounts are one person; see which may be programs.

    What is said here applies when events are read, and never changes what is stored.
    """


def _who(stated: str | None) -> str:
    """Who speaks: as stated, else the system's user."""
    if stated is not None:
        return stated
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        raise UsageError("who says so? this user has no name", hint="add --who NAME") from None


_WHO = click.option("--who", metavar="NAME", help="Who says so. Default: the system's user.")
_JSON = click.option("--json", "as_json", is_flag=True, help="As JSON.")


@common_options
@identity.command(name="merge")
@click.argument("account", metavar="ACCOUNT")
@click.argument("person", metavar="PERSON")
@click.option("--why", required=True, metavar="TEXT", help="What it rests on, for the journal.")
@_WHO
@_JSON
@pass_app
def merge(
    app: App, /, account: str, person: str, why: str, who: str | None, *, as_json: bool
) -> None:
    """ACCOUNT and PERSON are one person, who counts under the name PERSON.

    Either may have been merged before: then the two persons become one. `identity undo` takes it
    back.
    """
    from hubbub.store.query import identity as journal

    app.configure_logging()
    _there(app)
    with app.reading() as store:
        entry = journal.merge(
            store.state, account, person, who=_who(who), why=why, time=time.time_ns() // 1000
        )
        for note in _notes(app, store, entry):
            click.echo(f"note: {note}", err=True)
        now = store.persons
    person = now.name(entry.person)
    app.print_facts(
        {"entry": entry.number, "person": person, "accounts": ", ".join(now.accounts[person])}
        if not as_json
        else {"entry": entry.number, "person": person, "accounts": now.accounts[person]},
        as_json=as_json,
    )


@common_options
@identity.command(name="undo")
@click.argument("number", metavar="N", type=int)
@click.option("--why", default="", metavar="TEXT", help="For the journal.")
@_WHO
@_JSON
@pass_app
def undo(app: App, /, number: int, why: str, who: str | None, *, as_json: bool) -> None:
    """Take back the merge with the number N: all is as if it had never been said."""
    from hubbub.store.query import identity as journal

    app.configure_logging()
    _there(app)
    with app.store() as store:
        entry = journal.undo(
            store.state, number, who=_who(who), why=why, time=time.time_ns() // 1000
        )
        now = store.persons
    app.print_facts(
        {
            "entry": entry.number,
            "undoes": number,
            **{f"{name} counts as": now.name(name) for name in (entry.account, entry.person)},
        }
        if not as_json
        else {
            "entry": entry.number,
            "undoes": number,
            "persons": {name: now.name(name) for name in (entry.account, entry.person)},
        },
        as_json=as_json,
    )


@common_options
@identity.command(name="list")
@_JSON
@pass_app
def list_entries(app: App, *, as_json: bool) -> None:
    """The journal, and the persons that follow from it."""
    from hubbub.cli.output.formats import dumps, show_table
    from hubbub.cli.output.tables import Table
    from hubbub.store.query import identity as journal
    from hubbub.times import from_micros, iso

    app.configure_logging()
    with app.reading(load=False) as store:
        entries, persons = journal.entries(store.state), store.persons
    rows = [
        {
            "entry": one.number,
            "time": iso(from_micros(one.time).replace(microsecond=0)),
            "who": one.who,
            "account": one.account,
            "person": one.person,
            "state": _state(one),
            "why": one.why,
        }
        for one in entries
    ]
    if as_json:
        click.echo(dumps({"entries": rows, "persons": persons.accounts}, indent=2))
        return
    columns = ("entry", "time", "who", "account", "person", "state", "why")
    show_table(Table(columns, [[row[c] for c in columns] for row in rows]))
    if persons:
        click.echo("\npersons")
        its = [(person, list(accounts[1:])) for person, accounts in persons.accounts.items()]
        show_table(Table(("person", "also"), its))


@click.command(name="suspects")
@_JSON
@pass_app
def suspects(app: App, /, **values: Any) -> int:
    """Accounts with a machine's rhythm, for a person to look at. Nobody is left out by it.

    The same as `hubbub query suspects`, which explains the measures and knows more formats.
    """
    from hubbub.cli.output.formats import write

    app.configure_logging()
    app.plugins()
    with app.reading() as store:
        runner = make_runner(app, store, common=configured_options(app))
        result = runner.query("suspects", **stated_parameters(values, _TAKEN))
        write(result, "json" if values["as_json"] else "table")
    if result.data and not values["as_json"]:
        click.echo(
            "note: a list of questions, not of answers; `[people] bots` in the configuration is "
            "the list of bots",
            err=True,
        )
    return finish(runner, allow_incomplete=values["allow_incomplete"])


suspects.params.extend(range_options())
identity.add_command(common_options(suspects))


def _there(app: App) -> None:
    """A statement needs a store to stand in."""
    if not app.store_folder.exists():
        raise UsageError(
            "there is no store here",
            where=str(app.store_folder),
            hint="`hubbub gather`, `listen` or `import` makes one; or name it with --store",
        )


def _state(entry: Entry) -> str:
    if entry.undoes is not None:
        return f"undoes {entry.undoes}"
    return "applies" if entry.undone is None else f"undone by {entry.undone}"


def _notes(app: App, store: Store, entry: Entry) -> list[str]:
    """What may be a mistake: a name that no event has, or a program made one with a person."""
    from hubbub.store.query.globs import fits
    from hubbub.store.query.selection import BOTS

    names = (entry.account, entry.person)
    rows = store.events().stored  # as stored: `users` and `agent` before merges
    seen = rows.aggregate(
        **{f"n{i}": ((rows.agent == n) | rows.users.contains(n)).any() for i, n in enumerate(names)}
    ).to_pyarrow()
    notes = [
        f"no event in the store has the account {name!r} yet"
        for i, name in enumerate(names)
        if not seen[f"n{i}"][0].as_py()
    ]
    globs = BOTS if app.config.people.bots is None else app.config.people.bots
    bots = [name for name in names if fits(name, globs)]
    if len(bots) == 1:
        notes.append(f"{bots[0]!r} is on the list of bots: --no-bots leaves out the whole person")
    return notes
