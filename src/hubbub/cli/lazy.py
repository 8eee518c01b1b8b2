"""A group of commands that imports a command's module when the command is used."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import click

__all__ = ["Lazy", "LazyGroup", "unknown_name"]


class Lazy(NamedTuple):
    """Where a command is defined, and its line in the list of commands."""

    target: str  # module:attribute
    help: str


def unknown_name(noun: str, name: str, names: list[str], ctx: click.Context) -> click.UsageError:
    """Return the error for a name that does not exist, with the most similar ones."""
    hint = f"There are: {', '.join(names)}."
    if matches := difflib.get_close_matches(name, names, n=3, cutoff=0.5):
        hint = f"Did you mean {' or '.join(matches)}?"
    return click.UsageError(f"There is no {noun} {name!r}. {hint}", ctx)


class LazyGroup(click.Group):
    """A `click.Group` whose commands are given as `module:attribute`."""

    def __init__(self, *args: Any, lazy: Mapping[str, Lazy] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = dict(lazy or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names, in the order of declaration."""
        return [*super().list_commands(ctx), *self.lazy]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and return the command."""
        lazy = self.lazy.get(cmd_name)
        if lazy is None:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = lazy.target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{lazy.target} is not a click command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve a name; suggest similar ones if there is no such command."""
        if (
            not ctx.resilient_parsing
            and not args[0].startswith("-")
            and self.get_command(ctx, args[0]) is None
        ):
            raise unknown_name("command", args[0], self.list_commands(ctx), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any of them."""
        own = [
            (name, command.get_short_help_str(limit=100)) for name, command in self.commands.items()
        ]
        with formatter.section("Commands"):
            formatter.write_dl([*own, *((name, lazy.help) for name, lazy in self.lazy.items())])
