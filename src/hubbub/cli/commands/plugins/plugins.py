"""`hubbub plugins`: list the registered functions; its subcommands."""

from __future__ import annotations

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.commands.plugins.handlers import handlers, restart
from hubbub.cli.commands.plugins.new import new
from hubbub.docstrings import split_docstring

__all__ = ["plugins"]

KINDS = ("query", "view", "cron", "event_handler", "event_property")


@common_options
@click.group(name="plugins", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@pass_app
@click.pass_context
def plugins(ctx: click.Context, app: App, *, as_json: bool) -> None:
    """List every query, view, job, event handler and event property.

    They are built-in, of installed packages, and of the files of --plugins and the configuration.

    `hubbub plugins new NAME` writes a package with a plugin of your own; `hubbub plugins handlers`
    shows how far event handlers are.
    """
    if ctx.invoked_subcommand is not None:
        return
    from hubbub.cli.output.formats import dumps, show_table
    from hubbub.formats.tables import Table
    from hubbub.registry import REGISTRY

    app.configure_logging()
    app.plugins()
    rows = [
        {
            "kind": function.noun,
            "name": function.name,
            "module": function.module,
            "parameters": [p.name for p in function.parameters],
            "doc": (split_docstring(function.doc)[0].splitlines() or [""])[0],
        }
        for kind in KINDS
        for function in sorted(REGISTRY.of(kind).values(), key=lambda each: each.name)
        if function.public
    ]
    if as_json:
        click.echo(dumps(rows, indent=2))
        return
    columns = ("kind", "name", "module", "doc")
    show_table(Table(columns, [[row[c] for c in columns] for row in rows]))


plugins.add_command(new)
plugins.add_command(handlers)
plugins.add_command(restart)
