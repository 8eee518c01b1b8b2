"""`hubbub people FILE.jsonl`: print the users that each message names, without a store."""

from __future__ import annotations

import sys

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.options.decoding import decoding_options

__all__ = ["people"]


@common_options
@click.command(name="people")
@click.argument("file", metavar="FILE.jsonl")
@decoding_options
@pass_app
def people(app: App, file: str) -> None:
    """Print for each message of a file one line: {"id", "topic", "agent", "users", "objects"}.

    A line of the file is a fedmsg envelope, a fedora-messaging message, a row of history, or a
    delivery of a webhook: {"hook": NAME, "event": …, "payload": {…}}. - is standard input; gzip is
    supported. For a line that cannot be decoded the output is {"id": null, …, "error": …}.
    """
    from hubbub.cli.output.formats import dumps
    from hubbub.collector.files.reader import plain_lines
    from hubbub.collector.people.lines import people_lines

    app.configure_logging()
    reader = app.reader
    for record in people_lines(plain_lines(file), reader.directory, reader.rules):
        sys.stdout.write(dumps(record) + "\n")
