"""`hubbub verify`: check the store for damage, and repair what can be rebuilt."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.errors import StoreError

if TYPE_CHECKING:
    from hubbub.store.maintenance.verify import Fault

__all__ = ["verify"]


@common_options
@click.command(name="verify")
@click.option("--repair", is_flag=True, help="Rebuild what can be rebuilt; no event is changed.")
@click.option(
    "--quick", is_flag=True, help="Do not read the rows: check logs, files, and how many rows."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@pass_app
def verify(app: App, /, *, repair: bool, quick: bool, as_json: bool) -> int:
    """Read everything that is stored and check files, checksums, ids, rollups and the ledger.

    Exits with 5 and a list of faults if there are any. --repair rebuilds the set of ids and the
    rollups, and corrects the ledger. Loading waits meanwhile; receiving and queries do not. --quick
    finds missing and truncated files in seconds, but no changed byte in one, and no repeated id.
    """
    from hubbub.store.maintenance.verify import verify as verify_store

    app.configure_logging()
    with app.reading(load=False) as store:
        result = verify_store(store, repair=repair, quick=quick)
    if as_json:
        facts = {
            "clean": result.clean,
            "checked": result.checked,
            "faults": [asdict(fault) for fault in result.faults],
            "repaired": [asdict(fault) for fault in result.repaired],
        }
        from hubbub.cli.output.formats import dumps

        click.echo(dumps(facts, indent=2))
    else:
        for fault in result.faults:
            click.echo(f"{fault.part}: {_line(fault)}")
        for fault in result.repaired:
            click.echo(f"repaired {fault.part}: {_line(fault)}")
        for name, count in result.checked.items():
            click.echo(f"checked {name}: {count:,}")
        click.echo("no faults" if result.clean else f"faults: {len(result.faults)}")
    return 0 if result.clean else StoreError.exit_code


def _line(fault: Fault) -> str:
    where = f"{fault.where}: " if fault.where else ""
    return f"{where}{fault.what}{f'; {fault.hint}' if fault.hint else ''}"
