"""`hubbub jobs list|run`: what is scheduled, and running it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.functions import (
    FunctionGroup,
    make_command,
    make_runner,
    split_docstring,
    stated_parameters,
)
from hubbub.errors import HubbubError, UsageError
from hubbub.registry import Function

if TYPE_CHECKING:
    from hubbub.jobs import Jobs, Ran

__all__ = ["jobs"]

_TAKEN = frozenset({"as_json", "now"})
#: A job has no range of its own, and is no answer that could be incomplete.
_WITHOUT = frozenset({"since", "until", "allow_incomplete"})


@common_options
@click.group(name="jobs")
def jobs() -> None:
    """Run what is scheduled, by `@cron` of hubbub or of a plugin; say what is due.

    One line of a crontab, or one timer of systemd, is enough for all jobs:
    `hubbub jobs run --due`, as often as the shortest schedule.
    """


@contextmanager
def _opened(app: App, now: str | None, what: str = "") -> Iterator[Jobs]:
    """The jobs over the store, with what the configuration says of them."""
    from hubbub.cli.output.progress import bar
    from hubbub.jobs import Jobs
    from hubbub.times import parse_time

    app.plugins()
    try:
        fixed = None if now is None else parse_time(now, datetime.now(UTC))
    except ValueError as error:
        raise UsageError(str(error), where="--now") from None
    with app.store() if what else app.reading(load=False) as store, bar(what) as show:
        found = Jobs(
            store,
            config=app.config.jobs,
            clock=lambda: fixed or datetime.now(UTC),
            progress=show,
            runner=partial(make_runner, app),
        )
        for name in found.unknown():
            click.echo(f"warning: the configuration names [jobs.{name}]: no such job", err=True)
        yield found


@common_options
@jobs.command(name="list")
@click.option("--now", metavar="TIME", help="As if it were then.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_app
def list_jobs(app: App, *, now: str | None, as_json: bool) -> None:
    """Every job: its schedule, its last run, its checkpoint, when it is to run next."""
    from hubbub.cli.output.formats import dumps, show_table
    from hubbub.cli.output.tables import Table
    from hubbub.run.serialise import json_ready

    app.configure_logging()
    with _opened(app, now) as found:
        rows = [asdict(one) for one in found.listed()]
    for row in rows:
        row["doc"] = (split_docstring(row["doc"])[0].splitlines() or [""])[0]
    if as_json:
        click.echo(dumps(json_ready(rows), indent=2))
        return
    for row in rows:
        row["next"] = "now" if row["due"] else _minute(row["next"])
        row["last run"] = _minute(row["started"])
    columns = ("name", "schedule", "last run", "state", "checkpoint", "next", "doc")
    show_table(Table(columns, [[row[column] for column in columns] for row in rows]))
    for row in rows:
        if row["error"]:
            click.echo(f"{row['name']}: {row['error']}", err=True)


def _minute(when: datetime | None) -> str:
    return "" if when is None else f"{when:%Y-%m-%d %H:%M}"


def _said(ran: Ran) -> dict[str, Any]:
    """A run in few lines."""
    facts: dict[str, Any] = {"job": ran.job, "state": "failed" if ran.error else "ok"}
    if ran.sources:
        first, last = ran.sources[0], ran.sources[-1]
        facts["sources"] = f"{len(ran.sources)} ({first} to {last})" if first != last else first
    if ran.checkpoint is not None:
        facts["checkpoint"] = ran.checkpoint
    if ran.result is not None:
        facts["result"] = ran.result
    return facts


def _run(app: App, name: str, values: dict[str, Any]) -> None:
    from hubbub.cli.output.formats import dumps

    app.configure_logging()
    with _opened(app, values["now"], name) as found:
        app.load(found.store, wait=False)  # what waits in the spool was received: it counts
        ran = found.run(name, **stated_parameters(values, _TAKEN))
        for note in ran.notes:
            click.echo(f"note: {note}", err=True)
        if values["as_json"]:
            click.echo(dumps({**ran.document(), "stored": found.stored(name)}, indent=2))
        elif ran.error is None:
            app.print_facts(_said(ran), as_json=False)
    if ran.error is not None:
        raise ran.error


def _due(app: App, now: str | None, *, as_json: bool) -> int:
    """Run everything that is due; one that fails stops no other. Gives the exit code."""
    from hubbub.cli.output.formats import dumps
    from hubbub.cli.output.tables import clean

    code, done = 0, []
    with _opened(app, now, "jobs") as found:
        if due := found.due():
            app.load(found.store, wait=False)
        for name in due:
            if name not in found.due():
                continue  # another process ran it while we ran those before it
            try:
                ran = found.run(name)
            except UsageError as error:  # another process was faster
                click.echo(f"hubbub: {error}", err=True)
                continue
            done.append(ran)
            if ran.error is not None:
                code = code or ran.error.exit_code
                click.echo(f"hubbub: {_clean(ran.error, clean)}", err=True)
            if not as_json:
                app.print_facts(_said(ran), as_json=False)
    if as_json:
        click.echo(dumps([ran.document() for ran in done], indent=2))
    elif not done:
        click.echo("nothing is due")
    return code


def _clean(error: HubbubError, clean: Any) -> str:
    return "\n".join(map(clean, str(error).split("\n")))


def _options() -> list[click.Option]:
    return [
        click.Option(["now", "--now"], metavar="TIME", help="As if it were then."),
        click.Option(["as_json", "--json"], is_flag=True, help="As JSON, with all it stored."),
    ]


class _Jobs(FunctionGroup):
    kind = "cron"

    @staticmethod
    def make(function: Function) -> click.Command:
        made = make_command(function, _options(), _run, without=_WITHOUT)
        for one in made.params:
            one.required = False  # the configuration may give it; the run says what is missing
        return made


@common_options
@jobs.group(name="run", cls=_Jobs, invoke_without_command=True)
@click.option("--due", is_flag=True, help="Run every job whose time has come, and no other.")
@click.option("--now", metavar="TIME", help="With --due: as if it were then.")
@click.option("--json", "as_json", is_flag=True, help="With --due: as JSON.")
@click.pass_context
def run(ctx: click.Context, *, due: bool, now: str | None, as_json: bool) -> int | None:
    """Run a job now, or with --due every job whose time has come.

    Options of a job that are not given are those of the configuration, `[jobs.NAME]`.
    """
    app = ctx.find_root().ensure_object(App)
    if ctx.invoked_subcommand is not None:
        if due or now or as_json:
            raise click.UsageError("Give a job's options after its name; --due takes no name.", ctx)
        return None
    if not due:
        assert isinstance(ctx.command, _Jobs)
        raise ctx.command.nameless(ctx)
    app.configure_logging()
    return _due(app, now, as_json=as_json)
