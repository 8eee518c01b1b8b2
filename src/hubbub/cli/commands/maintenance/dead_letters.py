"""`hubbub dead-letters list|show|retry|dismiss`: messages that were refused."""

from __future__ import annotations

import base64
import re
import sys
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.options.trust import trust_files, trust_options
from hubbub.errors import UsageError
from hubbub.language.plurals import plural

if TYPE_CHECKING:
    from hubbub.store import Store
    from hubbub.store.state.dead_letters import DeadLetter

__all__ = ["dead_letters"]

_MAX_SHOWN = 16_384  # bytes of a body; --json and --raw show all
_COLUMNS = ("id", "time", "reason", "bytes", "source", "topic", "what")


@common_options
@click.group(name="dead-letters", context_settings={"help_option_names": ["-h", "--help"]})
def dead_letters() -> None:
    """List, show, retry and dismiss messages that could not be decoded or were refused.

    Dead letters are kept for 30 days, at most the newest 100 MiB. Of a message that is too large,
    the first 64 KiB are kept.
    """


@common_options
@dead_letters.command(name="list")
@click.option("--reason", help="Only those refused for this reason.")
@click.option("--source", help="Only those from this source, e.g. zmq:tcp://bus.example.org:9940.")
@click.option(
    "--limit", type=click.IntRange(1), default=100, show_default=True, help="How many at most."
)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@pass_app
def list_letters(
    app: App, /, reason: str | None, source: str | None, limit: int, *, as_json: bool
) -> None:
    """List the newest dead letters, without their bodies."""
    from hubbub.store.state import dead_letters as letters

    app.configure_logging()
    with app.reading() as store:
        newest = letters.find(store.state.rows, reason, source, limit, bodies=False)
        counts = store.state.dead_letter_counts()
    total = sum(counts.values()) if reason is None else counts.get(reason, 0)
    rows = [_facts(letter) for letter in newest]
    if as_json:
        from hubbub.cli.output.formats import dumps

        click.echo(dumps(rows, indent=2))
        return
    from hubbub.cli.output.formats import show_table
    from hubbub.formats.tables import Table

    if rows:
        show_table(Table(_COLUMNS, [[row[name] for name in _COLUMNS] for row in rows]))
    else:
        click.echo("no dead letters")
    if source is None and total > len(rows):
        older = plural(total - len(rows), "older one is", "older ones are")
        click.echo(f"{older} not shown: raise --limit", err=True)


@common_options
@dead_letters.command(name="show")
@click.argument("number", type=click.IntRange(1), metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the whole body.")
@click.option("--raw", is_flag=True, help="Print only the body as received; not on a terminal.")
@pass_app
def show(app: App, number: int, *, as_json: bool, raw: bool) -> None:
    """Show a dead letter; characters that could harm a terminal are escaped or left out."""
    from hubbub.store.state import dead_letters as letters

    app.configure_logging()
    with app.reading(load=False) as store:
        letter = letters.get(store.state.rows, number)
    if letter is None:
        raise UsageError(f"there is no dead letter {number}", hint="see hubbub dead-letters list")
    if raw:
        if sys.stdout.isatty():
            raise UsageError("--raw does not write to a terminal: redirect it with > FILE")
        sys.stdout.flush()
        sys.stdout.buffer.write(letter.body)
        return
    facts = _facts(letter) | _body(letter.body)
    if as_json:
        from hubbub.cli.output.formats import dumps

        click.echo(dumps(facts, indent=2))
        return
    from hubbub.formats.tables import clean

    body = facts.get("body")
    for name, value in _described(letter):
        click.echo(f"{name:<10} {clean(value)}")
    click.echo()
    if body is None:
        click.echo(_hex_dump(letter.body[:_MAX_SHOWN]))
    else:
        click.echo(_clean_lines(body[:_MAX_SHOWN]))
    if len(letter.body) > _MAX_SHOWN:
        click.echo(
            f"this is the beginning of {len(letter.body):,} bytes; --json and --raw show all",
            err=True,
        )


@common_options
@dead_letters.command(name="retry")
@click.argument("ids", nargs=-1, type=click.IntRange(1), metavar="[ID]...")
@click.option("--reason", "reasons", multiple=True, help="All with this reason; repeatable.")
@click.option("--all", "everything", is_flag=True, help="All that can be retried.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@trust_options
@pass_app
def retry(app: App, /, ids: tuple[int, ...], *, as_json: bool, **options: Any) -> None:
    """Decode dead letters again, after rules, a CA or hubbub itself changed.

    A letter that can be decoded now becomes an event; one that fails again stays a dead letter.
    Letters that were received with verification are verified again: with the CA that is given or
    configured, else with the one that was in force when they were received. --no-verify accepts
    them without a valid signature.
    """
    app.configure_logging()
    app.check_rules()
    trust = trust_files(app, options)
    with app.store() as store:
        app.load(store)
        chosen, skipped = _choose(store, ids, options["reasons"], everything=options["everything"])
        _request_retry(store, chosen, trust, accept_all=options["verify"] is False)
        app.load(store)
        retried = {letter.id for letter in chosen}
        rows = store.state.rows("SELECT id, reason, again FROM dead_letters")
    refused: dict[str, int] = {}
    waiting = 0
    for number, reason, again in rows:
        if number in retried:
            waiting += again
            if not again:
                refused[reason] = refused.get(reason, 0) + 1
    read = len(retried) - waiting - sum(refused.values())
    facts = {"retried": len(retried), "read": read, "refused": refused}
    rest = {"waiting": waiting, "cannot be read": skipped}
    app.print_facts(facts | {name: n for name, n in rest.items() if n}, as_json=as_json)


@common_options
@dead_letters.command(name="dismiss")
@click.argument("ids", nargs=-1, type=click.IntRange(1), metavar="[ID]...")
@click.option("--reason", "reasons", multiple=True, help="All with this reason; repeatable.")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@pass_app
def dismiss(
    app: App, /, ids: tuple[int, ...], reasons: tuple[str, ...], *, everything: bool, as_json: bool
) -> None:
    """Delete dead letters that are no loss.

    Where a row of a history was refused, its second is a gap: the store lacks what history has.
    Once its dead letter is dismissed, the next gather (or a listener with --backfill) counts the
    row as read, and the gap is closed.
    """
    from hubbub.store.state import dead_letters as letters

    app.configure_logging()
    with app.store() as store:
        app.load(store)
        chosen = _requested(store, ids, reasons, everything=everything)
        letters.dismiss(store.state, [letter.id for letter in chosen])
    app.print_facts({"dismissed": len(chosen)}, as_json=as_json)


def _choose(
    store: Store, ids: tuple[int, ...], reasons: tuple[str, ...], *, everything: bool
) -> tuple[list[DeadLetter], int]:
    """Return the letters to retry, and how many of the requested ones cannot be retried."""
    requested = _requested(store, ids, reasons, everything=everything)
    chosen = [letter for letter in requested if letter.retryable]
    return chosen, len(requested) - len(chosen)


def _requested(
    store: Store, ids: tuple[int, ...], reasons: tuple[str, ...], *, everything: bool
) -> list[DeadLetter]:
    """Return the letters with these ids or reasons, without their bodies.

    Raises:
        UsageError: none are asked for, or one that does not exist.
    """
    from hubbub.store.state import dead_letters as letters

    if not (ids or reasons or everything):
        raise UsageError("which dead letters?", hint="give their ids, --reason REASON or --all")
    stored = letters.find(store.state.rows, None, None, -1, bodies=False)
    stored_ids = {letter.id for letter in stored}
    if missing := [str(number) for number in ids if number not in stored_ids]:
        raise UsageError(
            f"there is no dead letter {', '.join(missing)}", hint="see hubbub dead-letters list"
        )
    return [
        letter for letter in stored if everything or letter.id in ids or letter.reason in reasons
    ]


def _request_retry(store: Store, chosen: list[DeadLetter], trust: Any, *, accept_all: bool) -> None:
    """Mark letters for the next load, with the trust settings to verify them by."""
    from hubbub.store.spool.segment import TRUST
    from hubbub.store.spool.trust import register_trust
    from hubbub.store.state import dead_letters as letters

    number = 0 if trust is None else register_trust(store.state, trust)
    flags = {
        letter.id: letter.flags & (1 << TRUST) - 1 | number << TRUST
        for letter in chosen
        # letters that were received without verification are not verified now either
        if letter.flags >> TRUST and (number or accept_all)
    }
    with store.state.transaction() as db:
        letters.request_retry(db, [letter.id for letter in chosen], flags)


def _facts(letter: DeadLetter) -> dict[str, Any]:
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
        "can_be_read_again": letter.retryable,
    }


def _described(letter: DeadLetter) -> list[tuple[str, str]]:
    """Return the facts in words."""
    facts = _facts(letter)
    names = ("id", "time", "reason", "what", "source", "position", "topic")
    size = plural(letter.size + letter.missing, "byte")
    if letter.missing:
        size += f", of which {plural(letter.missing, 'is', 'are')} not kept"
    return [
        *((name, str(facts[name])) for name in names if facts[name] not in {"", None}),
        ("size", size),
        ("read again", "possible" if letter.retryable else "not possible"),
    ]


def _body(body: bytes) -> dict[str, str]:
    """Return the body as text, or as base64 if it is not UTF-8."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}


def _clean_lines(text: str) -> str:
    from hubbub.formats.tables import clean

    return "\n".join(clean(line) for line in re.split(r"\r\n|\r|\n", text))


def _hex_dump(data: bytes) -> str:
    lines = []
    for offset in range(0, len(data), 16):
        chunk = data[offset : offset + 16]
        text = chunk.decode("ascii", "replace")
        plain = "".join(char if char.isascii() and char.isprintable() else "." for char in text)
        lines.append(f"{offset:08x}  {chunk.hex(' '):<47}  {plain}")
    return "\n".join(lines)
