"""Write docs/commands.md from the command line itself; `--check` fails where it is stale.

The page cannot rot: it is what click would print, and the registry's own docstrings.
"""

import argparse
import inspect
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from hubbub import config
from hubbub.cli import root
from hubbub.cli.functions import make_option, split_docstring
from hubbub.plugins import load_builtins
from hubbub.registry import REGISTRY, Function

PAGE = Path(__file__).parent / "commands.md"
WIDTH = 100
INTRODUCTION = """\
# Commands

Written by `docs/make_reference.py` from the program itself (`make docs`); do not edit.

Common options (`--store`, `--config`, `--plugins`, `--log-format`, `-v`) are accepted before and
after a command's name, and after a query's or view's name. Times are ISO 8601 (UTC where they name
no zone) or durations ago: `90s 30m 24h 7d 2w`. Results go to standard output; progress (only on a
terminal), notes and errors to standard error. `NO_COLOR` is honoured.

Shell completion: `eval "$(_HUBBUB_COMPLETE=bash_source hubbub)"` (or `zsh_source`; for fish,
`_HUBBUB_COMPLETE=fish_source hubbub | source`).
"""
COMMON = """\
Besides the options below, every query and view takes `--since` and `--until`, the filters
`--topic`, `--category`, `--user`, `--not-user`, `--object` and `--action` (globs, repeatable),
`--by`, `--bots/--no-bots` and `--allow-incomplete`. An option of a query hides the common option of
its name. Without `--since` the range begins with the oldest event; without `--until` it ends with
the proven coverage, or where there is none just after the newest event (`--until now` takes in what
was heard since then)."""
JOBS = """\
Besides the options below, every job takes the filters `--topic`, `--category`, `--user`,
`--not-user`, `--object` and `--action`, `--by`, `--bots/--no-bots`, `--now TIME` (as if it were
then) and `--json`. [jobs.md](jobs.md) says how they are scheduled."""
AFTERWORD = """\
An option on the command line wins. Paths are relative to the file. An unknown key is an error. The
default file is `hubbub.toml` in the platform's configuration folder (`~/.config/hubbub/` on Linux).
"""
FORMATS = """\
Formats of a query: `table` for people (control, bidi and format characters of names are removed;
a narrow terminal gets the columns that fit, and is told), `text` (columns with a tab between),
`json` (the whole answer with parameters and coverage), `jsonl` (a line per row), `csv` (a cell that
a spreadsheet would run as a formula, one that starts with `=`, `+`, `-` or `@`, gets an apostrophe
before it; numbers do not), `html` (one page, escaped), `parquet` (to a file or pipe; its metadata
hold parameters and coverage)."""


def _help(command: click.Command, name: str) -> str:
    ctx = click.Context(
        command, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )  # fmt: skip
    return command.get_help(ctx)


def _commands() -> Iterator[str]:
    yield "## hubbub\n"
    yield f"```\n{_help(root.cli, 'hubbub')}\n```\n"
    with click.Context(root.cli) as ctx:
        for name in root.COMMANDS:
            command = root.cli.get_command(ctx, name)
            assert command is not None
            yield f"## hubbub {name}\n"
            if name not in {"query", "chart"}:
                yield f"```\n{_help(command, f'hubbub {name}')}\n```\n"
                for part, inner in getattr(command, "commands", {}).items():
                    yield f"### hubbub {name} {part}\n"
                    yield f"```\n{_help(inner, f'hubbub {name} {part}')}\n```\n"
            else:  # their functions have a chapter of their own
                kind = "Queries" if name == "query" else "Views"
                yield f"{inspect.cleandoc(command.help or '')}\n"
                yield f"All of them: [{kind}](#{kind.lower()}).\n"


def _functions(functions: Mapping[str, Function], command: str) -> Iterator[str]:
    for name, function in sorted(functions.items()):
        if not (function.public and function.module.startswith("hubbub.")):
            continue
        text, about = split_docstring(function.doc)
        yield f"### {command} {name}\n"
        yield f"{text}\n"
        rows = []
        for parameter in function.parameters:
            made = make_option(parameter, about.get(parameter.name, ""))
            flags = "/".join((*made.opts, *made.secondary_opts))
            value = "" if made.is_flag else f" {made.make_metavar(click.Context(root.cli))}"
            cells = (f"`{flags}{value}`", made.help or "")
            rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
        if rows:
            yield "\n".join(["| option | |", "| --- | --- |", *rows, ""])


def text() -> str:
    """The whole page."""
    load_builtins()
    codes = [line for line in (root.__doc__ or "").splitlines() if line.startswith("|")]
    parts = [
        INTRODUCTION,
        "## Exit codes\n",
        "\n".join(codes) + "\n",
        *_commands(),
        "## Queries\n",
        f"{COMMON}\n",
        f"{FORMATS}\n",
        *_functions(REGISTRY.queries, "query"),
        "## Views\n",
        "`-o FILE` takes `.svg`, `.png` and `.html`; `--theme auto|light|dark` chooses colours.\n",
        *_functions(REGISTRY.views, "chart"),
        "## Jobs\n",
        f"{JOBS}\n",
        *_functions(REGISTRY.jobs, "jobs run"),
        "## Configuration\n",
        "```toml\n" + _sample() + "\n```\n",
        f"{AFTERWORD}\n",
    ]
    return "\n".join(parts)


def _sample() -> str:
    lines = (config.__doc__ or "").splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("    "))
    last = max(n for n, line in enumerate(lines) if line.startswith("    "))
    return "\n".join(line[4:] for line in lines[first : last + 1])


def run() -> int:
    """Write the page, or say whether it is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; 1 where it is stale")
    made = text()
    if parser.parse_args().check:
        if PAGE.exists() and PAGE.read_text() == made:
            return 0
        print(f"{PAGE} is stale: make docs", file=sys.stderr)
        return 1
    PAGE.write_text(made)
    return 0


if __name__ == "__main__":
    sys.exit(run())
