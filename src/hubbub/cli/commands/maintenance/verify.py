"""`hubbub verify`: check the store for damage, and repair what can be rebuilt."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.errors import StoreError
from hubbub.language.plurals import plural
from hubbub.times import iso

if TYPE_CHECKING:
    from hubbub.store.maintenance.verify import Fault

__all__ = ["verify"]


@common_options
@click.command(name="verify")
@click.option("--repair", is_flag=True, help="Rebuild what can be rebuilt; no event is changed.")
@click.option(
    "--quick", is_flag=True, help="Do not decode rows: check logs, files, checksums, how many rows."
)
@click.option(
    "--since", metavar="TIME", help="Check only tables' files of this time's month and later ones."
)
@click.option(
    "--restart", is_flag=True, help="Start again, even if a verification was interrupted."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@pass_app
def verify(
    app: App, /, *, repair: bool, quick: bool, since: str | None, restart: bool, as_json: bool
) -> int:
    """Read everything that is stored and check files, checksums, ids, rollups and the ledger.

    Exits with 5 and a list of faults if there are any. --repair rebuilds the set of ids and the
    rollups, and corrects the ledger. Loading waits meanwhile; receiving and queries do not.

    One that is interrupted or killed is continued by the next one within a day: files that it
    found sound are not read again, unless they were written since. --quick finds missing files and
    changed bytes in seconds, but no repeated id, and no rollup that does not match.
    """
    from hubbub.cli.output.progress import log_level, note_continued, steps, time_of
    from hubbub.store.maintenance.verify import verify as verify_store

    app.configure_logging(level=log_level())
    start = None
    if since is not None:
        from hubbub.cli.functions import request_zone
        from hubbub.parameters import convert

        start = convert(datetime, since, "since", request_zone(app).local(datetime.now(UTC)))
    with app.reading(load=False) as store, steps("verifying") as show:
        result = verify_store(
            store,
            repair=repair,
            quick=quick,
            since=start,
            restart=restart,
            show=show,
            note=note_continued("verification"),
        )
    if as_json:
        facts = {
            "clean": result.clean,
            "continued": result.continued and iso(time_of(result.continued)),
            "skipped": result.skipped,
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
        if result.skipped:
            files = plural(result.skipped, "file was", "files were")
            click.echo(f"{files} checked before the interruption")
        click.echo("no faults" if result.clean else f"faults: {len(result.faults)}")
    return 0 if result.clean else StoreError.exit_code


def _line(fault: Fault) -> str:
    where = f"{fault.where}: " if fault.where else ""
    return f"{where}{fault.what}{f'; {fault.hint}' if fault.hint else ''}"
