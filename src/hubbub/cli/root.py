"""The `hubbub` command: its list of commands, and how everything ends.

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | a fault of hubbub's own |
| 2 | wrong usage: an option, a name or a file |
| 3 | done, but a known gap lies in the range (`--allow-incomplete` makes it 0) |
| 4 | a bus, a history service or a file cannot be reached or read, or the disk is full |
| 5 | the store is damaged, or of a newer version |
| 130 | interrupted; everything that was received is safe |
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from hubbub import __version__
from hubbub.cli.app import App, common_options
from hubbub.cli.lazy import Lazy, LazyGroup
from hubbub.errors import HubbubError

__all__ = ["COMMANDS", "cli", "execute", "run"]

INTERRUPTED = 130
_TRACEBACK = 2  # -vv

COMMANDS = {
    "gather": Lazy("hubbub.cli.commands.gather:gather", "Fetch history into the store."),
    "listen": Lazy(
        "hubbub.cli.commands.listen:listen", "Hear a bus and store it until told to stop."
    ),
    "import": Lazy("hubbub.cli.commands.import_:import_files", "Read files into the store."),
    "people": Lazy("hubbub.cli.commands.people:people", "Say whom each message of a file names."),
    "query": Lazy("hubbub.cli.commands.query:query", "Run an analyzer: a table out."),
    "chart": Lazy("hubbub.cli.commands.chart:chart", "Draw a view: SVG, PNG or HTML out."),
    "report": Lazy("hubbub.cli.commands.report:report", "Draw every view, with pages to publish."),
    "status": Lazy("hubbub.cli.commands.status:status", "Say what the store holds and lacks."),
    "dead-letters": Lazy(
        "hubbub.cli.commands.dead_letters:dead_letters", "Look at what was refused; read it again."
    ),
    "identity": Lazy("hubbub.cli.commands.identity:identity", "Say which accounts are one person."),
    "forget": Lazy(
        "hubbub.cli.commands.forget:forget", "Take somebody's name out, now and for ever."
    ),
    "export": Lazy(
        "hubbub.cli.commands.export:export", "Write events to a file for other programs."
    ),
    "compact": Lazy(
        "hubbub.cli.commands.compact:compact", "Fold many small files into few large ones."
    ),
    "verify": Lazy("hubbub.cli.commands.verify:verify", "Prove that the store holds what it says."),
    "retention": Lazy(
        "hubbub.cli.commands.retention:retention", "Let go of what is older than its time."
    ),
    "simulate": Lazy(
        "hubbub.cli.commands.simulate:simulate", "Be a bus, a history server or a log."
    ),
    "demo": Lazy("hubbub.cli.commands.demo:demo", "Show everything on simulated traffic, offline."),
    "jobs": Lazy("hubbub.cli.commands.jobs:jobs", "Run what is scheduled; say what is due."),
    "plugins": Lazy(
        "hubbub.cli.commands.plugins:plugins", "List what queries, views and jobs there are."
    ),
}


class _ReaderLeftError(Exception):
    """Whoever read our output has enough; not click's to turn into an exit code."""


@contextmanager
def _noticing_readers() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise _ReaderLeftError from error


def _functions(name: str, ctx: click.Context) -> str:
    """The queries and views of that name, as what to type; nothing where there is none."""
    from hubbub.registry import REGISTRY

    ctx.ensure_object(App).plugins()
    kinds = {"query": "query", "view": "chart", "cron": "jobs run"}
    found = [f"hubbub {kinds[kind]} {name}" for kind in kinds if name in REGISTRY.of(kind)]
    return f"Did you mean `{'` or `'.join(found)}`?" if found else ""


class _Root(LazyGroup):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if hint := _functions(args[0], ctx):
                what = f"There is no command {args[0]!r}. {hint}"
                raise click.UsageError(what, ctx) from error
            raise

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        with _noticing_readers():
            return super().make_context(*args, **more)

    def invoke(self, ctx: click.Context) -> Any:
        with _noticing_readers():
            return super().invoke(ctx)


@common_options
@click.group(
    cls=_Root,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="hubbub")
def cli() -> None:
    """Hear a message bus, and show who carries the load."""


def _say(error: BaseException, app: App) -> None:
    """One clear message; the traceback only for those who asked. JSON where the log is."""
    if "json" in (app.speaks, app.log_format):
        from hubbub.cli.output.logs import say

        say(error)
        return
    if app.verbose >= _TRACEBACK:
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, HubbubError):
        said = str(error)
    else:
        said = (
            f"internal error: {type(error).__name__}: {error}\n"
            "  -vv shows the traceback; please report it"
        )
    from hubbub.cli.output.tables import clean  # an error may repeat what a stranger wrote

    click.echo("hubbub: " + "\n".join(map(clean, said.split("\n"))), err=True)


def _close_output() -> None:
    """The reader of our output left: nothing more can or need be written."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def execute(args: Sequence[str] | None = None) -> int:  # noqa: PLR0911 - one line per ending
    """Run a command line; gives the exit code."""
    app = App()
    try:
        code = cli.main(
            args=None if args is None else list(args),
            prog_name="hubbub",
            standalone_mode=False,
            obj=app,
        )
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("hubbub: interrupted; everything that was received is safe", err=True)
        return INTERRUPTED
    except HubbubError as error:
        _say(error, app)
        return error.exit_code
    except (_ReaderLeftError, BrokenPipeError):
        _close_output()
        return 0
    except Exception as error:  # noqa: BLE001 - the outermost place: whatever it is, it is said
        _say(error, app)
        return 1
    return code if isinstance(code, int) else 0


def run() -> NoReturn:
    """The entry point of the command line; SIGTERM interrupts like Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(execute())
