"""The command line: one module for each command, imported when the command is used."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """The `hubbub` command; ends the process with one of the documented exit codes."""
    from hubbub.cli.root import run

    run()
