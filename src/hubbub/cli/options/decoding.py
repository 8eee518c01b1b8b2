"""Options of the commands that decode messages: rules, directory, storage of bodies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from hubbub.cli.app import App

__all__ = ["bodies_option", "decoding_options"]


C = TypeVar("C", bound=Callable[..., Any])


def _set_bodies(ctx: click.Context, _parameter: click.Parameter, value: bool | None) -> None:  # noqa: FBT001 - click's call
    if value is not None:
        ctx.find_root().ensure_object(App).bodies_option = value


def bodies_option(command: C) -> C:
    """Add `--bodies/--no-bodies`, which takes precedence over the configuration."""
    return click.option(
        "--bodies/--no-bodies",
        default=None,
        help="Also store the full body of each message, for its retention period. [default: off]",
        callback=_set_bodies,
        expose_value=False,
    )(command)


def _set_path(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        app = ctx.find_root().ensure_object(App)
        setattr(app, f"{parameter.name}_path", Path(value))


def decoding_options(command: C) -> C:
    """Add `--rules` and `--directory`, which take precedence over the configuration."""
    for flag, metavar, text in (
        ("--directory", "FILE.json", "JSON object from e-mail address or nick to account."),
        ("--rules", "FILE.toml", "Extraction rules for your own bus; tried before hubbub's."),
    ):
        command = click.option(
            flag, metavar=metavar, help=text, callback=_set_path, expose_value=False
        )(command)
    return command
