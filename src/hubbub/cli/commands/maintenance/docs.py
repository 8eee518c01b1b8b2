"""`hubbub docs`: manual pages and completion, for this installation."""

from __future__ import annotations

from pathlib import Path

import click

from hubbub.cli.app import common_options

__all__ = ["docs"]

_SHELLS = ("bash", "zsh", "fish")


@common_options
@click.group(name="docs")
def docs() -> None:
    """Write manual pages, or the script that completes commands in a shell."""


@common_options
@docs.command(name="man")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.pass_context
def man_command(ctx: click.Context, folder: Path) -> int:
    """Write a manual page for each command into FOLDER.

    `man` finds those in ~/.local/share/man/man1.
    """
    from hubbub.cli.manual import pages
    from hubbub.errors import UsageError
    from hubbub.store.disk.files import replace_file

    try:
        folder.mkdir(parents=True, exist_ok=True)
        number = 0
        for name, text in pages(ctx.find_root().command, "hubbub"):
            replace_file(folder / name, text.encode())
            number += 1
    except OSError as error:
        raise UsageError(
            f"cannot write manual pages: {error.strerror}", where=str(folder)
        ) from error
    click.echo(f"{number} pages in {folder}; man hubbub")
    return 0


@common_options
@docs.command(name="completion")
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion_command(ctx: click.Context, shell: str) -> int:
    """Print the script that completes commands, options and names of queries.

    bash: add `eval "$(hubbub docs completion bash)"` to ~/.bashrc; zsh alike in ~/.zshrc; fish:
    `hubbub docs completion fish > ~/.config/fish/completions/hubbub.fish`.
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, "hubbub", "_HUBBUB_COMPLETE").source())
    return 0
