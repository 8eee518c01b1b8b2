"""`hubbub load [FOLDER]…`: load waiting messages, also those of listeners on other machines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.options.decoding import decoding_options
from hubbub.cli.options.trust import trust_files, trust_options
from hubbub.language.plurals import plural

__all__ = ["load"]


@common_options
@click.command(name="load")
@click.argument("folders", nargs=-1, metavar="[FOLDER]...", type=click.Path(path_type=Path))
@click.option(
    "--recover",
    is_flag=True,
    help="Also load the open segment of a listener that was killed and will not start again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@trust_options
@decoding_options
@pass_app
def load(
    app: App, /, folders: tuple[Path, ...], *, recover: bool, as_json: bool, **options: Any
) -> None:
    """Load waiting messages into the tables.

    A FOLDER is the store of `hubbub listen --spool-only`, its spool, or the folder that this is
    copied to. Its complete segments are copied into the spool of this store, loaded, and then
    deleted in FOLDER; its record of coverage is loaded, too. Each message is stored once, even if
    this is interrupted at any moment or the same segments are copied again.

    Messages that were received with a CA are checked by the one that is given or configured here.
    """
    from hubbub.store.handover.incoming import adopt, source_folder

    app.configure_logging()
    app.check_rules()
    trust = trust_files(app, options) if folders else None
    sources = [source_folder(folder) for folder in folders]
    with app.store() as store:
        taken = [adopt(store, folder, trust=trust, recover=recover) for folder in sources]
        loaded = store.load(understand=app.reader)
        facts: dict[str, Any] = {}
        if taken:
            facts = {
                "copied": sum(each.copied for each in taken),
                "bytes": sum(each.bytes for each in taken),
                "deleted": sum(each.finish() for each in taken),
                "being_written": sum(each.being_written for each in taken),
            }
    facts |= {"new": loaded.new, "known": loaded.known, "refused": loaded.refused}
    if as_json:
        app.print_facts(facts, as_json=True)
        return
    if taken:
        click.echo(
            f"{plural(facts['copied'], 'segment')} copied ({facts['bytes']:,} bytes), "
            f"{facts['deleted']:,} deleted where they came from, "
            f"{facts['being_written']:,} still being written"
        )
    refused = {"refused": loaded.refused} if loaded.refused else {}
    app.print_facts({"new": loaded.new, "known": loaded.known, **refused}, as_json=False)
