"""`hubbub dead-letters`: what could not be read or was refused, and reading it again."""

from __future__ import annotations

import base64
import re
import sys
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.options.trust import trust_files, trust_options
from hubbub.errors import UsageError

if TYPE_CHECKING:
    from hubbub.store import Store
    from hubbub.store.state.dead_letters import Letter

__all__ = ["dead_letters"]

_SHOWN = 16_384  # bytes of a body on a terminal; --json and --raw give all
_COLUMNS = ("id", "time", "reason", "bytes", "source", "topic", "what")


@common_options
@click.group(name="dead-letters", context_settings={"help_option_names": ["-h", "--help"]})
def dead_letters() -> None:
    """Look at what could not be read or was refused, and have it read again.

    Letters are kept for 30 days, and the newest 100 MiB of them. Of what is too large, the first
    64 KiB are kept.
    """


@common_options
@dead_letters.command(name="list")
@click.option("--reason", help="Only those refused for this.")
@click.option("--source", help="Only those of this source, e.g. zmq:tcp://bus.example.org:9940.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="The newest.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_app
def list_letters(
    app: App, /, reason: str | None, source: str | None, limit: int, *, as_json: bool
) -> None:
    """List the newest letters, without their bodies."""
    from hubbub.store.state import dead_letters as letters

    app.configure_logging()
    with app.reading() as store:
        found = letters.find(store.state.rows, reason, source, limit, bodies=False)
        total = sum(
            n for why, n in store.state.dead_letter_counts().items() if reason in {None, why}
        )
    rows = [_facts(one) for one in found]
    if as_json:
        from hubbub.cli.output.formats import dumps

        click.echo(dumps(rows, indent=2))
        return
    from hubbub.cli.output.formats import show_table
    from hubbub.cli.output.tables import Table

    if rows:
        show_table(Table(_COLUMNS, [[row[name] for name in _COLUMNS] for row in rows]))
    else:
        click.echo("no dead letters")
    if source is None and total > len(rows):
        click.echo(f"{total - len(rows):,} older ones: --limit", err=True)


@common_options
@dead_letters.command(name="show")
@click.argument("letter", type=click.IntRange(1), metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with the whole body.")
@click.option("--raw", is_flag=True, help="The body as it came, byte for byte; not to a terminal.")
@pass_app
def show(app: App, letter: int, *, as_json: bool, raw: bool) -> None:
    """Show one letter; what could do harm in a terminal is escaped or left out."""
    from hubbub.store.state import dead_letters as letters

    app.configure_logging()
    with app.reading(load=False) as store:
        found = letters.get(store.state.rows, letter)
    if found is None:
        raise UsageError(f"there is no dead letter {letter}", hint="see hubbub dead-letters list")
    if raw:
        if sys.stdout.isatty():
            raise UsageError("--raw is for files: add > FILE")
        sys.stdout.flush()
        sys.stdout.buffer.write(found.body)
        return
    facts = _facts(found) | _body(found.body)
    if as_json:
        from hubbub.cli.output.formats import dumps

        click.echo(dumps(facts, indent=2))
        return
    from hubbub.cli.output.tables import clean

    body = facts.pop("body", None)
    for name, value in facts.items():
        if name != "body_base64":
            click.echo(f"{name:<10} {clean(str(value))}")
    click.echo()
    click.echo(_dump(found.body[:_SHOWN]) if body is None else _lines(body[:_SHOWN]))
    if len(found.body) > _SHOWN:
        click.echo(f"only the beginning of {len(found.body):,} bytes: --json, --raw", err=True)


@common_options
@dead_letters.command(name="retry")
@click.argument("ids", nargs=-1, type=click.IntRange(1), metavar="[ID]...")
@click.option("--reason", "reasons", multiple=True, help="All refused for this; repeatable.")
@click.option("--all", "everything", is_flag=True, help="All that can be read again.")
@click.option("--json", "as_json", is_flag=True, help="Say what became of them as JSON.")
@trust_options
@pass_app
def retry(app: App, /, ids: tuple[int, ...], *, as_json: bool, **options: Any) -> None:
    """Read letters again, after rules, a CA or hubbub itself changed.

    One that can be read now is an event like any other, and no letter any more; one that fails
    again stays the one letter that it is. Letters of a bus that is verified are verified again: by
    the CA that is given or configured, else by the one they came under. --no-verify believes them.
    """
    app.configure_logging()
    app.check_rules()
    trust = trust_files(app, options)
    with app.store() as store:
        app.load(store)
        chosen, left = _choose(store, ids, options["reasons"], everything=options["everything"])
        _ask(store, chosen, trust, believe=options["verify"] is False)
        app.load(store)
        asked = {one.id for one in chosen}
        rows = store.state.rows("SELECT id, reason, again FROM dead_letters")
    refused: dict[str, int] = {}
    waiting = 0
    for one, reason, again in rows:
        if one in asked:
            waiting += again
            if not again:
                refused[reason] = refused.get(reason, 0) + 1
    read = len(asked) - waiting - sum(refused.values())
    facts = {"retried": len(asked), "read": read, "refused": refused}
    more = {"waiting": waiting, "cannot be read": left}
    app.print_facts(facts | {name: n for name, n in more.items() if n}, as_json=as_json)


def _choose(
    store: Store, ids: tuple[int, ...], reasons: tuple[str, ...], *, everything: bool
) -> tuple[list[Letter], int]:
    """The letters to be read again, and how many of those named cannot be."""
    from hubbub.store.state import dead_letters as letters

    if not (ids or reasons or everything):
        raise UsageError("which letters?", hint="name their ids, or --reason REASON, or --all")
    known = letters.find(store.state.rows, None, None, -1, bodies=False)
    there = {one.id for one in known}
    if missing := [str(one) for one in ids if one not in there]:
        raise UsageError(
            f"there is no dead letter {', '.join(missing)}", hint="see hubbub dead-letters list"
        )
    meant = [one for one in known if everything or one.id in ids or one.reason in reasons]
    chosen = [one for one in meant if one.readable]
    return chosen, len(meant) - len(chosen)


def _ask(store: Store, chosen: list[Letter], trust: Any, *, believe: bool) -> None:
    from hubbub.store.spool.segment import TRUST
    from hubbub.store.spool.trust import remember
    from hubbub.store.state import dead_letters as letters

    number = 0 if trust is None else remember(store.state, trust)
    flags = {
        one.id: one.flags & (1 << TRUST) - 1 | number << TRUST
        for one in chosen
        if one.flags >> TRUST and (number or believe)  # whoever came unverified stays so
    }
    with store.state.transaction() as db:
        letters.ask(db, [one.id for one in chosen], flags)


def _facts(letter: Letter) -> dict[str, Any]:
    from hubbub.times import from_micros, iso

    return {
        "id": letter.id,
        "time": iso(from_micros(letter.time)),
        "reason": letter.reason,
        "what": letter.what,
        "source": letter.source,
        "position": letter.seq,
        "topic": letter.topic[:1000].decode("utf-8", "backslashreplace"),
        "bytes": letter.size + letter.missing,
        "missing": letter.missing,
        "can_be_read_again": letter.readable,
    }


def _body(body: bytes) -> dict[str, str]:
    """The body as text, or as base64 where it is none."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}


def _lines(text: str) -> str:
    from hubbub.cli.output.tables import clean

    return "\n".join(clean(line) for line in re.split(r"\r\n|\r|\n", text))


def _dump(data: bytes) -> str:
    """Bytes as a hexadecimal dump."""
    rows = []
    for at in range(0, len(data), 16):
        part = data[at : at + 16]
        text = part.decode("ascii", "replace")
        plain = "".join(char if char.isascii() and char.isprintable() else "." for char in text)
        rows.append(f"{at:08x}  {part.hex(' '):<47}  {plain}")
    return "\n".join(rows)
