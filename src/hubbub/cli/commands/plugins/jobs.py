"""`hubbub jobs list|run`: list scheduled jobs and run them."""

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
    stated_parameters,
)
from hubbub.docstrings import split_docstring
from hubbub.errors import UsageError
from hubbub.registry import Function

if TYPE_CHECKING:
    from hubbub.jobs import JobRun, Jobs
    from hubbub.store import Store

__all__ = ["jobs"]

_OWN = frozenset({"as_json", "now"})
#: Common options that make no sense for a job: it has no time range and no coverage.
_WITHOUT = frozenset({"since", "until", "allow_incomplete"})


@common_options
@click.group(name="jobs")
def jobs() -> None:
    """List and run scheduled jobs: functions of hubbub or of a plugin that have `@cron`.

    One crontab line or systemd timer is enough for all jobs: `hubbub jobs run --due`, as often as
    the shortest schedule.
    """


@contextmanager
def _open_jobs(app: App, now: str | None, label: str = "") -> Iterator[Jobs]:
    """Open the store's jobs with their configuration; with a `label`, to run them."""
    from hubbub.cli.output.progress import bar
    from hubbub.jobs import Jobs
    from hubbub.times import parse_time

    app.plugins()
    try:
        fixed = None if now is None else parse_time(now, datetime.now(UTC))
    except ValueError as error:
        raise UsageError(str(error), where="--now") from None
    with app.store() if label else app.reading(load=False) as store, bar(label) as update:
        store.engine_url = app.config.engine.connect_url
        opened = Jobs(
            store,
            config=app.config.jobs,
            clock=lambda: fixed or datetime.now(UTC),
            progress=update,
            runner=partial(make_runner, app),
        )
        for name in opened.unknown_sections():
            click.echo(
                f"warning: section [jobs.{name}] of the configuration: there is no such job",
                err=True,
            )
        yield opened


@common_options
@jobs.command(name="list")
@click.option("--now", metavar="TIME", help="Use this as the current time.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@pass_app
def list_jobs(app: App, *, now: str | None, as_json: bool) -> None:
    """List every job with its schedule, last run, checkpoint and next due time."""
    from hubbub.cli.output.formats import dumps, show_table
    from hubbub.formats.tables import Table
    from hubbub.run.serialise import json_ready

    app.configure_logging()
    with _open_jobs(app, now) as opened:
        rows = [asdict(job) for job in opened.statuses()]
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


def _summary(outcome: JobRun) -> dict[str, Any]:
    """Return the facts about a run that are printed without --json."""
    facts: dict[str, Any] = {"job": outcome.job, "state": "failed" if outcome.error else "ok"}
    if outcome.sources:
        first, last = outcome.sources[0], outcome.sources[-1]
        facts["sources"] = f"{len(outcome.sources)} ({first} to {last})" if first != last else first
    if outcome.checkpoint is not None:
        facts["checkpoint"] = outcome.checkpoint
    if outcome.result is not None:
        facts["result"] = outcome.result
    return facts


def _run(app: App, name: str, values: dict[str, Any]) -> None:
    from hubbub.cli.output.formats import dumps

    app.configure_logging()
    with _open_jobs(app, values["now"], name) as opened:
        app.load(opened.store, wait=False)  # the job should also see received, unloaded messages
        outcome = opened.run(name, **stated_parameters(values, _OWN))
        for note in outcome.notes:
            click.echo(f"note: {note}", err=True)
        if values["as_json"]:
            click.echo(dumps({**outcome.document(), "stored": opened.stored(name)}, indent=2))
        elif outcome.error is None:
            app.print_facts(_summary(outcome), as_json=False)
    if outcome.error is not None:
        raise outcome.error


def _judge_alerts(app: App, store: Store) -> None:
    """Load what waits, judge the alert rules, and send what is due, as a listener does."""
    from hubbub.live.alerts.delivery.service import send_once
    from hubbub.live.alerts.runner import Alerting

    alerting = Alerting.of(app.config)
    alerting.begin(store)
    app.load(store, wait=False)
    alerting.step(store)
    send_once(store, app.config)


def _run_due(app: App, now: str | None, *, as_json: bool) -> int:
    """Run all due jobs, also after one has failed; return the exit code."""
    from hubbub.cli.output.formats import dumps
    from hubbub.formats.tables import clean_lines

    code, outcomes = 0, []
    with _open_jobs(app, now, "jobs") as opened:
        due = opened.due()
        if due or app.config.alerts:
            _judge_alerts(app, opened.store)
        for name in due:
            if name not in opened.due():
                continue  # another process ran it in the meantime
            try:
                outcome = opened.run(name)
            except UsageError as error:  # another process is running it
                click.echo(f"hubbub: {error}", err=True)
                continue
            outcomes.append(outcome)
            if outcome.error is not None:
                code = code or outcome.error.exit_code
                click.echo(f"hubbub: {clean_lines(str(outcome.error))}", err=True)
            if not as_json:
                app.print_facts(_summary(outcome), as_json=False)
    if as_json:
        click.echo(dumps([outcome.document() for outcome in outcomes], indent=2))
    elif not outcomes:
        click.echo("nothing is due")
    return code


def _options() -> list[click.Option]:
    return [
        click.Option(["now", "--now"], metavar="TIME", help="Use this as the current time."),
        click.Option(
            ["as_json", "--json"], is_flag=True, help="Print JSON, with everything it stored."
        ),
    ]


def _command(function: Function) -> click.Command:
    command = make_command(function, _options(), _run, without=_WITHOUT)
    for parameter in command.params:
        parameter.required = False  # may come from the configuration; checked by the run
    return command


@common_options
@jobs.group(name="run", cls=FunctionGroup, kind="cron", make=_command, invoke_without_command=True)
@click.option("--due", is_flag=True, help="Run all jobs that are due.")
@click.option("--now", metavar="TIME", help="With --due: use this as the current time.")
@click.option("--json", "as_json", is_flag=True, help="With --due: print the outcome as JSON.")
@click.pass_context
def run(ctx: click.Context, *, due: bool, now: str | None, as_json: bool) -> int | None:
    """Run a job now, or with --due all jobs that are due, and judge the alert rules.

    Options of a job that are not given are taken from `[jobs.NAME]` in the configuration.
    """
    app = ctx.find_root().ensure_object(App)
    if ctx.invoked_subcommand is not None:
        if due or now or as_json:
            raise click.UsageError("Give a job's options after its name; --due takes no name.", ctx)
        return None
    if not due:
        assert isinstance(ctx.command, FunctionGroup)
        raise ctx.command.missing_name(ctx)
    app.configure_logging()
    return _run_due(app, now, as_json=as_json)
