"""The `hubbub` command: the list of commands, error reporting and exit codes.

| exit code | meaning |
| --- | --- |
| 0 | success |
| 1 | internal error of hubbub or of a plugin |
| 2 | wrong usage: an option, a name or a file |
| 3 | success, but there is a known gap in the range (`--allow-incomplete` makes it 0) |
| 4 | a bus, a history service or a file cannot be reached or read, or the disk is full |
| 5 | the store is damaged, or was written by a newer version |
| 130 | interrupted; everything that was received is safe |
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click

from hubbub import __version__
from hubbub.cli.app import App, common_options
from hubbub.cli.installed import missing_package
from hubbub.cli.lazy import Lazy, LazyGroup
from hubbub.errors import HubbubError, NoRoomError

__all__ = ["COMMANDS", "cli", "execute", "run"]

INTERRUPTED = 130
_TRACEBACK = 2  # -vv

COMMANDS = {
    "gather": Lazy("hubbub.cli.commands.collection.gather:gather", "Fetch history into the store."),
    "listen": Lazy(
        "hubbub.cli.commands.collection.listen:listen", "Receive messages from a bus until stopped."
    ),
    "load": Lazy(
        "hubbub.cli.commands.collection.load:load",
        "Load waiting messages, also of other machines.",
    ),
    "import": Lazy(
        "hubbub.cli.commands.collection.import_:import_files", "Read files into the store."
    ),
    "people": Lazy(
        "hubbub.cli.commands.collection.people:people",
        "List the users that each message of a file names.",
    ),
    "query": Lazy("hubbub.cli.commands.results.query:query", "Run a query and print the result."),
    "explain": Lazy(
        "hubbub.cli.commands.results.explain:explain", "List the events that a number counts."
    ),
    "chart": Lazy("hubbub.cli.commands.results.chart:chart", "Draw a view as SVG, PNG or HTML."),
    "report": Lazy(
        "hubbub.cli.commands.results.report:report", "Draw every view, with pages to publish."
    ),
    "publish": Lazy(
        "hubbub.cli.commands.results.publish:publish", "Make a static site of the numbers."
    ),
    "gource": Lazy("hubbub.cli.commands.live.gource:gource", "Write events as a log for Gource."),
    "top": Lazy("hubbub.cli.commands.live.top:top", "Show what happens on the bus now."),
    "alerts": Lazy(
        "hubbub.cli.commands.live.alerts:alerts",
        "List, check and replay alert rules; silence them.",
    ),
    "serve": Lazy("hubbub.cli.commands.live.serve:serve", "Answer queries and views over HTTP."),
    "status": Lazy(
        "hubbub.cli.commands.maintenance.status:status", "Show what the store holds and lacks."
    ),
    "doctor": Lazy(
        "hubbub.cli.commands.maintenance.doctor:doctor",
        "Check this machine, the configuration, the sources.",
    ),
    "config": Lazy(
        "hubbub.cli.commands.maintenance.config:config", "Show and check the configuration."
    ),
    "dead-letters": Lazy(
        "hubbub.cli.commands.maintenance.dead_letters:dead_letters",
        "List, show and retry refused messages.",
    ),
    "identity": Lazy(
        "hubbub.cli.commands.maintenance.identity:identity",
        "Merge accounts that belong to one person.",
    ),
    "forget": Lazy(
        "hubbub.cli.commands.maintenance.forget:forget",
        "Replace an account's name by a pseudonym.",
    ),
    "tokens": Lazy("hubbub.cli.commands.live.tokens:tokens", "Say who may use the server."),
    "export": Lazy("hubbub.cli.commands.results.export:export", "Write stored events to a file."),
    "compact": Lazy(
        "hubbub.cli.commands.maintenance.compact:compact",
        "Merge small files of the tables into large ones.",
    ),
    "mirror": Lazy(
        "hubbub.cli.commands.maintenance.mirror:mirror",
        "Keep a copy of the tables on an object store.",
    ),
    "verify": Lazy(
        "hubbub.cli.commands.maintenance.verify:verify", "Check the store for damage; repair it."
    ),
    "retention": Lazy(
        "hubbub.cli.commands.maintenance.retention:retention",
        "Delete what is past its retention period.",
    ),
    "simulate": Lazy(
        "hubbub.cli.commands.simulation.simulate:simulate",
        "Simulate a bus, a history server or a log.",
    ),
    "demo": Lazy(
        "hubbub.cli.commands.simulation.demo:demo", "Try everything on simulated traffic, offline."
    ),
    "docs": Lazy(
        "hubbub.cli.commands.maintenance.docs:docs", "Write manual pages; complete commands."
    ),
    "jobs": Lazy("hubbub.cli.commands.plugins.jobs:jobs", "List and run scheduled jobs."),
    "plugins": Lazy(
        "hubbub.cli.commands.plugins.plugins:plugins", "List the available queries, views and jobs."
    ),
}


class _OutputClosedError(Exception):
    """A BrokenPipeError, wrapped so that click does not turn it into an exit code."""


@contextmanager
def _wrapping_broken_pipe() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise _OutputClosedError from error


class _Root(LazyGroup):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from hubbub.cli.functions import suggest_function

            if hint := suggest_function(args[0], ctx):
                message = f"There is no command {args[0]!r}. {hint}"
                raise click.UsageError(message, ctx) from error
            raise

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with _wrapping_broken_pipe():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with _wrapping_broken_pipe():
            return super().invoke(ctx)


@common_options
@click.group(
    cls=_Root,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="hubbub")
def cli() -> None:
    """Listen to a message bus, and show who carries the load."""


def _report_error(error: BaseException, app: App) -> None:
    """Write an error to standard error, as JSON if the log is; with -vv also the traceback."""
    if "json" in (app.active_log_format, app.log_format):
        from hubbub.cli.output.logs import log_error

        log_error(error)
        return
    if app.verbose >= _TRACEBACK:
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, HubbubError):
        message = str(error)
    else:
        message = (
            f"internal error: {type(error).__name__}: {error}\n"
            "  please report it with the traceback that -vv shows"
        )
    from hubbub.formats.tables import clean_lines  # an error may quote untrusted text

    click.echo(f"hubbub: {clean_lines(message)}", err=True)


def _discard_output() -> None:
    """Redirect standard output to /dev/null, once its reader has closed the pipe."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def _no_room(error: BaseException) -> NoRoomError | None:
    """Return what to say if the output did not fit; the error names no file, as the store's do."""
    if not isinstance(error, OSError) or error.errno != errno.ENOSPC or error.filename:
        return None
    _discard_output()  # what is left of it
    return NoRoomError(
        "no space is left for the output",
        where="standard output",
        hint="free some space there, or write elsewhere",
    )


def execute(args: Sequence[str] | None = None) -> int:
    """Run a command line and return the exit code."""
    app = App()
    try:
        return _run_command(args, app)
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("hubbub: interrupted; everything that was received is safe", err=True)
        return INTERRUPTED
    except HubbubError as error:
        reported = missing_package(error) or error
        _report_error(reported, app)
        return reported.exit_code
    except (_OutputClosedError, BrokenPipeError):
        _discard_output()
        return 0
    except Exception as error:  # noqa: BLE001 - the outermost handler reports every error
        known = missing_package(error) or _no_room(error)
        _report_error(known or error, app)
        return known.exit_code if known else 1


def _run_command(args: Sequence[str] | None, app: App) -> int:
    try:
        code = cli.main(
            args=None if args is None else list(args),
            prog_name="hubbub",
            standalone_mode=False,
            obj=app,
        )
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    sys.stdout.flush()
    return code if isinstance(code, int) else 0


def run() -> NoReturn:
    """Run the command line of this process; SIGTERM interrupts it like Ctrl-C."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by the caller; in this order each has its number
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - until the process ends
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(execute())
