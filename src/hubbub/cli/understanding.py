"""Options of the commands that read messages: whose rules say who and what, and which directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from hubbub.cli.app import App

__all__ = ["reading_options"]

C = TypeVar("C", bound=Callable[..., Any])


def _note(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        app = ctx.find_root().ensure_object(App)
        setattr(app, f"{parameter.name}_path", Path(value))


def reading_options(command: C) -> C:
    """Add `--rules` and `--directory`; they win over the configuration's `[people]`."""
    for flag, metavar, text in (
        ("--directory", "FILE.json", "JSON object from e-mail address or nick to account."),
        ("--rules", "FILE.toml", "Who and what on a bus of your own; goes before hubbub's rules."),
    ):
        command = click.option(
            flag, metavar=metavar, help=text, callback=_note, expose_value=False
        )(command)
    return command
