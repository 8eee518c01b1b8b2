"""The form of the Delta tables, as steps from one to the next; the state file has `migrations`.

`STEPS[n]` leads from form n + 1 to n + 2: properties of the table, among them the number of its
form, in one commit that changes no row. A step that was released is never changed. A table without
a number has the first form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from deltalake.exceptions import DeltaError

from hubbub.errors import StoreError
from hubbub.store.disk.errors import write_error

if TYPE_CHECKING:
    import deltalake

    from hubbub.store.delta.table import Table

__all__ = ["FORM", "STEPS", "checked", "migrate", "newest"]

FORM = "hubbub.form"  # property of a table: the number
_FIRST = {"delta.dataSkippingStatsColumns": "time"}
STEPS: tuple[Mapping[str, str], ...] = (
    {
        # delta-rs deletes log entries before their checkpoint is durable; `compact.trim_log` syncs
        "delta.enableExpiredLogCleanup": "false",
        # how long checkpoints remember files that are no part of the table any more
        "delta.deletedFileRetentionDuration": "interval 1 days",
    },
)
_log = structlog.get_logger("hubbub.store")


def newest() -> dict[str, str]:
    """The properties of a new table."""
    out = dict(_FIRST)
    for step in STEPS:
        out.update(step)
    return out | {FORM: str(len(STEPS) + 1)}


def checked(table: deltalake.DeltaTable, folder: Path) -> deltalake.DeltaTable:
    """The table, if its form is known.

    Raises:
        StoreError: a newer hubbub wrote it.
    """
    form = _form(table)
    if form > len(STEPS) + 1:
        raise StoreError(
            f"the table has form {form}; this hubbub knows {len(STEPS) + 1}",
            where=str(folder),
            hint="install the newer hubbub that wrote it",
        )
    return table


def migrate(tables: Iterable[Table]) -> None:
    """Bring tables to the newest form, each in one commit. For the holder of the loader's lock.

    Raises:
        StoreError: no room, or damage; a table has its old form or the newest.
    """
    for one in tables:
        if not one.exists():
            continue
        table = one.table()
        form = _form(table)
        if form > len(STEPS):
            continue
        changes = {FORM: str(len(STEPS) + 1)}
        for step in STEPS[form - 1 :]:
            changes.update(step)
        try:
            table.alter.set_table_properties(changes, raise_if_not_exists=False)
            one.sync()
        except (DeltaError, OSError) as e:
            raise write_error(f"cannot migrate {one.name}", e, one.folder) from e
        _log.info("table migrated", table=one.name, form=len(STEPS) + 1)


def _form(table: deltalake.DeltaTable) -> int:
    return int(table.metadata().configuration.get(FORM, "1"))
