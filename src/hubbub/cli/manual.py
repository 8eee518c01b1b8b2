"""Manual pages (man 7 groff_man) of click commands."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from hubbub import __version__
from hubbub.cli.lazy import LazyGroup

__all__ = ["pages"]

_CODE = re.compile(r"`([^`]*)`")


def pages(root: click.Command, name: str) -> Iterator[tuple[str, str]]:
    """Yield the file name and the text of the page of each command of a program.

    Args:
        root: the program's command.
        name: of the program.
    """
    yield from _pages(root, click.Context(root, info_name=name))


def _pages(command: click.Command, ctx: click.Context) -> Iterator[tuple[str, str]]:
    yield f"{ctx.command_path.replace(' ', '-')}.1", _page(command, ctx)
    for name, part in _parts(command, ctx):
        yield from _pages(part, click.Context(part, info_name=name, parent=ctx))


def _parts(command: click.Command, ctx: click.Context) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            part = command.get_command(ctx, name)
            if part is not None and not part.hidden:
                yield name, part


def _page(command: click.Command, ctx: click.Context) -> str:
    path = ctx.command_path
    title = path.replace(" ", "-")
    help_text = inspect.cleandoc(command.help or "").replace("\b\n", "")
    summary = command.get_short_help_str(limit=100).rstrip(".")
    usage = " ".join(command.collect_usage_pieces(ctx))
    lines = [
        f'.TH "{title.upper()}" 1 "" "hubbub {__version__}" "hubbub"',
        ".SH NAME",
        f"{_text(title)} \\- {_text(summary)}",
        ".SH SYNOPSIS",
        f".B {_text(path)}",
        _text(usage),
        ".SH DESCRIPTION",
        *_paragraphs(help_text),
    ]
    options = [record for p in command.get_params(ctx) if (record := p.get_help_record(ctx))]
    if options:
        lines.append(".SH OPTIONS")
        for flags, text in options:
            lines += [".TP", f".B {_text(flags)}", _text(text)]
    lines += _list_of(command, ctx)
    if " " in path:
        lines += [".SH SEE ALSO", f".BR {_text(ctx.find_root().command_path)} (1)"]
    return "\n".join(lines) + "\n"


def _list_of(command: click.Command, ctx: click.Context) -> list[str]:
    """Return the list of a group's commands."""
    if not isinstance(command, click.Group):
        return []
    lines = [".SH COMMANDS"]
    about = {}
    if isinstance(command, LazyGroup):
        about = {name: lazy.help for name, lazy in command.lazy.items()}
    for name, part in _parts(command, ctx):
        page = f"{ctx.command_path} {name}".replace(" ", "-")
        lines += [".TP", f".BR {_text(page)} (1)"]
        lines.append(_text(about.get(name) or part.get_short_help_str(limit=100)))
    return lines


def _paragraphs(text: str) -> Iterator[str]:
    for block in re.split(r"\n\s*\n", text):
        indented = block.startswith("    ")
        yield ".PP"
        if indented:
            yield from (".nf", ".RS", *map(_text, inspect.cleandoc(block).splitlines()))
            yield from (".RE", ".fi")
        else:
            yield _text(" ".join(block.split()))


def _text(text: str) -> str:
    """Escape a line: backslashes, hyphens that are typed, and a period or quote that begins it."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    escaped = _CODE.sub(r"\\fB\1\\fR", escaped)
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
