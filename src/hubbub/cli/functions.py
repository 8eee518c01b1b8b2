"""Click commands made from the signatures of queries and views."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_parameters
from hubbub.cli.lazy import LazyGroup, unknown
from hubbub.parameters import plain, shape
from hubbub.registry import REGISTRY, Function, Parameter
from hubbub.run.scope import CommonOptions

if TYPE_CHECKING:
    from hubbub.run.runner import Runner
    from hubbub.store import Store

__all__ = [
    "INCOMPLETE",
    "FunctionGroup",
    "command",
    "common_of",
    "ended",
    "parameters",
    "range_options",
    "runner_of",
    "split",
]

#: Exit code of an answer in whose range a known gap lies.
INCOMPLETE = 3
_ARGS = re.compile(r"^(Args|Returns|Raises|Yields|Attributes):\s*$")
_ARG = re.compile(r"^ {4}(\w+)(?: \([^)]*\))?: (.*)$")

_FILTERS = {
    "topic": "Only these topics (glob).",
    "category": "Only these categories (glob).",
    "user": "Only events of these users (glob).",
    "not_user": "Leave these users out (glob).",
    "object": "Only events that touch these objects (glob).",
    "action": "Only these actions (glob).",
}


def split(doc: str) -> tuple[str, dict[str, str]]:
    """A Google-style docstring: the text for people, and what it says of each parameter."""
    text: list[str] = []
    about: dict[str, str] = {}
    section = last = ""
    for line in doc.splitlines():
        if found := _ARGS.match(line):
            section, last = found[1], ""
        elif section and line and not line.startswith(" "):
            section = ""
            text.append(line)
        elif not section:
            text.append(line)
        elif section == "Args":
            if found := _ARG.match(line):
                last = found[1]
                about[last] = found[2].strip()
            elif last and line.strip():
                about[last] += f" {line.strip()}"
    return "\n".join(text).strip(), about


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _shown(default: Any) -> str:
    """A default as one would type it; empty where there is none to show."""
    value = plain(default)
    if value is None or value in ("", []):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def option(parameter: Parameter, about: str) -> click.Option:
    """The option for one parameter of a function.

    Values stay strings: `hubbub.run.runner` converts them, for every interface alike.
    """
    want = shape(parameter.annotation)
    default = _shown(parameter.default)
    note = "required" if parameter.required else f"default: {default}" if default else ""
    text = " ".join(part for part in (about, f"[{note}]" if note else "") if part)
    flag = _flag(parameter.name)
    if want.type is bool and not want.many:
        names = [parameter.name, f"{flag}/--no-{flag[2:]}"]
        return click.Option(names, default=None, help=text, required=parameter.required)
    kind: click.ParamType[Any] = click.STRING
    metavar = want.word.upper().replace(" ", "_") if not want.choices else None
    if want.choices:
        kind = click.Choice(want.choices)
    elif want.type is Path:
        kind = click.Path()
    return click.Option(
        [parameter.name, flag],
        type=kind,
        metavar=metavar,
        multiple=want.many,
        required=parameter.required,
        help=text + (" Repeatable." if want.many else ""),
    )


def range_options(own: frozenset[str] = frozenset()) -> list[click.Option]:
    """The common options of queries and views, without those that the function hides."""
    options = [
        click.Option(["--since"], metavar="TIME", help="From here on: 2026-01-31, or 7d ago."),
        click.Option(["--until"], metavar="TIME", help="Up to here, without it."),
        *(
            click.Option([name, _flag(name)], multiple=True, metavar="GLOB", help=text)
            for name, text in _FILTERS.items()
        ),
        click.Option(
            ["--by"],
            type=click.Choice(["agent", "users"]),
            help="Count who did it, or everybody that a message names. [default: users]",
        ),
        click.Option(
            ["bots", "--bots/--no-bots"],
            default=None,
            help="With or without accounts of machines. [default: with]",
        ),
        click.Option(
            ["--allow-incomplete"],
            is_flag=True,
            help="Exit with 0 although a known gap lies in the range.",
        ),
    ]
    return [one for one in options if one.name not in own]


def command(
    function: Function,
    more: list[click.Option],
    run: Callable[[App, str, dict[str, Any]], int | None],
    *,
    without: frozenset[str] = frozenset(),
) -> click.Command:
    """The command of one function.

    Args:
        function: whose name, docstring and signature it takes.
        more: options of the command itself (format, output); a parameter hides its namesake.
        run: called with the app, the function's name and the values of all options.
        without: the common options that it does not take.
    """
    text, about = split(function.doc)
    own = frozenset(p.name for p in function.parameters)
    options = [option(p, about.get(p.name, "")) for p in function.parameters]
    for one in (*range_options(own | without), *more, *common_parameters()):
        taken = {flag for made in options for flag in (*made.opts, *made.secondary_opts)}
        if not taken & {*one.opts, *one.secondary_opts}:
            options.append(one)

    @click.pass_context
    def callback(ctx: click.Context, /, **values: Any) -> int | None:
        return run(ctx.find_root().ensure_object(App), function.name, values)

    return click.Command(
        function.name,
        callback=callback,
        params=list(options),
        help=text or f"The {function.noun} {function.name} of {function.module}.",
    )


def parameters(values: Mapping[str, Any], taken: frozenset[str]) -> dict[str, Any]:
    """What was given on the command line, for the runner: without `taken`, and what is not set."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if name not in taken and value is not None and value != ()
    }


def ended(runner: Runner, *, allow_incomplete: bool) -> int:
    """Say what a person should know of an answer; gives the exit code."""
    for note in runner.notes:
        click.echo(f"note: {note}", err=True)
    if not runner.gaps:
        return 0
    for gap in runner.gaps:
        click.echo(
            f"gap: {plain(gap.start)} to {plain(gap.end)}, {gap.source}: {gap.why}", err=True
        )
    return 0 if allow_incomplete else INCOMPLETE


def common_of(app: App) -> CommonOptions:
    """The defaults that the configuration gives."""
    return CommonOptions(by=app.config.by, bots=app.config.bots)


def runner_of(app: App, store: Store, **more: Any) -> Runner:
    """The runner of this command line: with what the configuration says of people."""
    from hubbub.run.runner import Runner

    people = app.config.people
    about = {"bots": people.bots, "affiliations": people.affiliations}
    return Runner(store, **({"common": common_of(app)} | about | more))


def _scan(args: list[str], flag: str) -> list[str]:
    """Values of an option anywhere in the arguments: a plugin's name is resolved before them."""
    found = [a.partition("=")[2] for a in args if a.startswith(f"{flag}=")]
    found += [value for a, value in pairwise(args) if a == flag]
    return found


_NOUNS = {"query": ("query", "Queries"), "view": ("view", "Views"), "cron": ("job", "Jobs")}


class FunctionGroup(LazyGroup):
    """The group `query`, `chart` or `jobs run`: a command for each registered function."""

    kind = "query"
    make: Callable[[Function], click.Command]

    def _functions(self, ctx: click.Context) -> dict[str, Function]:
        ctx.find_root().ensure_object(App).plugins()
        return {name: f for name, f in sorted(REGISTRY.of(self.kind).items()) if f.public}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Without a name there is nothing to do: say which there are."""
        if not args and not self.invoke_without_command and not ctx.resilient_parsing:
            raise self.nameless(ctx)
        return super().parse_args(ctx, args)

    def nameless(self, ctx: click.Context) -> click.UsageError:
        """The error for a group without a name after it."""
        noun, names = _NOUNS[self.kind][0], self.list_commands(ctx)
        there = f"There are: {', '.join(names)}." if names else "There are none."
        return click.UsageError(f"Which {noun}? {there}", ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return list(self._functions(ctx))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a function."""
        function = self._functions(ctx).get(cmd_name)
        return None if function is None else type(self).make(function)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Load the plugins that are named after the function's name, then find the function."""
        app = ctx.find_root().ensure_object(App)
        for value in _scan(args, "--config"):
            app.config_path = Path(value)
            app.__dict__.pop("config", None)
        app.plugin_files += [
            Path(v) for v in _scan(args, "--plugins") if Path(v) not in app.plugin_files
        ]
        known = self.list_commands(ctx)
        if not args[0].startswith("-") and args[0] not in known:
            raise unknown(_NOUNS[self.kind][0], args[0], known, ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Every function with the first line of its help."""
        rows = [
            (name, (split(f.doc)[0] or f.module).splitlines()[0])
            for name, f in self._functions(ctx).items()
        ]
        if rows:
            with formatter.section(_NOUNS[self.kind][1]):
                formatter.write_dl(rows)
