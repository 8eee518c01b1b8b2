"""Click commands generated from the signatures of queries, views and jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_parameters
from hubbub.cli.lazy import LazyGroup, unknown_name
from hubbub.docstrings import split_docstring
from hubbub.language import ENGLISH, languages
from hubbub.parameters import plain, shape
from hubbub.registry import REGISTRY, Function, Parameter
from hubbub.run.scope import CommonOptions
from hubbub.store.query.selection import FILTERS

if TYPE_CHECKING:
    from hubbub.run.runner import Runner
    from hubbub.store import Store
    from hubbub.zones import Zone

__all__ = [
    "INCOMPLETE",
    "FunctionGroup",
    "configured_options",
    "finish",
    "lang_option",
    "make_command",
    "make_runner",
    "range_options",
    "request_language",
    "request_zone",
    "stated_parameters",
    "suggest_function",
    "tz_option",
]

#: Exit code of a result whose range has a known gap.
INCOMPLETE = 3

_FILTER_HELP = {
    "topic": "Only these topics (glob).",
    "category": "Only these categories (glob).",
    "user": "Only events of these users (glob).",
    "not_user": "Leave out these users (glob).",
    "object": "Only events that touch these objects (glob).",
    "action": "Only these actions (glob).",
}


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _default_text(default: Any) -> str:
    """Return a default as one would type it; empty if there is none to show."""
    value = plain(default)
    if value is None or value in ("", []):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def make_option(parameter: Parameter, about: str) -> click.Option:
    """Return the option for a parameter of a function, described by `about`.

    Values stay strings; `hubbub.run.runner` converts them, for all interfaces alike.
    """
    target = shape(parameter.annotation)
    default = _default_text(parameter.default)
    note = "required" if parameter.required else f"default: {default}" if default else ""
    text = " ".join(part for part in (about, f"[{note}]" if note else "") if part)
    flag = _flag(parameter.name)
    if target.type is bool and not target.many:
        names = [parameter.name, f"{flag}/--no-{flag[2:]}"]
        return click.Option(names, default=None, help=text, required=parameter.required)
    kind: click.ParamType[Any] = click.STRING
    metavar = target.word.upper().replace(" ", "_") if not target.choices else None
    if target.choices:
        kind = click.Choice(target.choices)
    elif target.type is Path:
        kind = click.Path()
    return click.Option(
        [parameter.name, flag],
        type=kind,
        metavar=metavar,
        multiple=target.many,
        required=parameter.required,
        help=text + (" Repeatable." if target.many else ""),
    )


def tz_option() -> click.Option:
    """Return the option `--tz`."""
    return click.Option(
        ["--tz"],
        metavar="ZONE",
        help="Time zone (Europe/Berlin) in which days begin and times are shown. "
        "[default: the configured one, else UTC]",
    )


def lang_option() -> click.Option:
    """Return the option `--lang` of the commands that draw; see `request_language`."""
    return click.Option(
        ["--lang"],
        metavar="LANGUAGE",
        help=f"Language of texts, numbers and dates: {', '.join(languages())}. "
        "[default: the configured one, else English]",
    )


def range_options(hidden: frozenset[str] = frozenset()) -> list[click.Option]:
    """Return the common options of queries and views, except those in `hidden`."""
    options = [
        click.Option(
            ["--since"],
            metavar="TIME",
            help="Start of the range: 2026-01-31, or 7d for 7 days ago.",
        ),
        click.Option(["--until"], metavar="TIME", help="End of the range, exclusive."),
        *(
            click.Option(
                [name, _flag(name)], multiple=True, metavar="GLOB", help=_FILTER_HELP[name]
            )
            for name in FILTERS
        ),
        click.Option(
            ["--by"],
            type=click.Choice(["agent", "users"]),
            help="Count the account that acted, or all users that a message names. "
            "[default: users]",
        ),
        click.Option(
            ["bots", "--bots/--no-bots"],
            default=None,
            help="Count known programs as people, or leave them out. Messages count in any case. "
            "[default: leave out]",
        ),
        tz_option(),
        click.Option(
            ["--allow-incomplete"],
            is_flag=True,
            help="Exit with 0 even if there is a known gap in the range.",
        ),
    ]
    return [option for option in options if option.name not in hidden]


def make_command(
    function: Function,
    extra: list[click.Option],
    run: Callable[[App, str, dict[str, Any]], int | None],
    *,
    without: frozenset[str] = frozenset(),
) -> click.Command:
    """Return the command of a function.

    A parameter of the function hides every other option of the same name.

    Args:
        function: provides name, docstring and signature.
        extra: options of the command itself (format, output).
        run: called with the app, the function's name and the values of all options.
        without: names of common options that the command does not take.
    """
    text, arguments = split_docstring(function.doc)
    own = frozenset(p.name for p in function.parameters)
    options = [make_option(p, arguments.get(p.name, "")) for p in function.parameters]
    common = range_options(own | without)
    if not function.has_common_options:
        common = [option for option in common if option.name == "allow_incomplete"]
    for option in (*common, *extra, *common_parameters()):
        flags = {flag for earlier in options for flag in (*earlier.opts, *earlier.secondary_opts)}
        if not flags & {*option.opts, *option.secondary_opts}:
            options.append(option)

    @click.pass_context
    def callback(ctx: click.Context, /, **values: Any) -> int | None:
        return run(ctx.find_root().ensure_object(App), function.name, values)

    return click.Command(
        function.name,
        callback=callback,
        params=[*options],
        help=text or f"The {function.noun} {function.name} of {function.module}.",
    )


def stated_parameters(values: Mapping[str, Any], without: frozenset[str]) -> dict[str, Any]:
    """Return the options that were given, for the runner; without the command's own options."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if name not in without and value is not None and value != ()
    }


def finish(runner: Runner, *, allow_incomplete: bool) -> int:
    """Print the runner's notes and gaps; return the exit code."""
    from hubbub.formats.tables import clean

    for note in runner.notes:
        click.echo(f"note: {clean(note)}", err=True)
    if not runner.gaps:
        return 0
    for gap in runner.gaps:
        click.echo(
            f"gap: {plain(gap.start)} to {plain(gap.end)}, {gap.source}: {gap.why}", err=True
        )
    return 0 if allow_incomplete else INCOMPLETE


def configured_options(app: App) -> CommonOptions:
    """Return the common options that the configuration sets."""
    from hubbub.run.configured import common_options

    return common_options(app.config)


def request_zone(app: App, tz: str | None = None) -> Zone:
    """Return the time zone of a request: of `--tz`, else the configured one, else UTC.

    Raises:
        UsageError: there is no such zone.
    """
    return configured_options(app).updated({"tz": tz}, datetime.now(UTC)).zone


def request_language(app: App, lang: str | None = None) -> str:
    """Return the language of a request: of `--lang`, else the configured one, else English."""
    return lang or app.config.project.lang or ENGLISH


def make_runner(app: App, store: Store, **options: Any) -> Runner:
    """Return a runner with the configured bots, affiliations, alert rules and common options."""
    from hubbub.run.configured import configured_runner

    if app.config.alerts:
        from hubbub.live.alerts.judged import judged_rules

        options = {"alert_rules": judged_rules(app.config)} | options
    return configured_runner(store, app.config, **options)


def _find_values(args: list[str], flag: str) -> list[str]:
    """Return the values of an option anywhere in the arguments, before click parses them."""
    return [
        *(arg.partition("=")[2] for arg in args if arg.startswith(f"{flag}=")),
        *(value for arg, value in pairwise(args) if arg == flag),
    ]


def suggest_function(name: str, ctx: click.Context) -> str:
    """Return the hint `Did you mean hubbub query NAME?`; empty if there is no such function."""
    ctx.find_root().ensure_object(App).plugins()
    groups = {"query": "query", "view": "chart", "cron": "jobs run"}
    commands = [f"hubbub {groups[kind]} {name}" for kind in groups if name in REGISTRY.of(kind)]
    return f"Did you mean `{'` or `'.join(commands)}`?" if commands else ""


_NOUNS = {"query": ("query", "Queries"), "view": ("view", "Views"), "cron": ("job", "Jobs")}


class FunctionGroup(LazyGroup):
    """The groups `query`, `explain`, `chart` and `jobs run`: a command for each function.

    Args:
        kind: of the functions: query, view or cron.
        make: returns the command of a function.
        options: of `click.Group`.
    """

    def __init__(
        self, *, kind: str, make: Callable[[Function], click.Command], **options: Any
    ) -> None:
        super().__init__(**options)
        self.kind, self._make = kind, make

    def _functions(self, ctx: click.Context) -> dict[str, Function]:
        ctx.find_root().ensure_object(App).plugins()
        return {name: f for name, f in sorted(REGISTRY.of(self.kind).items()) if f.public}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; without a name, list the names in an error."""
        if not args and not self.invoke_without_command and not ctx.resilient_parsing:
            raise self.missing_name(ctx)
        return super().parse_args(ctx, args)

    def missing_name(self, ctx: click.Context) -> click.UsageError:
        """Return the error for a group without a name after it."""
        noun, names = _NOUNS[self.kind][0], self.list_commands(ctx)
        choices = f"There are: {', '.join(names)}." if names else "There are none."
        return click.UsageError(f"Which {noun}? {choices}", ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names, sorted."""
        return list(self._functions(ctx))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a function."""
        function = ctx.find_root().ensure_object(App).load_function(self.kind, cmd_name)
        return self._make(function) if function is not None and function.public else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the function, also in plugins that are given after its name."""
        app = ctx.find_root().ensure_object(App)
        for path in _find_values(args, "--config"):
            app.set_config_path(path)
        app.functions.add_files(_find_values(args, "--plugins"))
        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            noun = _NOUNS[self.kind][0]
            if hint := suggest_function(args[0], ctx):
                raise click.UsageError(f"There is no {noun} {args[0]!r}. {hint}", ctx)
            raise unknown_name(noun, args[0], self.list_commands(ctx), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of functions, each with the first line of its help."""
        rows = [
            (name, (split_docstring(f.doc)[0] or f.module).splitlines()[0])
            for name, f in self._functions(ctx).items()
        ]
        if rows:
            with formatter.section(_NOUNS[self.kind][1]):
                formatter.write_dl(rows)
