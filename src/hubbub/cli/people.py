"""`hubbub people FILE.jsonl`: whom each message names. Stores nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.understanding import reading_options
from hubbub.errors import UsageError

__all__ = ["people"]


@common_options
@click.command(name="people")
@click.argument("file", metavar="FILE.jsonl")
@reading_options
@pass_app
def people(app: App, file: str) -> None:
    """For each line a line: {"id", "topic", "agent", "users", "objects"}.

    A line is a fedmsg envelope, a fedora-messaging message or a row of history; - is standard
    input. A line that cannot be read gives {"id": null, …, "error": …}.
    """
    from hubbub.cli.formats import dumps
    from hubbub.collector.people import people_lines

    app.logs()
    by = app.reader
    with _opened(file) as lines:
        for answer in people_lines(_each(lines), by.directory, by.rules):
            sys.stdout.write(dumps(answer) + "\n")


def _opened(name: str) -> IO[bytes]:
    if name == "-":
        return sys.stdin.buffer
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=name) from error


def _each(lines: IO[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield line.rstrip(b"\r\n")
