"""A group of commands that imports a command's module only when that command is used."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import click

__all__ = ["Lazy", "LazyGroup", "unknown"]


class Lazy(NamedTuple):
    """Where a command is, and its line in the list of commands."""

    target: str  # module:attribute
    help: str


def unknown(what: str, name: str, known: list[str], ctx: click.Context) -> click.UsageError:
    """The error for a name that does not exist, with the nearest that do."""
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(known)}."
    return click.UsageError(f"There is no {what} {name!r}. {hint}", ctx)


class LazyGroup(click.Group):
    """Like `click.Group`, with commands by `module:attribute`."""

    def __init__(self, *args: Any, lazy: Mapping[str, Lazy] | None = None, **more: Any) -> None:
        super().__init__(*args, **more)
        self.lazy = dict(lazy or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order in which they were declared."""
        return [*self.lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        lazy = self.lazy.get(cmd_name)
        if lazy is None:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = lazy.target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{lazy.target} is no click command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Say which commands are near, where there is none of that name."""
        if (
            not ctx.resilient_parsing
            and not args[0].startswith("-")
            and args[0] not in self.list_commands(ctx)
        ):
            raise unknown("command", args[0], self.list_commands(ctx), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the lines that are known without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.help) for name, lazy in self.lazy.items()])
