"""`hubbub tokens add|list|revoke`: who may use the server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.errors import UsageError

if TYPE_CHECKING:
    from hubbub.store.state.tokens import Token

__all__ = ["tokens"]

_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
_NEVER = "never"


@common_options
@click.group(name="tokens")
def tokens() -> None:
    """Say who may use the server: add, list and revoke tokens.

    A program sends its token as `Authorization: Bearer TOKEN`; a person enters it once at /login.
    """


def _now() -> int:
    return time.time_ns() // 1000


def _expiry(text: str, now: int) -> int | None:
    """Return when a token expires that does so after a duration; None for `never`."""
    from hubbub.times import parse_duration

    if text == _NEVER:
        return None
    try:
        length = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{error}; or {_NEVER}", where="--expires") from None
    return now + round(length.total_seconds() * 1e6)


@common_options
@tokens.command(name="add")
@click.argument("name", required=False)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="SCOPE",
    help="What it allows: read, people, write or admin; repeatable, or several with commas.",
)
@click.option("--person", metavar="ACCOUNT", help="Make a link to this person's own page.")
@click.option(
    "--expires",
    default="90d",
    show_default=True,
    metavar="TIME",
    help="From when on it is refused: a duration, or never.",
)
@click.option(
    "--url",
    metavar="URL",
    help="With --person: address of the server, as its users know it.",
)
@_JSON
@pass_app
def add(  # noqa: PLR0917 - the options
    app: App,
    /,
    name: str | None,
    scopes: tuple[str, ...],
    person: str | None,
    expires: str,
    url: str | None,
    *,
    as_json: bool,
) -> None:
    """Make a token and print it; it is shown this once, and only its hash is stored.

    Scopes: read (numbers without names), people (also names; includes read), write (send events),
    admin (everything).

    With --person ACCOUNT it prints a link to a page that shows this person's own load, baseline and
    signs of overload, and no other person's. NAME is the token's name in `list` and `revoke`;
    without it the link is named after the person. Without --url the link has the address in
    [serve].
    """
    from hubbub.store.query.globs import literal
    from hubbub.store.query.unmatched import unmatched
    from hubbub.store.state import tokens as stored

    app.configure_logging()
    if name is None and person is None:
        raise UsageError(
            "the token needs a name", hint="hubbub tokens add NAME --scope read, or --person NAME"
        )
    if url is not None and not url.startswith(("http://", "https://")):
        raise UsageError("the address of a server begins with http:// or https://", where="--url")
    chosen = [scope.strip() for text in scopes for scope in text.split(",")]
    now = _now()
    with app.store() as store:
        if person is not None:
            person = store.persons.name(person)
            for note in unmatched(store, {"user": [literal(person)]}, "users"):
                click.echo(f"note: {note}", err=True)
        token, secret = stored.add(
            store.state,
            name or f"page of {person}",
            chosen,
            person=person,
            now=now,
            expires=_expiry(expires, now),
        )
    facts = _facts(token, now)
    if person is None:
        facts["token"] = secret
    else:
        facts["link"] = f"{(url or _address(app)).rstrip('/')}/me?{urlencode({'token': secret})}"
    app.print_facts(facts if as_json else _as_text(facts), as_json=as_json)
    if not as_json:
        what = "token" if person is None else "link"
        click.echo(f"This {what} is shown only now.", err=True)


def _address(app: App) -> str:
    """Return the address of the server, as the configuration has it, for this machine."""
    serve = app.config.serve
    host = serve.host
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        host = next((name for name in serve.hosts if "*" not in name), "localhost")
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{serve.port}{serve.root_path.rstrip('/')}"


def _facts(token: Token, now: int) -> dict[str, Any]:
    from hubbub.times import from_micros, iso

    def moment(when: int | None) -> str | None:
        return None if when is None else iso(from_micros(when).replace(microsecond=0))

    return {
        "name": token.name,
        "scopes": list(token.scopes),
        "person": token.person,
        "created": moment(token.created),
        "expires": moment(token.expires),
        "expired": token.expired(now),
    }


def _as_text(facts: dict[str, Any]) -> dict[str, Any]:
    """Leave out of a token's facts what does not apply to it."""
    shown = {name: value for name, value in facts.items() if value not in (None, [], False)}
    return {
        **shown,
        **({"scopes": " ".join(facts["scopes"])} if facts["scopes"] else {}),
        "expires": facts["expires"] or _NEVER,
    }


@common_options
@tokens.command(name="list")
@_JSON
@pass_app
def list_tokens(app: App, /, *, as_json: bool) -> None:
    """List the tokens, never their secrets."""
    from hubbub.cli.output.formats import dumps, show_table
    from hubbub.formats.tables import Table
    from hubbub.store.state import tokens as stored

    app.configure_logging()
    now = _now()
    with app.reading(load=False) as store:
        rows = [_facts(token, now) for token in stored.listed(store.state)]
    if as_json:
        click.echo(dumps(rows, indent=2))
        return
    columns = ("name", "scopes", "person", "created", "expires", "expired")
    show_table(
        Table(
            columns,
            [[{**row, "expires": row["expires"] or _NEVER}[c] for c in columns] for row in rows],
        )
    )


@common_options
@tokens.command(name="revoke")
@click.argument("name")
@_JSON
@pass_app
def revoke(app: App, /, name: str, *, as_json: bool) -> None:
    """Revoke the token NAME, and the sessions of browsers that were opened with it, at once."""
    from hubbub.store.state import tokens as stored

    app.configure_logging()
    if not app.store_folder.exists():
        raise UsageError("there is no store here", where=str(app.store_folder))
    with app.store() as store:
        token = stored.revoke(store.state, name)
    app.print_facts({"revoked": token.name}, as_json=as_json)
