"""Format version of the Delta tables, and migration from older versions.

`STEPS[n]` holds the table properties that lead from version n + 1 to n + 2. A migration sets them,
and the version number, in one commit that changes no row. A released step must never be edited. A
table without a version number has version 1. (The state file's schema has steps of its own:
see `hubbub.store.state.schema`.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from deltalake.exceptions import DeltaError

from hubbub.errors import StoreError
from hubbub.logger import get_logger
from hubbub.store.disk.errors import write_error

if TYPE_CHECKING:
    import deltalake

    from hubbub.store.delta.table import Table

__all__ = ["FORM", "STEPS", "check_version", "form_of", "latest_properties", "migrate"]

FORM = "hubbub.form"  # table property that holds the format version
_FIRST = {"delta.dataSkippingStatsColumns": "time"}
STEPS: tuple[Mapping[str, str], ...] = (
    {
        # delta-rs deletes log entries before their checkpoint is durable;
        # `maintenance.compaction.trim_log` deletes them afterwards
        "delta.enableExpiredLogCleanup": "false",
        # how long checkpoints remember files that were removed from the table
        "delta.deletedFileRetentionDuration": "interval 1 days",
    },
)
_log = get_logger("hubbub.store")


def latest_properties() -> dict[str, str]:
    """Return the properties of a new table."""
    properties = dict(_FIRST)
    for step in STEPS:
        properties.update(step)
    return properties | {FORM: str(len(STEPS) + 1)}


def check_version(table: deltalake.DeltaTable, folder: Path) -> deltalake.DeltaTable:
    """Return the table if its format version is supported.

    Raises:
        StoreError: a newer hubbub wrote it.
    """
    version = form_of(table)
    if version > len(STEPS) + 1:
        raise StoreError(
            f"the table has format version {version}; "
            f"this hubbub supports versions up to {len(STEPS) + 1}",
            where=str(folder),
            hint="install the newer hubbub that wrote it",
        )
    return table


def migrate(tables: Iterable[Table]) -> None:
    """Migrate tables to the latest version, each in one commit. Needs the loader's lock.

    Raises:
        StoreError: no room, or damage; each table has its old version or the latest one.
    """
    for table in tables:
        version = table.form()
        if not version or version > len(STEPS):
            continue
        properties = {FORM: str(len(STEPS) + 1)}
        for step in STEPS[version - 1 :]:
            properties.update(step)
        try:
            table.table().alter.set_table_properties(properties, raise_if_not_exists=False)
            table.sync()
        except (DeltaError, OSError) as e:
            raise write_error(f"cannot migrate {table.name}", e, table.folder) from e
        _log.info("table migrated", table=table.name, form=len(STEPS) + 1)


def form_of(table: deltalake.DeltaTable) -> int:
    """Return the format version of a snapshot."""
    return int(table.metadata().configuration.get(FORM, "1"))
