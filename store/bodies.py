"""The Delta table `bodies`: what was received, byte for byte; only where somebody asked for it.

Comes in: bodies of a batch, whose events are new. Goes out: a commit that carries the batch's
number, and for ids the bodies. A body that held a forgotten name is null.

Bodies are committed before their events. A loader that died in between leaves bodies of a batch
that never was: `settle` takes them out again, and nothing is there twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubbub.store.delta import Table
from hubbub.store.tables import by_month

__all__ = ["BODIES", "Bodies", "Body"]

BODIES = pa.schema(
    [
        pa.field("time", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("body", pa.binary()),
    ]
)
_BATCH = re.compile(r"\d+-b(\d+)-[0-9a-f]+\.parquet")


class Body(msgspec.Struct, frozen=True, gc=False):
    """What a message was, as it was received."""

    time: int  # µs since the epoch, of its event
    id: str
    body: bytes | None  # None: it held a forgotten name


class Bodies(Table):
    """The table of bodies."""

    name: ClassVar[str] = "bodies"
    schema: ClassVar[Any] = BODIES
    options: ClassVar[Mapping[str, Any]] = {
        "compression": "zstd",
        "compression_level": 9,  # measured: see bench/bodies.py
        "use_dictionary": False,
        "column_encoding": {"id": "DELTA_BYTE_ARRAY", "time": "DELTA_BINARY_PACKED"},
        "data_page_size": 8 << 20,  # a page is what zstd sees at once
    }

    def append(self, bodies: Sequence[Body], batch: int) -> int:
        """Add bodies as one commit; return the new version, durable.

        Args:
            bodies: none of them is in the table.
            batch: the number under which their events will be committed.

        Raises:
            StoreError: no room, or the log is damaged. Nothing was added then, or everything.
        """
        parts = (
            (month, _to_arrow(sorted(part, key=lambda one: one.time)))
            for month, part in by_month(bodies).items()
        )
        return self.append_rows(parts, batch, mark=f"b{batch}-")

    def settle(self, batch: int) -> int:
        """Take out what batches after this one brought; how many bodies."""
        if self.batch() <= batch:
            return 0
        late = []
        for file in self.files():
            found = _BATCH.fullmatch(Path(file.uri).name)
            if found is not None and int(found[1]) > batch:
                late.append(file)
        self.replace(late, (), batch)
        return sum(file.rows for file in late)

    def find(self, ids: Sequence[str]) -> dict[str, bytes | None]:
        """The bodies of these ids; ids without one are not in the answer.

        Raises:
            StoreError: the Delta log is damaged.
        """
        wanted = pa.array(ids, pa.string())
        out: dict[str, bytes | None] = {}
        for file in self.files():
            with pq.ParquetFile(file.uri) as one:
                for part in one.iter_batches(4096):
                    rows = part.filter(pc.is_in(part["id"], wanted))
                    pairs = zip(rows["id"].to_pylist(), rows["body"].to_pylist(), strict=True)
                    out.update(pairs)
        return out


def _to_arrow(bodies: Sequence[Body]) -> Any:
    return pa.table(
        {name: pa.array([getattr(one, name) for one in bodies], BODIES.field(name).type)
         for name in BODIES.names},
        schema=BODIES,
    )  # fmt: skip
