"""The option of the commands that store messages: whether they are stored whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from hubbub.cli.app import App

__all__ = ["bodies_option"]

C = TypeVar("C", bound=Callable[..., Any])


def _note(ctx: click.Context, _parameter: click.Parameter, value: bool | None) -> None:  # noqa: FBT001 - click's call
    if value is not None:
        ctx.find_root().ensure_object(App).bodies_stated = value


def bodies_option(command: C) -> C:
    """Add `--bodies/--no-bodies`; it wins over the configuration."""
    return click.option(
        "--bodies/--no-bodies",
        default=None,
        help="Store messages whole too, for as long as retention says. [default: not]",
        callback=_note,
        expose_value=False,
    )(command)
