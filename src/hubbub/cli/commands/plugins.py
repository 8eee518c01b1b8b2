"""`hubbub plugins`: list the registered queries, views and jobs."""

from __future__ import annotations

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.functions import split_docstring

__all__ = ["plugins"]


@common_options
@click.command(name="plugins")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@pass_app
def plugins(app: App, *, as_json: bool) -> None:
    """List every query, view and job: built-in, installed, and from --plugins."""
    from hubbub.cli.output.formats import dumps, show_table
    from hubbub.cli.output.tables import Table
    from hubbub.registry import REGISTRY

    app.configure_logging()
    app.plugins()
    rows = [
        {
            "kind": function.noun,
            "name": name,
            "module": function.module,
            "parameters": [p.name for p in function.parameters],
            "doc": (split_docstring(function.doc)[0].splitlines() or [""])[0],
        }
        for functions in (REGISTRY.queries, REGISTRY.views, REGISTRY.jobs)
        for name, function in sorted(functions.items())
        if function.public
    ]
    if as_json:
        click.echo(dumps(rows, indent=2))
        return
    columns = ("kind", "name", "module", "doc")
    show_table(Table(columns, [[row[c] for c in columns] for row in rows]))
