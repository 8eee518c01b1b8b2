"""`hubbub people FILE.jsonl`: whom each message names. Stores nothing."""

from __future__ import annotations

import sys

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.options.reading import reading_options

__all__ = ["people"]


@common_options
@click.command(name="people")
@click.argument("file", metavar="FILE.jsonl")
@reading_options
@pass_app
def people(app: App, file: str) -> None:
    """For each line a line: {"id", "topic", "agent", "users", "objects"}.

    A line is a fedmsg envelope, a fedora-messaging message or a row of history; - is standard
    input, and gzip is understood. A line that cannot be read gives {"id": null, …, "error": …}.
    """
    from hubbub.cli.output.formats import dumps
    from hubbub.collector.files.reader import plain_lines
    from hubbub.collector.people.extract import people_lines

    app.configure_logging()
    by = app.reader
    for answer in people_lines(plain_lines(file), by.directory, by.rules):
        sys.stdout.write(dumps(answer) + "\n")
