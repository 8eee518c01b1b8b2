"""The injected `samples`: values of gauges in the range of the request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.store.query.engine import rows_in_memory, view
from hubbub.store.tables.samples import SAMPLES, SelectedSamples, columns
from hubbub.times import from_micros

if TYPE_CHECKING:
    from hubbub.store import Store

__all__ = ["read_samples"]


def read_samples(store: Store, since: int, until: int) -> SelectedSamples:
    """Return the samples with times in [since, until), µs."""
    import ibis

    paths = [f.uri for f in store.samples.files() if f.overlaps(since, until)]
    if paths:
        rows = view(store.backend, "samples", paths)
    else:
        rows = rows_in_memory(store.backend, "no_samples", SAMPLES.empty_table())
    start, end = ibis.timestamp(from_micros(since)), ibis.timestamp(from_micros(until))
    rows = rows.filter(rows.time >= start, rows.time < end)
    return SelectedSamples(rows, columns(store.state))
