"""`hubbub verify`: proof that the store holds what it says."""

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
@click.option("--repair", is_flag=True, help="Build again what can be; no event is touched.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_app
def verify(app: App, /, *, repair: bool, as_json: bool) -> int:
    """Read everything that is stored, and compare: files, checksums, ids, sums, ledger.

    Ends with 5 where something is not as it must be, with a list of it. --repair builds the set of
    ids and the sums by day and hour again, and puts the ledger in order. Loading waits meanwhile,
    receiving and queries do not.
    """
    from hubbub.store.maintenance.verify import verify as check

    app.configure_logging()
    with app.reading(load=False) as store:
        done = check(store, repair=repair)
    if as_json:
        facts = {
            "clean": done.clean,
            "checked": done.checked,
            "faults": [asdict(one) for one in done.faults],
            "repaired": [asdict(one) for one in done.repaired],
        }
        from hubbub.cli.output.formats import dumps

        click.echo(dumps(facts, indent=2))
    else:
        for one in done.faults:
            click.echo(f"{one.part}: {_line(one)}")
        for one in done.repaired:
            click.echo(f"repaired {one.part}: {_line(one)}")
        for name, n in done.checked.items():
            click.echo(f"checked {name}: {n:,}")
        click.echo("everything is as it must be" if done.clean else f"faults: {len(done.faults)}")
    return 0 if done.clean else StoreError.exit_code


def _line(fault: Fault) -> str:
    where = f"{fault.where}: " if fault.where else ""
    return f"{where}{fault.what}{f'; {fault.hint}' if fault.hint else ''}"
